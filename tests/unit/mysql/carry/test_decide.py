"""What is decided for a table, by what its log, its definition and its neighbours say: in doubt it is scanned."""

import random
from dataclasses import replace
from typing import Any

import pytest

from backups.services.mysql.binlog.locate import Commit
from backups.services.mysql.binlog.rows import TableMap
from backups.services.mysql.binlog.statements import Statement
from backups.services.mysql.binlog.transactions import Changed, Transaction
from backups.services.mysql.carry import stretch
from backups.services.mysql.carry.decide import Decision, Known, decide, followed
from backups.services.mysql.carry.foreign_keys import reached
from backups.services.mysql.carry.stretch import Stretch
from backups.services.mysql.witness.catalogue import Table
from backups.services.mysql.witness.fingerprint import Column

NAME = ("w", "t")
TABLE = Table("w", "t", (Column("id", "int", nullable=False, declared="int"),), keyed=True)
KNOWN = Known(3, "0" * 64, "d", "a")
SUMS = replace(KNOWN, sums=True)
"""As a witness of today knows it."""


def log(*statements: str, database: str = "w", odd: str | None = None, **tables: dict[str, Any]) -> Stretch:
    """A stretch of one transaction: statements, and what became of tables of `w`."""
    found = Stretch()
    changed = {
        ("w", name): Changed(TableMap(1, "w", name, b"\3", b"", b"\0"), **{"size": 100, "largest": 100, **values})
        for name, values in tables.items()
    }
    made = [Statement(text, database=database, exact="\ufffd" not in text) for text in statements]
    stretch.add(found, Transaction(Commit("binlog.1", 9, None, 0, 0), 4, changed, made, odd={odd} if odd else set()))
    return found


def decided(
    told: Stretch, table: Table = TABLE, definition: str | None = "d", known: Known | None = KNOWN, **more: Any
) -> Decision:
    return decide(table, definition, known, told, more.pop("followed", {}), **more)


def test_a_table_that_the_log_does_not_name_keeps_what_it_had() -> None:
    assert decided(log()).how == "kept"
    assert decided(log(other={"inserted": 1})).how == "kept"
    assert decided(log(t={"size": 0, "largest": 0})).how == "kept", "it was only locked"
    assert decided(log(), replace(TABLE, keyed=False)).how == "kept"


def test_a_table_with_rows_in_the_log_is_carried() -> None:
    assert decided(log(t={"inserted": 1})).how == "carried"
    assert decided(log(t={"inserted": 1}), most=100).how == "carried"
    assert decided(log(t={"inserted": 1}), known=SUMS).how == "carried"
    assert decided(log(t={"inserted": 1}), replace(TABLE, keyed=False), known=SUMS).how == "carried"


@pytest.mark.parametrize(
    ("told", "more", "reason"),
    [
        (log(t={"inserted": 1}), {"known": None}, "no witness knows it yet"),
        (log(t={"inserted": 1}), {"definition": "e"}, "its definition has changed"),
        (log(), {"definition": None}, "its definition has changed"),
        (log(t={"inserted": 1, "odd": {"partial rows"}}), {}, "partial rows"),
        (log(t={"size": 0, "odd": {"partial rows"}}), {}, "partial rows"),
        (log(odd="a compressed transaction"), {}, "a compressed transaction (binlog.1:4)"),
        (log(t={"inserted": 1}), {"table": replace(TABLE, keyed=False)}, "its chain is from before sums of its rows were kept"),
        (log(t={"inserted": 1}), {"table": replace(TABLE, mariadb=True)}, "the server is MariaDB"),
        (log(t={"inserted": 1}), {"table": replace(TABLE, mariadb=True, keyed=False), "known": SUMS}, "the server is MariaDB"),
        (log(t={"inserted": 1}), {"table": replace(TABLE, versioned=True), "known": SUMS}, "it keeps the history of its rows"),
        (log(t={"inserted": 1}), {"table": replace(TABLE, columns=TABLE.columns * 2)}, "the log has 1 columns of it, it has 2"),
        (
            log(t={"inserted": 1}),
            {"table": replace(TABLE, columns=(Column("id", "int", nullable=False),))},
            "cannot be made anew",
        ),
        (log(t={"inserted": 1, "largest": 17 << 20}), {}, "a row of 17825792 bytes"),
        (log(t={"inserted": 1}), {"most": 99}, "a scan is quicker"),
        (log(T={"inserted": 1}), {}, "in another case"),
        (log(), {"followed": {("w", "t"): ("w", "parent")}}, "a foreign key changes it with w.parent"),
    ],
)
def test_in_doubt_it_is_scanned_with_the_reason(told: Stretch, more: dict[str, Any], reason: str) -> None:
    found = decided(told, **more)
    assert found.how == "scanned"
    assert reason in found.reason


@pytest.mark.parametrize(
    "statement",
    [
        *("ALTER TABLE t ADD a INT", "ALTER TABLE w.t DROP a", "TRUNCATE t", "TRUNCATE TABLE `t`", "DROP TABLE a, b, t", "RENAME TABLE x TO t"),
        *("RENAME TABLE x.y TO z, z TO w.t", "CREATE TABLE t LIKE u", "create table If Not Exists W.T (id int)", "DROP DATABASE w"),
        *("CREATE DATABASE w", "ALTER TABLE u EXCHANGE PARTITION p WITH TABLE t", "DROP TABLE /*!40000 w. */ t", "CREATE INDEX i ON t (a)"),
        *("ALTER TABLE `w` . `t` IMPORT TABLESPACE", "OPTIMIZE TABLE t", "DROP SCHEMA `w`", "/* x */ ALTER TABLE t FORCE", "RENAME TABLE `T` TO `U`"),
    ],
)  # fmt: skip
def test_a_statement_that_may_define_the_table_has_it_scanned(statement: str) -> None:
    assert decided(log(statement)).how == "scanned"
    assert decided(log(statement), replace(TABLE, schema="elsewhere")).how == "kept"


@pytest.mark.parametrize(
    "statement",
    [
        *("ALTER TABLE v.t ADD a INT", "DROP TABLE tt", "CREATE TABLE u (a INT) COMMENT 'of t' -- t", "ANALYZE TABLE t", "FLUSH TABLES t"),
        *("GRANT ALL ON w.t TO x", "CREATE DEFINER=`a`@`b` TRIGGER r AFTER INSERT ON t FOR EACH ROW SET @a = 1", "DROP VIEW t", "DROP DATABASE v"),
        *("CREATE OR REPLACE VIEW v AS SELECT * FROM t", "CREATE PROCEDURE p() DELETE FROM t", "ALTER EVENT t DISABLE", "ALTER USER t ACCOUNT LOCK"),
    ],
)  # fmt: skip
def test_a_statement_that_changes_no_row_of_it_does_not(statement: str) -> None:
    assert decided(log(statement, t={"inserted": 1})).how == "carried"


@pytest.mark.parametrize(
    "statement",
    [
        *("UPDATE u SET a = 1", "delete from u", "INSERT INTO u VALUES (1)", "REPLACE u VALUES (1)", "LOAD DATA INFILE 'x' INTO TABLE u"),
        *("CALL p()", "WITH c AS (SELECT 1) DELETE FROM u", "SELECT f()", "", "/* only words */", "ALTER TABLE \ufffd ADD a INT"),
        *("FROBNICATE u", "XA COMMIT 'x'"),
    ],
)  # fmt: skip
def test_a_statement_that_may_change_anything_has_every_table_scanned(statement: str) -> None:
    found = decided(log(statement))
    assert found.how == "scanned"
    assert "binlog.1:4" in found.reason


def test_unknown_statements_never_keep_a_table_that_they_name() -> None:
    """Whatever words stand around it: only statements that are known to change no row are passed over."""
    words = [
        "ALTER",
        "TABLE",
        "DROP",
        "w",
        ".",
        "(",
        "TEMPORARY",
        "IF",
        "EXISTS",
        ",",
        "u",
        "'t'",
        "RENAME",
        "TO",
        "PARTITION",
        "ONLINE",
    ]
    r = random.Random(5)
    for _ in range(500):
        before = [r.choice(words) for _ in range(r.randrange(6))]
        if before and before[-1] == ".":
            before.append("w.")
        statement = " ".join([r.choice(("ALTER TABLE", "DROP TABLE", "RENAME TABLE", "TRUNCATE")), *before, "t"])
        told = log(statement)
        assert told.whole or told.defines(NAME), statement


NAMES = [
    *sorted(
        word.lower() for word in (stretch._ROWLESS | stretch._OF_DATABASES | stretch._HARMLESS | stretch._DEFINING | {"TABLE"})
    ),
    *("t", "T1$", "sat\u0131r", "İş", "Straße", "naïve", "preis€", "हिन्दी", "ตารางที่", "テーブル", "1st", "_"),
]
"""Of tables; no server takes the reserved ones of them without quotes, which is not relied upon."""
DEFINING = [
    *("TRUNCATE {}", "TRUNCATE TABLE {}", "DROP TABLE {}", "DROP TABLES IF EXISTS u, {}", "ALTER TABLE {} FORCE", "CREATE TABLE {} LIKE u"),
    *("RENAME TABLE {} TO u", "RENAME TABLES u TO v, v TO {}", "CREATE TABLE w.{} (a INT) START TRANSACTION", "OPTIMIZE LOCAL TABLE {}"),
    *("REPAIR TABLE {}", "CREATE UNIQUE INDEX i ON {} (a)", "DROP INDEX i ON {}", "ALTER TABLE u EXCHANGE PARTITION p WITH TABLE {}"),
    *("ALTER TABLE {} TRUNCATE PARTITION p", "ALTER TABLE {} DROP PARTITION p", "CREATE TABLE {} AS SELECT 1 AS a"),
]  # fmt: skip


@pytest.mark.parametrize("name", [*NAMES, "a b", "we`ird", 'say "x"', "a\xa0b", ".", "é/*"])
def test_a_table_of_any_name_is_found_in_whatever_defines_it(name: str) -> None:
    """Without quotes where names may stand so; in each case of its letters; in backticks, and in the quotes of ANSI_QUOTES."""
    quoted = f"`{name.replace('`', '``')}`"
    ansi = '"' + name.replace('"', '""') + '"'
    for template in DEFINING:
        for written in (name, name.upper()) if name in NAMES else ():
            told = log(template.format(written))
            assert told.whole or told.defines(("w", name)), (template, written)
        assert log(template.format(quoted)).defines(("w", name)), template
        found = Stretch()
        statement = Statement(template.format(ansi), ansi_quotes=True, database="w")
        stretch.add(found, Transaction(Commit("binlog.1", 9, None, 0, 0), 4, {}, [statement]))
        assert found.defines(("w", name)), template


def test_cascades_are_followed_however_far_and_in_circles() -> None:
    cascades = {("w", "P"): {("w", "c")}, ("w", "c"): {("w", "g"), ("w", "p")}, ("w", "other"): {("w", "x")}}
    assert reached(cascades, [("W", "p")]).keys() == {("w", "c"), ("w", "g"), ("w", "p")}
    assert followed(log(p={"inserted": 1}), cascades) == {}
    assert followed(log(p={"deleted": 1}), cascades).keys() == {("w", "c"), ("w", "g"), ("w", "p")}
    assert followed(log(p={"updated": 1}), cascades).keys() == {("w", "c"), ("w", "g"), ("w", "p")}
    # A key that is gone today may have been there before a statement took it away.
    assert ("w", "g") in followed(log("ALTER TABLE c DROP FOREIGN KEY k"), cascades)
