"""What a server keeps besides databases: asked of every release, named where it may not be read, and what no log tells of."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast

import pymysql.err
import pytest

from backups.manifest import Manifest, Source
from backups.services.mysql.details import Form, MySQLDetails, Position
from backups.services.mysql.source.connection import Session
from backups.services.mysql.witness import definitions, fingerprint, kinds, probes
from backups.services.mysql.witness.catalogue import Table
from backups.services.mysql.witness.fingerprint import Column
from backups.witness import Fact

NOW = datetime(2026, 11, 23, tzinfo=UTC)


class Server:
    """Answers a statement that holds a key with its value: rows, or an error."""

    def __init__(self, **answers: list[tuple[Any, ...]] | int) -> None:
        self.answers = answers
        self.asked: list[str] = []

    @contextmanager
    def cursor(self) -> Iterator["Server"]:
        yield self

    def execute(self, statement: str, arguments: object) -> None:
        self.asked.append(statement)
        answer = self._answer()
        if isinstance(answer, int):
            raise pymysql.err.OperationalError(answer, f"error {answer}")

    def fetchall(self) -> list[tuple[Any, ...]]:
        answer = self._answer()
        assert not isinstance(answer, int)
        return answer

    def _answer(self) -> list[tuple[Any, ...]] | int:
        return next((answer for key, answer in self.answers.items() if key in self.asked[-1]), [])


def session(server: object) -> Session:
    return cast("Session", server)


@pytest.mark.parametrize("number", [1109, 1146, 1054])
def test_an_older_server_lacks_a_kind_and_that_is_no_fault(number: int) -> None:
    facts, known, limits = kinds.stated(
        session(Server(libraries=number, servers=[("far", "h", "d", "u", "p", 1, "", "mysql", "")]))
    )
    assert "library" not in known
    assert {"server", "plugin"} <= set(known)
    assert [(fact.subject, fact.metric) for fact in facts] == [("server far", "definition")]
    assert limits == ["not compared, since this user may not see it: resource group (GRANT RESOURCE_GROUP_USER ON *.* TO it)"]


@pytest.mark.parametrize("number", [1044, 1142, 1143, 1227])
def test_what_may_not_be_read_is_said_at_the_source_and_a_fault_of_the_copy(number: int) -> None:
    server = Server(servers=number, resource_groups=[("USR_default", "USER", 0), ("SYS_default", "SYSTEM", 0)])
    _, known, limits = kinds.stated(session(server))
    assert "server" not in known
    assert limits == [f"not compared, since this user may not see it: server (error {number})"]
    with pytest.raises(pymysql.err.OperationalError):
        kinds.stated(session(server), ["server"])
    assert kinds.stated(session(server), ["plugin"])[1:] == (("plugin",), [])


def test_a_copy_states_what_the_witness_states_and_no_more() -> None:
    """A backup of an older Lifeboat states no kinds: nothing of its copy is surplus."""
    server = Server()
    assert kinds.stated(session(server), Form().kinds) == ([], (), [])
    assert server.asked == []


def test_a_backup_that_does_not_say_how_it_was_measured_is_measured_as_before() -> None:
    """Those of an older Lifeboat: JSON by its text, accounts as SHOW prints them, nothing besides."""
    details = {key: value for key, value in manifest(()).details.items() if key not in ("form", "limits")}
    form = MySQLDetails.model_validate(details).form
    assert (form.json_values, form.accounts, form.kinds) == ("text", "shown", ())
    columns = (Column("j", "json", nullable=True),)
    assert "CONCAT_WS(',', 1, IFNULL(SHA2(`j`, 256), 'N'))" in fingerprint.query("a", "t", columns, keyed=True)
    assert "JSON_TABLE" in fingerprint.query("a", "t", columns, keyed=True, typed_json=True)


def manifest(known: tuple[str, ...], *facts: Fact) -> Manifest:
    at = Position(file="binlog.000001", offset=4)
    details = MySQLDetails(
        server_uuid="", gtid=False, start=at, end=at, log_created=0, segments=(), variables={}, plugins=(), lock_seconds=0,
        lock_attempts=1, form=Form(kinds=known),
    )  # fmt: skip
    return Manifest.model_construct(
        lifeboat="1", id="a", service="a", type="mysql", kind="full", chain="a", sequence=0, parent=None, started_at=NOW,
        taken_at=NOW, finished_at=NOW, source=Source(version="1", image="i"), files=(), details=details.model_dump(), witness=facts,
    )  # fmt: skip


def test_what_no_log_tells_of_is_compared_with_the_backup_before() -> None:
    def fact(subject: str, value: str = "a") -> Fact:
        return Fact(subject, "definition", value)

    known = kinds.ALL
    same = [fact("server far"), fact("plugin clone"), fact("a.t"), fact("histogram a.t.c")]
    assert kinds.changed_without_log(manifest(known, *same), [*same[:3], fact("account x@%"), fact("library a.l")]) is None
    for subject in ("server near", "resource group r"):
        assert kinds.changed_without_log(manifest(known, *same), [*same, fact(subject)]) == subject
    assert kinds.changed_without_log(manifest(known, *same), [fact("server far", "b"), *same[1:]]) == "server far"
    assert kinds.changed_without_log(manifest(known, *same), same[2:]) == "server far"
    # A copy is given these: `copy/installed.py`.
    assert kinds.changed_without_log(manifest(known, *same), [*same, fact("plugin p"), fact("component c")]) is None
    # What the backup before did not state has not changed by that.
    assert kinds.changed_without_log(manifest((), *same[2:]), same) is None
    assert kinds.changed_without_log(manifest(("resource group",), *same[1:]), same) is None


CREATED = (
    "CREATE TABLE `t` (\n  `id` int NOT NULL AUTO_INCREMENT,\n  PRIMARY KEY (`id`)\n) {}ENGINE=InnoDB{} DEFAULT CHARSET=latin1"
)


@pytest.mark.parametrize("space", ["", "/*!50100 TABLESPACE `in``side` */ "])
def test_a_counter_is_no_part_of_a_definition_and_has_to_be_above_all_numbers(space: str) -> None:
    table = Table("a", "t", (Column("id", "int", nullable=False, counter=True),), keyed=True)

    def asked(counter: str, highest: int | None) -> tuple[object, object]:
        server = Server(SHOW=[("t", CREATED.format(space, counter))], MAX=[(highest,)])
        free = definitions.counter(session(server), table)
        assert free
        return definitions.table_definition(session(server), table).value, free.value

    definition, free = asked("", None)
    assert free is True
    assert asked(" AUTO_INCREMENT=8", 7) == (definition, True)
    assert asked(" AUTO_INCREMENT=7", 7) == (definition, False)
    assert asked("", 1) == (definition, False)
    assert definitions.counter(session(Server()), Table("a", "t", (Column("id", "int", nullable=False),), keyed=True)) is None


INDEX = probes.Index("a", "t", "words", fulltext=True, columns=("x",), key=("id",))


class Words(Server):
    """A table of one row; its index finds each word so often as `found` says, one question after another."""

    def __init__(self, *found: int) -> None:
        super().__init__()
        self.found = list(found)

    def _answer(self) -> list[tuple[Any, ...]]:
        if "COUNT(*)" in self.asked[-1]:
            return [(self.found[0],)]
        return [("red boat",)] if "ORDER BY" in self.asked[-1] else []

    def fetchall(self) -> list[tuple[Any, ...]]:
        answer = self._answer()
        if "COUNT(*)" in self.asked[-1]:
            self.found.pop(0)
        return answer


def test_an_index_whose_answer_changes_while_it_is_asked_is_left_out() -> None:
    """The row was changed since the snapshot: an index knows no snapshots. What is found twice alike is stated."""
    assert probes.at_source(session(Words(1, 1, 1, 1, 0, 0, 0, 0)), INDEX) == []
    assert probes.at_source(session(Words(*[0] * 8)), INDEX) == []
    stated = probes.at_source(session(Words(*[1, 0] * 4)), INDEX)
    assert [(fact.metric, fact.value) for fact in stated] == [
        ("finds the first row", "by 1 of 2 words"),
        ("finds the last row", "by 1 of 2 words"),
    ]
    assert probes.on_copy(session(Words(*[1, 0] * 2)), INDEX, stated) == stated
    assert {fact.value for fact in probes.on_copy(session(Words(*[0] * 4)), INDEX, stated)} == {"nothing"}
    assert probes.on_copy(session(Words()), INDEX, []) == []
    assert probes.at_source(session(Words()), probes.Index("a", "t", "words", fulltext=True, columns=("x",), key=())) == []


def test_a_copy_that_cannot_answer_finds_nothing() -> None:
    stated = [Fact(INDEX.subject, "finds the first row", "by 2 of 2 words")]
    (fact,) = probes.on_copy(session(Server(SELECT=3024)), INDEX, stated)
    assert fact.value == "nothing: error 3024"
    assert probes.at_source(session(Server(SELECT=3024)), INDEX) == []
