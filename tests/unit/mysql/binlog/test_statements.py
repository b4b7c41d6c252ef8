"""Logged statements that no copy can run are told from all others, however they are written."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pymysql.charset import charset_by_id, charset_by_name

from backups.services.mysql.binlog.statements import Statement, folded, obstacle, parse, read, tokens, without_texts

DIRECTORY = "DIRECTORY puts files outside the data directory"
KEY = "ENCRYPTION='Y' needs the key of the source"
UNFIT = {
    "CREATE TABLE w.t (id INT) DATA DIRECTORY = '/ext'": f"DATA {DIRECTORY}",
    "CREATE TABLE w.t (id INT) ENGINE = MyISAM, INDEX DIRECTORY '/ext'": f"INDEX {DIRECTORY}",
    "CREATE TABLE `t` ( `id` int NOT NULL ) START TRANSACTION DATA DIRECTORY='/ext/'": f"DATA {DIRECTORY}",
    "CREATE TABLE t (id INT) PARTITION BY RANGE (id) (PARTITION p VALUES LESS THAN (5) DATA DIRECTORY '/ext')": f"DATA {DIRECTORY}",
    "ALTER TABLE t ADD PARTITION (PARTITION p VALUES LESS THAN (5) DATA DIRECTORY '/ext')": f"DATA {DIRECTORY}",
    "CREATE TABLE IF NOT EXISTS t (id INT) COMMENT 'x' ENCRYPTION = 'Y'": KEY,
    "ALTER TABLE t ENCRYPTION 'y'": KEY,
    "CREATE DATABASE d DEFAULT ENCRYPTION = 'Y'": KEY,
    'ALTER SCHEMA d ENCRYPTION = "Y"': KEY,
    "CREATE TABLESPACE ts ADD DATAFILE 'ts.ibd' ENCRYPTION = 'Y'": KEY,
    "ALTER TABLESPACE ts ENCRYPTION = 'Y'": KEY,
    "CREATE TABLESPACE ts ADD DATAFILE '/ext/ts.ibd'": "DATAFILE puts a file outside the data directory",
    "CREATE UNDO TABLESPACE u ADD DATAFILE '../u.ibu'": "DATAFILE puts a file outside the data directory",
    "CREATE TABLE t (id INT) ENGINE = FEDERATED CONNECTION = 'mysql://u:secret@h/d/t'": "not every server has the engine FEDERATED",
    "CREATE TEMPORARY TABLE t (id INT) ENGINE ROCKSDB": "not every server has the engine ROCKSDB",
    "ALTER TABLE t ADD x INT , ENGINE = 'TokuDB'": "not every server has the engine TokuDB",
    "ALTER TABLE t ENGINE `ndbcluster`": "not every server has the engine ndbcluster",
    "ALTER TABLE t IMPORT TABLESPACE": "IMPORT takes a file that is not in the log",
    "ALTER TABLE t IMPORT PARTITION p TABLESPACE": "IMPORT takes a file that is not in the log",
    "CREATE FUNCTION f RETURNS STRING SONAME 'udf.so'": "SONAME loads a library of the source",
    "CREATE AGGREGATE FUNCTION IF NOT EXISTS f RETURNS REAL SONAME 'udf.so'": "SONAME loads a library of the source",
    "ALTER INSTANCE ROTATE INNODB MASTER KEY": "ALTER INSTANCE changes keys of the source",
}
FIT = [
    "CREATE TABLE t (id INT)",
    "CREATE TABLE t (id INT) ENGINE = InnoDB",
    "CREATE TABLE t (id INT) ENGINE = MEMORY",
    "CREATE TABLE t (id INT) ENGINE MyISAM",
    "ALTER TABLE t ENGINE = `InnoDB`",
    "CREATE TABLE t (id INT) ENGINE = BLACKHOLE COMMENT = 'ENGINE = FEDERATED'",
    "CREATE TABLE t (id INT) COMMENT 'DATA DIRECTORY = ''/ext'''",
    "CREATE TABLE t (id INT COMMENT 'it''s DATA DIRECTORY \\'/ext\\'')",
    "CREATE TABLE `DATA DIRECTORY '/ext'` (`ENGINE = x` INT)",
    "CREATE TABLE t (id INT) /* DATA DIRECTORY = '/ext' */",
    "CREATE TABLE t (id INT) -- DATA DIRECTORY = '/ext'\n",
    "CREATE TABLE t (id INT) # ENCRYPTION = 'Y'",
    "CREATE TABLE t (id INT) ENCRYPTION = 'Y' ENCRYPTION = 'N'",
    "CREATE TABLE t (id INT) ENCRYPTION = 'N'",
    "CREATE TABLE cars (engine VARCHAR(20), data INT, directory INT, encryption CHAR(1) DEFAULT 'Y', INDEX directory (directory))",
    "CREATE TABLE cars (engine VARCHAR(20) CHECK (engine = 'diesel'), encryption CHAR(1) CHECK (encryption = 'Y'))",
    "CREATE TABLE cars (engine INT) PARTITION BY LIST COLUMNS (engine) (PARTITION engine VALUES IN (1))",
    "ALTER TABLE cars ADD engine VARCHAR(20)",
    "ALTER TABLE cars ADD COLUMN engine VARCHAR(20) AFTER data",
    "ALTER TABLE cars CHANGE motor engine VARCHAR(20)",
    "ALTER TABLE cars CHANGE COLUMN `motor` engine VARCHAR(20), DROP data",
    "ALTER TABLE cars MODIFY engine TEXT, RENAME COLUMN a TO engine, ADD INDEX engine USING BTREE (engine)",
    "ALTER TABLE cars ALTER engine SET DEFAULT 'x', DROP INDEX directory",
    "ALTER TABLE w.engine ADD x INT",
    "CREATE TABLE engine LIKE cars",
    "CREATE TABLE w.engine LIKE cars",
    "CREATE TABLE t SELECT engine FROM cars WHERE encryption = 'Y'",
    "CREATE TABLESPACE ts ADD DATAFILE 'ts.ibd'",
    "CREATE TABLESPACE ts ADD DATAFILE './ts.ibd' ENGINE = InnoDB",
    "CREATE TABLESPACE ts",
    "ALTER TABLE t DISCARD TABLESPACE",
    "ALTER TABLE t TABLESPACE ts",
    "CREATE DATABASE engine CHARACTER SET utf8mb4",
    "CREATE DATABASE d ENCRYPTION 'N'",
    "ALTER DATABASE d READ ONLY = 1",
    "CREATE DEFINER=`root`@`%` PROCEDURE p() CREATE TABLE t (id INT) DATA DIRECTORY = '/ext'",
    "CREATE DEFINER=`root`@`%` FUNCTION f() RETURNS INT RETURN (SELECT soname 'x' FROM t)",
    "CREATE DEFINER=`root`@`%` EVENT e ON SCHEDULE EVERY 1 DAY DO ALTER TABLE t ENGINE = FEDERATED",
    "CREATE ALGORITHM=UNDEFINED DEFINER=`root`@`%` VIEW v AS SELECT 1 AS engine, 'DATA DIRECTORY'",
    "CREATE USER u COMMENT 'ENGINE = x'",
    "INSERT INTO t VALUES ('CREATE TABLE t (id INT) DATA DIRECTORY = ''/ext''')",
    "INSERT INTO t SELECT 'x' FROM cars WHERE data = directory",
    "UPDATE t SET engine = 'FEDERATED', encryption = 'Y'",
    "DROP TABLE `t` /* generated by server */",
    "TRUNCATE TABLE engine",
    "RENAME TABLE engine TO cars",
    "BEGIN",
    "SAVEPOINT `ENGINE = x`",
    "XA START X'61',X'',1",
    "GRANT SELECT ON *.* TO u",
    "FLUSH TABLES",
]  # fmt: skip
WHAT_IS_NOTHING = [" ", "\n", "\t \n", "/**/", " /* DATA */ ", "/*'*/", " -- it's\n", '\n#"\n', " /*!80000 */ "]


@pytest.mark.parametrize("statement", UNFIT)
def test_a_statement_that_no_copy_can_run_is_found_and_the_reason_quotes_nothing_of_it(statement: str) -> None:
    assert obstacle(Statement(statement)) == UNFIT[statement]


@pytest.mark.parametrize("statement", FIT)
def test_every_other_statement_is_left_alone(statement: str) -> None:
    assert obstacle(Statement(statement)) is None


def spelt(statement: str, data: some.DataObject) -> str:
    """The statement with the case of its words changed, and anything between its words that means nothing."""
    pieces = [data.draw(some.sampled_from(WHAT_IS_NOTHING)) if part == " " else part for part in parted(statement)]
    return "".join(
        piece if piece[0] in "'\"`/#-" else data.draw(some.sampled_from([piece, piece.lower(), piece.upper()]))
        for piece in pieces
    )


def parted(statement: str) -> list[str]:
    """Words, quoted pieces, and single spaces."""
    parts, quote = [""], ""
    for sign in statement:
        if not quote and sign == " ":
            parts += [" ", ""]
            continue
        if sign in "'\"`" and quote in ("", sign):
            if not quote:
                parts.append("")
            quote = "" if quote else sign
            parts[-1] += sign
            if not quote:
                parts.append("")
            continue
        parts[-1] += sign
    return [part for part in parts if part]


@given(some.sampled_from(sorted(UNFIT)), some.data())
def test_case_spaces_and_comments_hide_nothing(statement: str, data: some.DataObject) -> None:
    written = data.draw(some.sampled_from(["", " ", "/* x */"])) + spelt(statement, data)
    found = obstacle(Statement(written))
    assert found is not None, written
    assert found.lower() == UNFIT[statement].lower()


@given(some.sampled_from([statement for statement in FIT if "--" not in statement and "#" not in statement]), some.data())
def test_case_spaces_and_comments_make_nothing_up(statement: str, data: some.DataObject) -> None:
    assert obstacle(Statement(spelt(statement, data))) is None


@given(some.sampled_from(sorted(UNFIT)), some.text(), some.sampled_from("'`"))
def test_what_is_quoted_counts_for_nothing(statement: str, text: str, quote: str) -> None:
    inside = (text + statement).replace("\\", "\\\\" if quote == "'" else "\\").replace(quote, quote * 2)
    for written in (
        f"CREATE TABLE t (id INT) COMMENT {quote}{inside}{quote}",
        f"ALTER TABLE t ADD c INT COMMENT {quote}{inside}{quote}",
    ):
        assert obstacle(Statement(written)) is None


def test_a_version_comment_is_part_of_the_statement() -> None:
    assert obstacle(Statement("CREATE TABLE t (id INT) /*!50100 DATA DIRECTORY '/ext' */")) == f"DATA {DIRECTORY}"
    assert obstacle(Statement("/*!40000 CREATE */ TABLE t (id INT) /*!80016 ENCRYPTION='Y' */")) == KEY


@pytest.mark.parametrize("rest", ["COMMENT 'never ends", "COMMENT `", 'COMMENT "'])
def test_a_definition_that_cannot_be_read_is_an_obstacle(rest: str) -> None:
    assert obstacle(Statement(f"CREATE TABLE t (id INT) {rest}")) == "it cannot be read"


def test_the_sessions_sql_mode_decides_what_a_literal_is() -> None:
    backslash = "CREATE TABLE t (id INT) COMMENT 'x\\' DATA DIRECTORY '/ext' -- '"
    assert obstacle(Statement(backslash)) is None
    assert obstacle(Statement(backslash, backslash_escapes=False)) == f"DATA {DIRECTORY}"
    name = 'CREATE TABLE "t\\" (id INT) DATA DIRECTORY \'/ext\' -- "'
    assert obstacle(Statement(name)) is None
    assert obstacle(Statement(name, ansi_quotes=True)) == f"DATA {DIRECTORY}"


def test_what_default_table_encryption_is_for_is_encrypted_unless_it_says_otherwise() -> None:
    for statement in ("CREATE DATABASE d", "CREATE SCHEMA d", "CREATE TABLESPACE ts"):
        assert obstacle(Statement(statement, encrypts=True)) == KEY
        assert obstacle(Statement(f"{statement} ENCRYPTION 'N'", encrypts=True)) is None
    for statement in ("CREATE TABLE t (id INT)", "ALTER DATABASE d READ ONLY = 1", "DROP DATABASE d"):
        assert obstacle(Statement(statement, encrypts=True)) is None


def query(
    text: bytes,
    *,
    database: bytes = b"w",
    mode: int = 0,
    charset: str = "utf8mb4",
    client: int | None = None,
    more: bytes = b"",
) -> bytes:
    """A statement's event, with the session's variables in the order in which a server writes them."""
    collation = struct.pack("<HHH", charset_by_name(charset).id if client is None else client, 45, 255)
    variables = b"\x00\0\0\0\0" + b"\x01" + struct.pack("<Q", mode) + b"\x06\x03std" + b"\x04" + collation + more
    return struct.pack("<8xBxxH", len(database), len(variables)) + variables + database + b"\0" + text


def test_what_is_read_of_an_event_is_what_its_session_meant() -> None:
    assert read(query(b"BEGIN")) is None
    assert read(query(b" insert into t values ('CREATE TABLE')")) is None
    assert read(query(b"CREATE TABLE t (id INT)", database=b"")) == Statement("CREATE TABLE t (id INT)")
    found = read(query("create table ü (id INT)".encode(), mode=1 << 2 | 1 << 20, database=b"a longer name"))
    assert found == Statement("create table ü (id INT)", ansi_quotes=True, backslash_escapes=False, database="a longer name")
    # As recorded from 9.7: databases that it changed, and default_table_encryption.
    recorded = bytes.fromhex("0000000000012000a04500000000060373746404ff00ff00ff000c01656e63320011200000000000000012ff001401")
    event = struct.pack("<8xBxxH", 4, len(recorded)) + recorded + b"enc2\0CREATE DATABASE enc2"
    assert read(event) == Statement("CREATE DATABASE enc2", encrypts=True, database="enc2")


@pytest.mark.parametrize(
    "more",
    [
        b"\x0c\xfe\x14\x01",
        b"\x0c\x02a\0bc\0\x14\x01",
        b"\x05\x06SYSTEM\x07\0\0\x08\xff\0\x09" + bytes(8) + b"\x0b\x01u\x01h\x0d\0\0\0\x10\x01\x13\0\x14\x01",
        b"\x02\x03std\0\x03\0\0\0\0\x0a\0\0\0\0\x14\x01",
    ],
)
def test_every_variable_of_a_session_is_passed_over(more: bytes) -> None:
    found = read(query(b"CREATE DATABASE d", more=more))
    assert found is not None
    assert found.encrypts


def test_an_unknown_variable_ends_what_is_known_of_the_session() -> None:
    assert read(query(b"CREATE DATABASE d", more=b"\xc8\x14\x01\x14\x01")) == Statement("CREATE DATABASE d", database="w")


@pytest.mark.parametrize("charset", ["sjis", "cp932", "gbk", "big5", "gb18030", "latin1", "utf8mb4", "binary", "eucjpms"])
def test_a_letter_that_holds_the_byte_of_a_backslash_ends_no_literal(charset: str) -> None:
    """In sjis, gbk and big5 the second byte of some letters is a backslash: the server knows, and so must whoever reads its log."""
    letters = {"sjis": b"\x83\x5c", "cp932": b"\x83\x5c", "gbk": b"\x95\x5c", "big5": b"\xa5\x5c", "gb18030": b"\x95\x5c"}
    letter = letters.get(charset, b"x")
    found = read(query(b"CREATE TABLE t (id INT) COMMENT '" + letter + b"' DATA DIRECTORY '/ext'", charset=charset))
    assert found is not None
    assert obstacle(found) == f"DATA {DIRECTORY}"


def test_a_name_is_read_in_the_character_set_of_its_session_or_it_is_said_that_it_is_not() -> None:
    """Of every collation that a session may be in, also of those that neither Python nor pymysql know."""
    read_names = 0
    for client in range(400):
        try:
            encoding = charset_by_id(client).encoding
            if encoding.startswith(("utf16", "utf32")):
                # No client may speak so.
                continue
            written = "nÄîx".encode() if encoding == "utf8" else b"n\xb1\xb2x"
            name = written.decode(encoding, "replace")
        except LookupError:
            name, written = "?", b"n\xb1\xb2x"
        found = parse(query(b"TRUNCATE TABLE " + written, client=client))
        names = [folded(text) for _, text in tokens(found)]
        assert not found.exact or folded(name) in names, client
        read_names += found.exact
        assert parse(query(b"TRUNCATE TABLE plain", client=client)).exact == (client not in (10, 82)), client
    assert read_names > 100


def test_white_space_that_is_a_letter_elsewhere_is_not_trusted() -> None:
    for space in "\xa0\u3000\u2028\x85":
        assert not parse(query(f"TRUNCATE{space}TABLE t".encode())).exact
    assert parse(query(b"TRUNCATE \t\r\n TABLE t")).exact


def test_whatever_the_case_of_a_letter_it_is_one_name() -> None:
    """A word stands in upper case among the tokens; a server that folds names has them in lower case."""
    for letter in (chr(number) for number in range(0x10000) if not 0xD800 <= number < 0xE000):
        assert folded(letter) == folded(letter.upper()) == folded(letter.lower()), hex(ord(letter))


SECRET = "hunter2"
SHOWN = {
    "CREATE USER 'bob'@'%' IDENTIFIED WITH 'caching_sha2_password' AS '$A$005$hunter2'": (
        "CREATE USER 'bob'@'%' IDENTIFIED WITH '…' AS '…'"
    ),
    "ALTER USER 'bob'@'localhost' IDENTIFIED BY 'it''s hunter2'": "ALTER USER 'bob'@'localhost' IDENTIFIED BY '…'",
    "CREATE USER b IDENTIFIED WITH x AS 0x68756E74657232": "CREATE USER b IDENTIFIED WITH x AS '…'",
    "INSERT INTO  `shop`.`client`\n VALUES (1, 'hunter2', \"hunter2\", X'68', b'1')": (
        "INSERT INTO `shop`.`client` VALUES (1, '…', '…', X'…', b'…')"
    ),
    "UPDATE t /* hunter2 */ SET a = 'hunter2' -- hunter2\n WHERE b = 'x\\'hunter2'": "UPDATE t SET a = '…' WHERE b = '…'",
    "DROP TABLE `odd 'name` # hunter2": "DROP TABLE `odd 'name`",
    "CREATE VIEW v AS SELECT AES_DECRYPT(a, 'hunter2') FROM t": "CREATE VIEW v AS SELECT AES_DECRYPT(a, '…') FROM t",
}


@pytest.mark.parametrize("text", SHOWN)
def test_a_statement_is_shown_without_the_texts_in_it(text: str) -> None:
    assert without_texts(Statement(text), 10_000) == SHOWN[text]


@pytest.mark.parametrize("text", SHOWN)
def test_a_statement_that_is_cut_anywhere_shows_no_text(text: str) -> None:
    for most in range(len(text)):
        assert SECRET[:3] not in without_texts(Statement(text), most), most


def test_a_sessions_modes_say_what_a_text_is() -> None:
    """In quotes of names stands a name; without escapes, a backslash ends nothing."""
    assert without_texts(Statement('DROP TABLE "t"', ansi_quotes=True), 99) == 'DROP TABLE "t"'
    assert without_texts(Statement("SELECT 'a\\', hunter, 'b'", backslash_escapes=False), 99) == "SELECT '…', hunter, '…'"
    assert without_texts(Statement("x" * 50), 10) == "x" * 10 + "…"


@given(
    some.lists(
        some.sampled_from(["a", "'", '"', "`", "\\", "@", "--", " ", "\n", "/*", "*/", "#", "hunter2", "0x"]), max_size=12
    ),
    some.booleans(),
    some.booleans(),
)
def test_no_text_of_a_server_is_shown_however_it_is_written(parts: list[str], ansi: bool, escapes: bool) -> None:
    """What is between two quotes is not, wherever it stands: the secret is written as a server writes it."""
    text = "".join(each for each in parts if each not in ("'", '"', "`", "/*", "*/", "--", "#", "\\"))
    secret = "'" + "".join(parts).replace("\\", "\\\\" if escapes else "\\").replace("'", "''") + "zzz'"
    shown = without_texts(Statement(f"{text} = {secret} , {secret}", ansi_quotes=ansi, backslash_escapes=escapes), 10_000)
    assert "zzz" not in shown
