-- Agama, the demo's web application: clients, orders, documents; some 200,000 rows and every column type that matters.
-- Always the same rows: what looks random is CRC32 or SHA2 of a number. Runs in seconds, by the mysql client.
SET NAMES utf8mb4;
SET time_zone = '+00:00';
SET SESSION cte_max_recursion_depth = 1000000;

CREATE DATABASE IF NOT EXISTS agama CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci;
USE agama;

CREATE TABLE client (
  id           BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  email        VARCHAR(255),
  name         VARCHAR(120) NOT NULL,
  kind         ENUM('person', 'company', 'public body') NOT NULL DEFAULT 'person',
  interests    SET('books', 'music', 'garden', 'tools') NOT NULL DEFAULT '',
  born         DATE,
  flags        BIT(12) NOT NULL DEFAULT b'0',
  credit       DECIMAL(14, 4) NOT NULL DEFAULT 0,
  rating       FLOAT,
  loyalty      DOUBLE,
  client_since YEAR,
  home         POINT NOT NULL SRID 4326,
  settings     JSON,
  token        VARBINARY(16),
  registered   TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  seen         DATETIME(6),
  email_domain VARCHAR(255) GENERATED ALWAYS AS (SUBSTRING_INDEX(email, '@', -1)) STORED,
  initial      CHAR(1) GENERATED ALWAYS AS (LEFT(name, 1)) VIRTUAL,
  PRIMARY KEY (id),
  UNIQUE KEY email (email),
  KEY domain (email_domain),
  SPATIAL KEY home (home)
);

CREATE TABLE product (
  id     INT UNSIGNED NOT NULL AUTO_INCREMENT,
  code   CHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  title  VARCHAR(200) NOT NULL,
  price  DECIMAL(10, 2) NOT NULL,
  weight FLOAT,
  stock  MEDIUMINT NOT NULL DEFAULT 0,
  photo  MEDIUMBLOB,
  PRIMARY KEY (id),
  UNIQUE KEY code (code)
);

CREATE TABLE `order` (
  id        BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  client_id BIGINT UNSIGNED NOT NULL,
  placed_at DATETIME(6) NOT NULL,
  status    ENUM('open', 'paid', 'shipped', 'cancelled') NOT NULL DEFAULT 'open',
  note      TEXT,
  PRIMARY KEY (id),
  KEY placed (placed_at),
  CONSTRAINT order_client FOREIGN KEY (client_id) REFERENCES client (id)
);

CREATE TABLE order_line (
  order_id   BIGINT UNSIGNED NOT NULL,
  line       TINYINT UNSIGNED NOT NULL,
  product_id INT UNSIGNED NOT NULL,
  quantity   SMALLINT NOT NULL,
  price      DECIMAL(10, 2) NOT NULL,
  amount     DECIMAL(14, 2) GENERATED ALWAYS AS (quantity * price) STORED,
  PRIMARY KEY (order_id, line),
  CONSTRAINT line_order FOREIGN KEY (order_id) REFERENCES `order` (id) ON DELETE CASCADE,
  CONSTRAINT line_product FOREIGN KEY (product_id) REFERENCES product (id)
);

CREATE TABLE document (
  id         INT UNSIGNED NOT NULL AUTO_INCREMENT,
  client_id  BIGINT UNSIGNED NOT NULL,
  title      VARCHAR(200) NOT NULL,
  media_type VARCHAR(60) NOT NULL,
  content    LONGBLOB NOT NULL,
  plain_text MEDIUMTEXT,
  PRIMARY KEY (id),
  FULLTEXT KEY words (plain_text),
  CONSTRAINT document_client FOREIGN KEY (client_id) REFERENCES client (id)
);

CREATE TABLE payment (
  id       BIGINT NOT NULL AUTO_INCREMENT,
  paid_on  DATE NOT NULL,
  order_id BIGINT UNSIGNED NOT NULL,
  amount   DECIMAL(14, 2) NOT NULL,
  method   VARCHAR(20) NOT NULL,
  PRIMARY KEY (id, paid_on)
) PARTITION BY RANGE COLUMNS (paid_on) (
  PARTITION before_2025 VALUES LESS THAN ('2025-01-01'),
  PARTITION in_2025 VALUES LESS THAN ('2026-01-01'),
  PARTITION later VALUES LESS THAN (MAXVALUE)
);

-- No key: equal rows are allowed, and there are some.
CREATE TABLE audit_log (
  at     TIMESTAMP(3) NOT NULL,
  who    VARCHAR(60) NOT NULL,
  what   VARCHAR(200) NOT NULL,
  detail JSON
);

CREATE TABLE setting (
  name  VARCHAR(60) NOT NULL,
  value JSON NOT NULL,
  PRIMARY KEY (name)
);

CREATE TABLE opening_hours (
  weekday TINYINT NOT NULL,
  opens   TIME(6) NOT NULL,
  closes  TIME NOT NULL,
  PRIMARY KEY (weekday)
);

-- The ends of every number's range, and what text likes to break on.
CREATE TABLE `Odd ``names`` & größen` (
  `the key`   INT NOT NULL AUTO_INCREMENT,
  tiny        TINYINT,
  small       SMALLINT UNSIGNED,
  medium      MEDIUMINT,
  `bigint`    BIGINT UNSIGNED,
  exact       DECIMAL(65, 30),
  single      FLOAT,
  twofold     DOUBLE,
  `Größe (µ)`  VARCHAR(40) GENERATED ALWAYS AS (CONCAT(tiny, ' × ', small)) VIRTUAL,
  `text`      LONGTEXT,
  fixed       BINARY(8),
  area        GEOMETRY SRID 0,
  PRIMARY KEY (`the key`)
);

CREATE TABLE newsletter (
  id      INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  subject VARCHAR(200),
  body    MEDIUMTEXT
);

INSERT INTO client (email, name, kind, interests, born, flags, credit, rating, loyalty, client_since, home, settings, token, registered, seen)
WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 20000)
SELECT CONCAT('client', n, '@', ELT(1 + n MOD 4, 'example.org', 'example.net', 'büro.example', 'post.example')),
       CONCAT(ELT(1 + CRC32(n) MOD 6, 'Žofie', 'Łukasz', 'Björn', '小林', 'Ольга', 'Zoë 🦉'), ' ', HEX(CRC32(n + 7))),
       1 + n MOD 3,
       CRC32(n + 1) MOD 16,
       IF(n MOD 11 = 0, NULL, DATE '1940-01-01' + INTERVAL CRC32(n) MOD 24000 DAY),
       CRC32(n + 2) MOD 4096,
       CAST(CRC32(n + 3) MOD 100000000 AS DECIMAL(14, 4)) / 10000 - 5000,
       IF(n MOD 13 = 0, NULL, CRC32(n + 4) / 3e7),
       SIN(n) * EXP(n MOD 300),
       1990 + n MOD 36,
       ST_SRID(POINT(CRC32(n) MOD 36000 / 100 - 180, CRC32(n + 5) MOD 18000 / 100 - 90), 4326),
       IF(n MOD 17 = 0, NULL, JSON_OBJECT('language', ELT(1 + n MOD 3, 'cs', 'de', 'en'), 'columns', JSON_ARRAY(n, n / 7, NULL, TRUE), 'smile', '🙂')),
       IF(n MOD 19 = 0, NULL, UNHEX(LEFT(SHA2(n, 256), 32))),
       TIMESTAMP '2019-03-31 00:30:00' + INTERVAL CRC32(n + 6) MOD 200000000 SECOND + INTERVAL CRC32(n) MOD 1000000 MICROSECOND,
       IF(n MOD 5 = 0, NULL, TIMESTAMP '2026-01-01 00:00:00' + INTERVAL CRC32(n) MOD 20000000 SECOND + INTERVAL n MICROSECOND)
FROM number;

INSERT INTO product (code, title, price, weight, stock, photo)
WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 800)
SELECT LPAD(HEX(n * 7919), 8, '0'), CONCAT(ELT(1 + n MOD 4, 'lamp', 'chair', 'kettle ☕', 'boat ⛵'), ' no. ', n), 1 + CRC32(n) MOD 90000 / 100,
       CRC32(n) / 1e8, CAST(CRC32(n) MOD 500 AS SIGNED) - 20, IF(n MOD 3 = 0, NULL, REPEAT(UNHEX(SHA2(n, 512)), 8 + n MOD 24))
FROM number;

INSERT INTO `order` (client_id, placed_at, status, note)
WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 45000)
SELECT 1 + CRC32(n) MOD 20000, TIMESTAMP '2024-01-01 00:00:00' + INTERVAL n * 1900 SECOND + INTERVAL CRC32(n) MOD 1000000 MICROSECOND,
       1 + CRC32(n + 1) MOD 4, IF(n MOD 3 = 0, NULL, CONCAT('please ring twice\n', HEX(CRC32(n))))
FROM number;

INSERT INTO order_line (order_id, line, product_id, quantity, price)
WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 90000)
SELECT 1 + (n - 1) DIV 2, 1 + n MOD 2, 1 + CRC32(n) MOD 800, 1 + CRC32(n + 1) MOD 9, 1 + CRC32(n) MOD 90000 / 100
FROM number;

INSERT INTO document (client_id, title, media_type, content, plain_text)
WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 1000)
SELECT 1 + CRC32(n) MOD 20000, CONCAT('contract ', n, '.pdf'), 'application/pdf',
       CONCAT(UNHEX('255044462d00ff'), REPEAT(CONCAT(UNHEX(SHA2(n, 512)), UNHEX(SHA2(-n, 384))), 20 + n MOD 100)),
       IF(n MOD 2 = 0, NULL, REPEAT(CONCAT('Clause ', n, ': the party of the first part … '), 1 + n MOD 20))
FROM number;

INSERT INTO payment (paid_on, order_id, amount, method)
WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 25000)
SELECT DATE '2024-01-01' + INTERVAL n MOD 1000 DAY, 1 + CRC32(n) MOD 45000, 1 + CRC32(n) MOD 900000 / 100, ELT(1 + n MOD 3, 'card', 'transfer', 'cash')
FROM number;

INSERT INTO audit_log (at, who, what, detail)
WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 20000)
SELECT TIMESTAMP '2026-01-01 00:00:00' + INTERVAL n DIV 3 SECOND, CONCAT('user', n DIV 9), ELT(1 + n DIV 3 MOD 3, 'login', 'logout', 'order seen'),
       IF(n DIV 3 MOD 2 = 0, NULL, JSON_OBJECT('ip', CONCAT('10.0.', n DIV 3 MOD 200, '.7')))
FROM number;

INSERT INTO setting VALUES
  ('currency', '"CZK"'), ('vat', '{"default": 21, "reduced": [12, 0]}'), ('mail', '{"from": "shop@agama.example", "tls": true}'), ('greeting', '"¡Hola! 👋"');
INSERT INTO opening_hours VALUES
  (1, '08:00:00.000001', '17:30:00'), (2, '08:00', '17:30'), (3, '08:00', '17:30'), (4, '08:00', '20:00'), (5, '-01:30:00.5', '25:15:00');
INSERT INTO `Odd ``names`` & größen` (tiny, small, medium, `bigint`, exact, single, twofold, `text`, fixed, area) VALUES
  (-128, 65535, -8388608, 18446744073709551615, -99999999999999999999999999999999999.999999999999999999999999999999, 3.4e38, 1.7976931348623157e308, '', x'00ff00ff00ff00ff', ST_GeomFromText('POLYGON((0 0,0 1,1 1,0 0))')),
  (127, 0, 8388607, 0, 0.000000000000000000000000000001, 1.17549e-38, 5e-324, 'back\\slash ''quoted'' "twice"\0zero', x'0000000000000000', NULL),
  (NULL, NULL, NULL, NULL, NULL, 0.1, 0.1, NULL, NULL, ST_GeomFromText('LINESTRING(0 0,1e-9 1)')),
  (0, 1, 0, 1, 0, -0e0, -0e0, '🏴‍☠️ e\u0301 NULL \N', '\t,;', ST_GeomFromText('GEOMETRYCOLLECTION EMPTY'));

CREATE VIEW orders AS
  SELECT o.id, o.status AS state, o.placed_at AS created_at, COALESCE(SUM(l.amount), 0) AS amount
  FROM `order` o LEFT JOIN order_line l ON l.order_id = o.id GROUP BY o.id, o.status, o.placed_at;
CREATE VIEW open_order AS
  SELECT orders.id, orders.created_at, client.name, orders.amount
  FROM orders JOIN `order` ON `order`.id = orders.id JOIN client ON client.id = `order`.client_id WHERE orders.state = 'open';
CREATE VIEW debtor AS SELECT id, name, credit FROM client WHERE credit < 0 WITH CHECK OPTION;

CREATE ROLE IF NOT EXISTS agama_reader;
GRANT SELECT, SHOW VIEW ON agama.* TO agama_reader;
CREATE USER IF NOT EXISTS clerk ACCOUNT LOCK;
GRANT agama_reader TO clerk;

DELIMITER //
CREATE TRIGGER client_changed AFTER UPDATE ON client FOR EACH ROW
BEGIN
  IF NOT (NEW.email <=> OLD.email AND NEW.credit <=> OLD.credit) THEN
    INSERT INTO audit_log VALUES (NOW(3), 'trigger', CONCAT('client ', NEW.id, ' changed'), JSON_OBJECT('credit', NEW.credit));
  END IF;
END //
CREATE FUNCTION order_total (wanted BIGINT UNSIGNED) RETURNS DECIMAL(14, 2) READS SQL DATA
  RETURN (SELECT COALESCE(SUM(amount), 0) FROM order_line WHERE order_id = wanted) //
CREATE PROCEDURE pay (IN wanted BIGINT UNSIGNED, IN how VARCHAR(20))
BEGIN
  INSERT INTO payment (paid_on, order_id, amount, method) VALUES (CURRENT_DATE, wanted, order_total(wanted), how);
  UPDATE `order` SET status = 'paid' WHERE id = wanted;
END //
CREATE EVENT tick ON SCHEDULE EVERY 2 SECOND COMMENT 'a server is never quite still' DO
  INSERT INTO audit_log VALUES (NOW(3), 'event', 'tick', NULL) //
DELIMITER ;
