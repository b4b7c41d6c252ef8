"""What a table must hold is stated only where everything about it fits; else it is said what does not."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pymysql.err
import pytest

from backups.errors import Damaged, LifeboatError
from backups.services.mysql.binlog.rows import TableMap
from backups.services.mysql.binlog.transactions import Changed
from backups.services.mysql.carry import compared, scratch
from backups.services.mysql.carry import expected as carry
from backups.services.mysql.carry.decide import Known
from backups.services.mysql.carry.expected import Value, expected, known_of
from backups.services.mysql.carry.nightly import Nightly
from backups.services.mysql.carry.scratch import Hashed
from backups.services.mysql.carry.stretch import Stretch
from backups.services.mysql.details import Form
from backups.services.mysql.witness.catalogue import Table
from backups.services.mysql.witness.fingerprint import Column
from backups.witness import Fact
from tests.unit.mysql.binlog.test_before_full import DETAILS, manifest
from tests.unit.mysql.binlog.test_transactions import RECORDED, piece

UP_TO = 1659
"""Of the recorded log: `a` got 3 rows, 2 were updated, 1 deleted; `b` got 2, which were updated."""
ZERO = "0" * 64
IMAGES = {"a": 3 + 2 * 2 + 1, "b": 2 + 2 * 2}
TABLES = [
    Table("shop", name, tuple(Column(f"c{at}", "int", nullable=True, declared="int") for at in range(width)), keyed=True)
    for name, width in (("a", 5), ("b", 2), ("still", 1))
]
KNOWN = {f"shop.{name}": Known(10, f"{7:064x}", name, "full") for name in ("a", "b", "still")}
DEFINED = {f"shop.{name}": name for name in ("a", "b", "still")}


@contextmanager
def server() -> Iterator[Any]:
    yield None


def stated(
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    hashed: dict[str, Hashed | str],
    start: Callable[[], Any] = server,
    **more: Any,
) -> dict[str, Value | str]:
    def answer(session: object, tables: Any, *_: object) -> Iterator[tuple[tuple[str, str], Hashed | str]]:
        for table in tables:
            yield (table.schema, table.name), hashed[table.name]

    monkeypatch.setattr(scratch, "hashed", answer)
    known = more.pop("known", KNOWN)
    return expected(TABLES, DEFINED, known, [piece(directory, RECORDED[:UP_TO])], {}, start, Form(), **more)


def test_images_are_added_to_what_was_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = stated(tmp_path, monkeypatch, {name: ((images, f"{12:064X}"),) for name, images in IMAGES.items()})
    assert found == {
        "shop.a": Value(12, f"{7 ^ 12:064x}", "full", through_log=True),
        "shop.b": Value(12, f"{7 ^ 12:064x}", "full", through_log=True),
        "shop.still": Value(10, f"{7:064x}", "full", through_log=False),
    }


@pytest.mark.parametrize(
    ("a", "words"),
    [
        (((7, "0"),), "the throw-away server has 7 rows of 8 that the log holds"),
        (((9, "0"),), "the throw-away server has 9 rows of 8"),
        (((4, ZERO), (4, ZERO)), "the throw-away server has 4 and 4 rows of 3 and 5 that the log holds"),
        (((3, ZERO), (4, ZERO)), "the throw-away server has 3 and 4 rows of 3 and 5"),
        (((5, ZERO), (3, ZERO)), "the throw-away server has 5 and 3 rows of 3 and 5"),
        ("the throw-away server does not take its rows: 1105", "does not take its rows"),
    ],
)
def test_a_table_whose_images_do_not_all_arrive_is_scanned_and_the_others_are_not(
    a: Hashed | str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = stated(tmp_path, monkeypatch, {"a": a, "b": ((6, "0"),)})
    assert words in str(found["shop.a"])
    assert isinstance(found["shop.b"], Value)


@pytest.mark.parametrize(
    "error", [LifeboatError("no image"), pymysql.err.OperationalError(2013, "lost"), pymysql.err.InterfaceError()]
)
def test_without_a_throw_away_server_what_is_named_is_scanned_and_what_is_not_is_kept(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing() -> Any:
        raise error

    found = stated(tmp_path, monkeypatch, {}, failing)
    assert all("throw-away server" in str(found[about]) and isinstance(found[about], str) for about in ("shop.a", "shop.b"))
    assert isinstance(found["shop.still"], Value)


def test_a_disk_that_is_too_small_for_the_images_has_them_scanned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(size: int) -> None:
        assert size > 500
        raise LifeboatError("no space")

    found = stated(tmp_path, monkeypatch, {}, lambda: pytest.fail("it is not started"), require_room=refuse)
    assert "no space" in str(found["shop.a"])


@pytest.mark.parametrize(("rows", "xor", "fits"), [(0, "7", False), (1, "9", False), (2, "7", False), (5, "7", True)])
def test_a_log_that_takes_away_what_was_never_there_is_found_out_when_the_table_is_read(rows: int, xor: str, fits: bool) -> None:
    found = carry._value(Known(rows, f"{9:064x}", "b", "full"), deleted(2), ("shop", "b"), ((2, xor),))
    assert isinstance(found, Value)
    assert found.fits == fits
    for held in ((0, "0" * 64), (0, "0" * 1022)):
        assert compared.unlogged({"shop.b": (found.counted, held)}).keys() == {"shop.b"}


@pytest.mark.parametrize(("rows", "gone", "fits"), [(0, 9, False), (1, 9, False), (2, 8, False), (2, 10, False), (5, 8, True)])
def test_nor_are_equal_rows_taken_away_that_were_never_there(rows: int, gone: int, fits: bool) -> None:
    images = (2, f"{gone:064x}"), (0, ZERO)
    found = carry._value(Known(rows, f"{9:064x}", "b", "full"), deleted(2), ("shop", "b"), images)
    assert isinstance(found, Value)
    assert (found.fits, found.rows) == (fits, rows - 2)


def test_sums_of_a_table_without_a_key_are_added_to_and_taken_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = stated(tmp_path, monkeypatch, {"a": ((3, f"{5:064x}"), (5, f"{2:064x}")), "b": ((6, "0"),)})
    assert found["shop.a"] == Value(12, f"{7 - 5 + 2:064x}", "full", through_log=True)


def deleted(rows: int) -> Stretch:
    return Stretch({("shop", "b"): Changed(TableMap(1, "shop", "b", b"\3", b"", b"\0"), deleted=rows)})


def test_a_table_that_is_empty_now_is_scanned() -> None:
    for gone in (((2, "9"),), ((2, f"{9:064x}"), (0, ZERO))):
        assert carry._value(Known(2, f"{9:064x}", "b", "full"), deleted(2), ("shop", "b"), gone) == "it is empty now"


LOST = {**KNOWN, "shop.`lost one`": Known(4, f"{5:064x}", "lost", "full"), "mysql.mine": Known(1, f"{5:064x}", "mine", "full")}


def test_a_table_that_nothing_took_away_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a copy has done a DROP TABLE that comes after the moment, or the source one that it did not log."""
    images: dict[str, Hashed | str] = {name: ((count, "0"),) for name, count in IMAGES.items()}
    found = stated(tmp_path, monkeypatch, images, known=LOST)
    assert found["shop.`lost one`"] == Value(4, f"{5:064x}", "full", through_log=False, gone=True)
    assert "mysql.mine" not in found
    for taken in ({"named": {("shop", "lost one")}}, {"databases": {"shop"}}, {"whole": "a statement"}):
        read = carry.stretch.read
        with monkeypatch.context() as patched:
            patched.setattr(carry.stretch, "read", lambda pieces, taken=taken, read=read: replace(read(pieces), **taken))
            assert "shop.`lost one`" not in stated(tmp_path, patched, images, known=LOST), taken


def test_a_table_that_the_source_dropped_without_its_log_is_an_alarm() -> None:
    fields: dict[str, Any] = {"job": SimpleNamespace(kind="incremental"), "before": SimpleNamespace(id="b", sequence=4)}
    gone = Value(4, f"{5:064x}", "full", through_log=False, gone=True)
    carrier = Nightly(**fields, settings=None, seen=None, details=None, form=Form(), pull=lambda _: (), values={"shop.t": gone})  # type: ignore[arg-type]
    proof = carrier.proof(cast("Any", SimpleNamespace(carried=frozenset(), compared={})))
    assert (proof.unlogged, len(proof.partial)) == (("shop.t",), 1)
    assert proof.limits[0].startswith("shop.t: the source changed without its log saying so")
    assert "by the log it is there, and it is not" in proof.limits[0]


def test_a_log_that_is_none_is_damage(tmp_path: Path) -> None:
    with pytest.raises(Damaged, match=r"binlog\.000002"):
        expected(TABLES, DEFINED, KNOWN, [piece(tmp_path, RECORDED[:1000])], {}, server, Form())


FACTS = [Fact("w.t", "rows", 3), Fact("w.t", "fingerprint", "ab" * 32), Fact("w.t", "definition", "d")]


@pytest.mark.parametrize(
    ("facts", "details", "known"),
    [
        (FACTS, {}, Known(3, "ab" * 32, "d", "x")),
        (FACTS, {"carried": {"agama-20261101T000000Z": ("w.t",)}}, Known(3, "ab" * 32, "d", "agama-20261101T000000Z")),
        (FACTS, {"unlogged": ("w.t",)}, None),
        (FACTS, {"form": Form(json_values="typed", row_secret="1" * 64)}, None),
        (FACTS, {"form": Form(json_values="text")}, None),
        (FACTS, {"form": Form(json_values="typed", keyless_form="sums")}, None),
        (FACTS[1:], {}, None),
        ([Fact("w.t", "rows", "many"), *FACTS[1:]], {}, None),
        ([Fact("w.t", "rows", -1), *FACTS[1:]], {}, None),
        ([Fact("w.t", "rows", True), *FACTS[1:]], {}, None),
        ([FACTS[0], Fact("w.t", "fingerprint", "xyz"), FACTS[2]], {}, None),
        ([FACTS[0], Fact("w.t", "fingerprint", "ab" * 30), FACTS[2]], {}, None),
        ([*FACTS[:2], Fact("w.t", "definition", 5)], {}, None),
    ],
)
def test_only_what_a_witness_of_the_same_form_says_is_known(
    facts: list[Fact], details: dict[str, Any], known: Known | None
) -> None:
    held = DETAILS.model_copy(update={"form": Form(json_values="typed"), **details})
    said = manifest(held.model_dump()).model_copy(update={"witness": tuple(facts), "id": "x"})
    assert known_of(said, held, Form(json_values="typed")).get("w.t") == known


def test_sums_are_known_to_be_sums_and_digests_to_be_none() -> None:
    for form, sums in ((Form(keyless_form="sums"), True), (Form(), False)):
        held = DETAILS.model_copy(update={"form": form})
        said = manifest(held.model_dump()).model_copy(update={"witness": tuple(FACTS)})
        assert known_of(said, held, form)["w.t"].sums == sums


@pytest.mark.parametrize(
    ("kind", "scan", "due"), [("full", "weekly", 70), ("incremental", "nightly", 70), ("incremental", "weekly", 12)]
)
def test_how_many_are_compared(kind: str, scan: str, due: int) -> None:
    """Of seventy tables in the fifth night, of which the last 36 were not read since the full: those in three nights."""
    tables = [f"w.t{number:02}" for number in range(70)]
    known = {about: (9, f"backup-{0 if number >= 34 else number // 10 + 1}") for number, about in enumerate(tables)}
    fields: dict[str, Any] = {
        "job": SimpleNamespace(kind=kind, numbers={f"backup-{number}": number for number in range(5)}),
        "settings": SimpleNamespace(scan=scan),
        "before": SimpleNamespace(sequence=3),
    }
    carrier = Nightly(**fields, seen=None, details=None, form=Form(), pull=lambda _: ())  # type: ignore[arg-type]
    found = carrier._due(dict.fromkeys(tables, 140 << 20), known)
    assert len(found) == due
    assert due == 70 or found <= set(tables[34:])


def test_what_was_read_by_no_backup_of_the_chain_is_compared_at_once_and_what_is_small_always() -> None:
    known = {"w.small": (1, "backup-1"), "w.a": (9, "backup-1"), "w.b": (9, "backup-0"), "w.c": (9, "another")}
    fields: dict[str, Any] = {
        "job": SimpleNamespace(kind="incremental", numbers={"backup-0": 0, "backup-1": 1}),
        "settings": SimpleNamespace(scan="weekly"),
        "before": SimpleNamespace(sequence=1),
    }
    carrier = Nightly(**fields, seen=None, details=None, form=Form(), pull=lambda _: ())  # type: ignore[arg-type]
    sizes = {"w.small": 1 << 20, **dict.fromkeys(("w.a", "w.b", "w.c"), 140 << 20)}
    assert carrier._due(sizes, known) == {"w.b", "w.c", "w.small"}
