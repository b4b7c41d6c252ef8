"""A database in which personal values lie wherever a server may keep them, and the rules that mask it."""

PLANTED = (
    "Kunigunde Quastenflosser",
    "kunigunde.quastenflosser@gibtsnicht.example",
    "Ørjan Håkonsønn-Ærlig",
    "+49 30 901820123",
    "DE89370400440532013000",
    "Zwetschgenweg 17b, 99999 Hinterobermoos",
    "geheimes Kennwort eins",
    "Wolpertinger",
)
"""What must be nowhere in what is handed over: in no row, no log, no index, no statistics."""

_RECURSION = "WITH RECURSIVE n AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM n WHERE n < 400) "
SOURCE = (
    "CREATE DATABASE shop",
    (
        "CREATE TABLE shop.client (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, email VARCHAR(120) UNIQUE, name VARCHAR(60) NOT NULL, "
        "last_name VARCHAR(30) CHARACTER SET latin1, phone VARCHAR(30), iban CHAR(22) CHARACTER SET ascii, born DATE, "
        "token VARBINARY(16), home POINT NOT NULL SRID 4326, settings JSON, kind ENUM('person', 'company') DEFAULT 'person', "
        "domain VARCHAR(120) AS (SUBSTRING_INDEX(email, '@', -1)) STORED, code CHAR(8) COLLATE utf8mb4_bin UNIQUE, "
        "SPATIAL KEY (home), KEY (domain))"
    ),
    (
        "CREATE TABLE shop.login (nick VARCHAR(20) PRIMARY KEY, client_email VARCHAR(120), secret VARCHAR(80), "
        "FOREIGN KEY (client_email) REFERENCES shop.client (email))"
    ),
    (
        "CREATE TABLE shop.letter (id INT AUTO_INCREMENT PRIMARY KEY, body LONGTEXT, scan LONGBLOB, wide VARCHAR(99) CHARACTER SET utf16, "
        "amount DECIMAL(9,2), f FLOAT, at TIMESTAMP(3) NULL, FULLTEXT (body))"
    ),
    "CREATE TABLE shop.gone (name VARCHAR(90))",
    (
        "INSERT INTO shop.client (email, name, last_name, phone, iban, born, token, home, settings, code) VALUES "
        "('kunigunde.quastenflosser@gibtsnicht.example', 'Kunigunde Quastenflosser', 'Quastenflosser', '+49 30 901820123', "
        "'DE89370400440532013000', '1971-02-03', X'00112233445566778899AABBCCDDEEFF', ST_GeomFromText('POINT(52.5 13.4)', 4326), "
        '\'{"address": "Zwetschgenweg 17b, 99999 Hinterobermoos", "n": 12345, "on": true, "kunigunde.quastenflosser@gibtsnicht.example": {}}\', \'aBcDeFgH\'), '
        "('x@gibtsnicht.example', 'Ørjan Håkonsønn-Ærlig', 'Håkonsønn', NULL, NULL, NULL, NULL, "
        "ST_GeomFromText('POINT(1 2)', 4326), NULL, 'abcdefgh'), (NULL, 'KUNIGUNDE QUASTENFLOSSER', NULL, '', NULL, NULL, '', "
        "ST_GeomFromText('POINT(1 2)', 4326), '[]', NULL)"
    ),
    "INSERT INTO shop.login VALUES ('wolpi', 'Kunigunde.Quastenflosser@GIBTSNICHT.example', 'geheimes Kennwort eins'), ('nobody', NULL, '')",
    (
        "INSERT INTO shop.client (email, name, home, phone) "
        + _RECURSION
        + "SELECT CONCAT('nr', n, '@gibtsnicht.example'), CONCAT('Wolpertinger ', n), ST_GeomFromText('POINT(1 2)', 4326), CONCAT('+49 40 ', 1000000 + n) FROM n"
    ),
    (
        "INSERT INTO shop.letter (body, scan, wide, amount, f, at) "
        + _RECURSION
        + "SELECT CONCAT(REPEAT('Sehr geehrte Frau Quastenflosser ', n), 'Kunigunde Quastenflosser'), "
        "REPEAT('Zwetschgenweg 17b, 99999 Hinterobermoos', n), 'Ørjan Håkonsønn-Ærlig', n / 7, n / 7, FROM_UNIXTIME(n * 100000.5) FROM n"
    ),
    "CREATE TABLE shop.odd (k INT PRIMARY KEY, x9 VARCHAR(40))",
    "INSERT INTO shop.odd VALUES (1, 'Rumpelstilzchen'), (2, 'something else')",
    "INSERT INTO shop.client (email, name, home) VALUES (NULL, 'Rumpelstilzchen', ST_GeomFromText('POINT(1 2)', 4326))",
    "CREATE TABLE mysql.of_somebody (name VARCHAR(90))",
    "INSERT INTO mysql.of_somebody VALUES ('Kunigunde Quastenflosser')",
    "INSERT INTO shop.gone VALUES ('Kunigunde Quastenflosser')",
    "ANALYZE TABLE shop.client UPDATE HISTOGRAM ON name, phone WITH 64 BUCKETS",
    "UPDATE shop.letter SET body = 'Wolpertinger' WHERE id % 7 = 0",
    "DELETE FROM shop.letter WHERE id % 5 = 0",
    "CREATE USER 'wolpertinger'@'%' IDENTIFIED BY 'geheimes Kennwort eins'",
    "GRANT ALL ON shop.* TO 'wolpertinger'@'%'",
    "CREATE DEFINER = 'wolpertinger'@'%' VIEW shop.people AS SELECT name, domain FROM shop.client",
    "CREATE DEFINER = 'wolpertinger'@'%' TRIGGER shop.note BEFORE INSERT ON shop.gone FOR EACH ROW SET NEW.name = CONCAT(NEW.name, '!')",
    "CREATE DEFINER = 'wolpertinger'@'%' PROCEDURE shop.count_them() SELECT COUNT(*) FROM shop.client",
    "CREATE SERVER other FOREIGN DATA WRAPPER mysql OPTIONS (USER 'wolpertinger', HOST 'h', PASSWORD 'geheimes Kennwort eins')",
)
RULES = {
    "*.email": "email",
    "shop.login.client_email": "email",
    "*.name": "name",
    "*.last_name": "name",
    "*.phone": "phone",
    "shop.client.iban": "hash",
    "shop.client.born": "hash",
    "shop.client.token": "hash",
    "shop.client.home": "hash",
    "shop.client.settings": "text",
    "shop.client.code": "hash",
    "shop.login.nick": "hash",
    "shop.login.secret": "hash",
    "shop.letter.body": "text",
    "shop.letter.scan": "null",
    "shop.letter.wide": "name",
}
