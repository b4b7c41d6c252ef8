"""A full and an incremental by CLONE are whole only when the log that was pulled can bring a copy to the witness."""

import re
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from backups.errors import ChainBroken, Transient
from backups.services.base import Captured, Job
from backups.services.mysql.binlog import before_full, pull
from backups.services.mysql.binlog.before_full import Before
from backups.services.mysql.binlog.pull import Pulled
from backups.services.mysql.carry.nightly import Nightly
from backups.services.mysql.clone import clone as cloning
from backups.services.mysql.details import Form, LogSegment, Position
from backups.services.mysql.methods import clone
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source import connection, source
from backups.services.mysql.source.source import Source
from backups.services.mysql.versions import Version
from backups.services.mysql.witness import witness
from backups.services.mysql.witness.witness import Witnessed
from tests.unit.mysql.binlog.test_before_full import DETAILS, manifest
from tests.unit.mysql.binlog.test_locate import OTHER, SOURCE, Log
from tests.unit.mysql.binlog.test_replayable import BAD, REASON, statement

SEEN = Source(Version.parse("9.7.4"), "u", {}, {"gtid_mode": "ON"}, frozenset(), tls=False)
SETTINGS = MySQLSettings(type="mysql", image="mysql:9.7", host="h", scan="always")
LOST = f"the source has transactions that its log does not hold: {OTHER}:1-9"
FILE = "binlog.000001"


class Server:
    """A source whose log is written as the backup goes on; `gtids` are what it has executed."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (directory / "log").mkdir()
        self.log = Log(directory / "log" / "1", FILE)
        self.gtids: list[str] = []
        self.how: dict[str, object] = {}
        self.cloning: Callable[[], object] = lambda: None
        self.witnessing: Callable[[], object] = lambda: None
        self.whole: Callable[[Path], object] = lambda _: None
        self.directory = directory
        doubles: dict[tuple[object, str], Callable[..., Any]] = {
            (source, "data_bytes"): lambda *_: 1,
            (source, "position"): lambda *_: self.position(),
            (connection, "rows"): lambda *_: [],
            (cloning, "clone"): lambda *_: self.cloning(),
            (before_full, "pull_bridge"): lambda *_: Before(limits=("no bridge",)),
            (witness, "take"): self._take,
            (pull, "pull"): self._pull,
            (pull, "require_continuation"): lambda *_: None,
        }
        for (module, name), double in doubles.items():
            monkeypatch.setattr(module, name, double)

    def position(self) -> Position:
        return Position(file=FILE, offset=len(self.log._content), gtid_executed=",".join(self.gtids))

    def write(self, *numbers: int, also: str | None = None) -> None:
        for number in numbers:
            self.log.transaction(number, number)
            self.gtids.append(f"{SOURCE}:{number}")
        if also:
            statement(self.log, also)

    def take(self, *, incremental: bool = False, scan: str = "always", **parent: object) -> Captured:
        chain = [manifest(DETAILS.model_copy(update={"end": self.position(), **parent}).model_dump())] if incremental else []
        job = Job("full", self.directory, self.directory, chain, cast("Any", None), self.directory, whole=cast("Any", self.whole))
        connect = cast("Any", lambda: nullcontext(self))
        return (
            clone._incremental(job, SETTINGS.model_copy(update={"scan": scan}), SEEN, connect)
            if incremental
            else clone._full(job, cast("Any", None), SEEN, connect)
        )

    def _take(self, *_: object, **how: object) -> Witnessed:
        self.how = how
        self.witnessing()
        return Witnessed(self.position(), datetime(2026, 11, 23, tzinfo=UTC), [], 0.0, 1)

    def _pull(self, _: object, start: Position, end: Position, directory: Path) -> Pulled:
        self.log.done()
        kept = self.log.piece.path.read_bytes()[start.offset : end.offset]
        (directory / "log" / "2").write_bytes(kept)
        return Pulled((LogSegment(file=FILE, start=start.offset, end=end.offset, path="log/2"),), 7)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    found = Server(tmp_path, monkeypatch)
    found.write(1)
    return found


def _purge(server: Server) -> None:
    server.gtids.append(f"{OTHER}:1-9")


FAULTS: list[tuple[Callable[[Server], object], str]] = [
    (_purge, LOST),
    (lambda server: server.write(8, also=BAD), REASON),
    (lambda server: server.log.event(26, b"\1\0\0"), "an incident"),
    (lambda server: server.log.event(77), "an event of type 77"),
    (lambda server: server.log.event(33, b"cut"), "the binary log cannot be read at binlog.000001:"),
    (lambda server: server.log.transaction(9, 9), f"the log holds transactions that the source does not have: {SOURCE}:9"),
]


@pytest.mark.parametrize(("fault", "words"), FAULTS, ids=range(len(FAULTS)))
def test_what_a_log_lacks_or_no_copy_can_replay_breaks_a_chain_and_fails_a_full(
    server: Server, fault: Callable[[Server], object], words: str
) -> None:
    server.witnessing = lambda: (server.write(2), fault(server))
    with pytest.raises(ChainBroken, match=words):
        server.take(incremental=True)


@pytest.mark.parametrize(("fault", "words"), FAULTS[:4], ids=range(4))
def test_the_same_between_a_clones_end_and_its_witness_fails_a_full_that_may_be_tried_again(
    server: Server, fault: Callable[[Server], object], words: str
) -> None:
    server.witnessing = lambda: fault(server)
    with pytest.raises(Transient) as caught:
        server.take()
    assert caught.value.message.startswith("the full could not be brought back: ")
    assert words in caught.value.message


@pytest.mark.parametrize("fault", [fault for fault, _ in FAULTS[:4]], ids=range(4))
def test_what_came_before_the_clones_end_is_in_the_clone(server: Server, fault: Callable[[Server], object]) -> None:
    server.cloning = lambda: (server.write(2), fault(server))
    server.witnessing = lambda: server.write(3)
    assert server.take().details["limits"] == ("no bridge",)


def test_an_ordinary_log_is_whole(server: Server) -> None:
    server.witnessing = lambda: server.write(2, 3, also="CREATE TABLE t (id INT)")
    details = server.take(incremental=True).details
    assert (details["limits"], details["bridge"], details["log_created"]) == ((), None, 7)


def test_the_clone_is_called_whole_when_it_is_and_before_the_witness(server: Server) -> None:
    """Nothing else is: the log is pulled once more when the witness is taken anew."""
    happened: list[object] = []
    server.cloning = lambda: happened.append("cloned")
    server.witnessing = lambda: (server.write(len(server.gtids) + 1), happened.append("witnessed"))
    server.whole = happened.append
    server.take()
    assert happened == ["cloned", server.directory / "datadir", "witnessed"]
    server.take(incremental=True)
    assert happened[3:] == ["witnessed"]


def test_what_is_written_while_a_clone_begins_to_be_saved_is_not_taken_for_cloned(server: Server) -> None:
    """To find out whether a repository lets anything be deleted may take it seconds."""
    server.whole = lambda _: server.write(2, also=BAD)
    server.witnessing = lambda: server.write(3)
    with pytest.raises(Transient, match=REASON):
        server.take()


def test_an_incremental_asks_the_log_unless_everything_is_always_scanned(server: Server) -> None:
    server.witnessing = lambda: server.write(len(server.gtids) + 1)
    server.take(incremental=True, scan="always")
    assert server.how["carrier"] is None
    server.take(incremental=True, scan="weekly")
    assert server.how["carrier"] is not None


def test_each_full_has_a_secret_of_its_own_which_its_incrementals_go_on_with(server: Server) -> None:
    server.witnessing = lambda: server.write(len(server.gtids) + 1)
    server.take()
    first = hashed(server).row_secret
    server.take()
    assert re.fullmatch("[0-9a-f]{64}", str(first))
    assert hashed(server).row_secret != first
    server.take(incremental=True, form=Form(row_secret="ab" * 32))
    assert hashed(server).row_secret == "ab" * 32
    server.take(incremental=True, form=Form())
    assert hashed(server).row_secret is None, "a chain from before goes on without one"


def test_a_chain_from_before_keeps_its_digests_of_tables_without_a_key_and_the_next_has_sums(server: Server) -> None:
    server.witnessing = lambda: server.write(len(server.gtids) + 1)
    for form, keyless in ((Form(), "digest"), (Form(row_secret="ab" * 32, keyless_form="sums"), "sums")):
        server.take(incremental=True, scan="weekly", form=form)
        assert hashed(server) == cast("Nightly", server.how["carrier"]).form
        assert (hashed(server).keyless_form, hashed(server).json_values) == (keyless, "typed")
    server.take()
    assert hashed(server).keyless_form == "sums"


def hashed(server: Server) -> Form:
    """How the witness was told to hash rows."""
    return cast("Form", server.how["form"])


def test_nothing_builds_on_a_backup_whose_log_did_not_tell_of_every_change(server: Server) -> None:
    with pytest.raises(ChainBroken, match=r"did not tell of every change of w\.a, w\.b"):
        server.take(incremental=True, unlogged=("w.a", "w.b"))
