"""What the files of a dump hold, counted: whatever tables and databases are called, one that is missing is named."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backups.errors import LifeboatError
from backups.services.mysql.dump import count
from backups.services.mysql.dump.statements import COMPLETE, HEAD, mark, statement
from backups.services.mysql.source.connection import quoted
from backups.services.mysql.witness.definitions import subject
from backups.text import shown
from backups.witness import Fact

TWINS = [
    "Orders",
    "orders",
    "ORDERS",
    "é",
    "e",
    "E",
    "ß",
    "ss",
    "a.b",
    "a`b",
    "a'b",
    'a"b',
    "new\nline",
    "back\\slash",
    " x",
    "-- holds x",
    "%s",
]
NAMES = st.one_of(
    st.sampled_from(TWINS),
    st.text(st.characters(min_codepoint=1, max_codepoint=0xFFFF, exclude_categories=["Cs"]), min_size=1, max_size=9),
)
TABLES = st.sets(st.tuples(NAMES, NAMES), min_size=1, max_size=9)


def of_program(tables: list[tuple[str, str]]) -> bytes:
    """What mysqldump writes of the rows of tables."""
    text = b"-- MySQL dump\n/*!40103 SET TIME_ZONE='+00:00' */;\n"
    for schema in dict.fromkeys(schema for schema, _ in tables):
        text += f"\n--\n-- Current Database: `x`\n--\n\nUSE {quoted(schema)};\n".encode()
        for table in [table for of, table in tables if of == schema]:
            name = quoted(table)
            text += f"\n--\n-- Dumping data for table `?`\n--\n\n/*!40000 ALTER TABLE {name} DISABLE KEYS */;\n".encode()
            text += f"INSERT INTO {name} VALUES (1,'\\n/*!40000 ALTER TABLE `no` DISABLE KEYS */;');\n".encode()
            text += f"/*!40000 ALTER TABLE {name} ENABLE KEYS */;\n".encode()
    return text + b"-- Dump completed\n"


@given(TABLES)
def test_every_table_whose_rows_were_written_is_seen_and_no_other(tables: set[tuple[str, str]]) -> None:
    """Whatever they are called: each once, none that is only in a text."""
    assert sorted(count.sections(of_program(sorted(tables)))) == sorted(tables)


def _files(
    directory: Path, tables: list[tuple[str, str]], written: list[tuple[str, str]], defined: list[tuple[str, str]]
) -> list[Fact]:
    directory.mkdir(exist_ok=True)
    (directory / "data-0.sql").write_bytes(of_program(written))
    (directory / "schema.sql").write_bytes(
        HEAD + b"".join(mark(subject(*table)) + statement("CREATE …") for table in defined) + COMPLETE
    )
    facts = [Fact(subject(*table), "rows", 1) for table in tables]
    return facts + [Fact(subject(*table), "definition", "x") for table in tables]


@given(tables=TABLES, data=st.data())
def test_a_table_without_rows_or_structure_in_the_files_is_named(
    tables: set[tuple[str, str]], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Also one of twins that differ in case or accents only."""
    directory = tmp_path_factory.mktemp("dump")
    every = sorted(tables)
    lost = data.draw(st.sampled_from(every))
    rest = [table for table in every if table != lost]
    count.require_whole(directory, _files(directory, every, every, every))
    for written, defined in ((rest, every), (every, rest)):
        facts = _files(directory, every, written, defined)
        with pytest.raises(LifeboatError) as refused:
            count.require_whole(directory, facts)
        assert shown(subject(*lost)) in str(refused.value)


@pytest.mark.parametrize(
    "kind", ["database", "view", "trigger", "function", "procedure", "package body", "event", "sequence", "account"]
)
def test_an_object_that_no_file_holds_is_named(kind: str, tmp_path: Path) -> None:
    """Every kind that the witness knows and a dump holds."""
    fact = Fact(subject("w", "of it", kind=kind), "definition", "x")
    (tmp_path / "schema.sql").write_bytes(mark(fact.subject) + COMPLETE)
    count.require_whole(tmp_path, [fact])
    (tmp_path / "schema.sql").write_bytes(mark("view w.other") + COMPLETE)
    with pytest.raises(LifeboatError, match="it lacks " + kind):
        count.require_whole(tmp_path, [fact])


def test_what_no_dump_holds_is_not_asked_for(tmp_path: Path) -> None:
    """Rows of other servers' tables; kinds of facts that came later."""
    facts = [Fact("w.far", "rows", 1), Fact("server far", "definition", "x"), Fact("event w.e", "status", "ENABLED")]
    count.require_whole(tmp_path, facts, [("w", "far")])
    with pytest.raises(LifeboatError, match=r"rows of w\.far"):
        count.require_whole(tmp_path, facts)
