"""When a backup looks like ransomware: growth of honest kinds rarely does, encrypted content always does, and never a chain's first backups."""

import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backups import packed, suspicion
from backups.manifest import BackupRecord, FileEntry, Kind, Manifest
from backups.past import EDGES, Packed, Past, Sign, signs_of, tag_of
from backups.repository.trust import Trust
from backups.witness import Fact
from tests.unit.test_manifest import manifest
from verification.restore.plan import doubts

NOW = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PLAIN = Packed(blocks=400, hard=(0, 0, 0, 0, 0))
WORDS = ["harbour", "crew", "vessel", "anchor", "lighthouse", "storm", "captain", "voyage", "tide", "chart", "compass", "ballast"]
TEXT = "".join(
    f"{random.Random(1).choice(WORDS)} {number * 7919 % 99991} {WORDS[number * number % 12]}, " for number in range(20_000)
).encode()


def record(days: float, kind: Kind, size: int, sample: Packed | None = PLAIN, signs: tuple[Sign, ...] = ()) -> BackupRecord:
    at = NOW + days * DAY
    chain = "agama-20261001T000000Z"
    identifier = f"agama-{at:%Y%m%dT%H%M%SZ}"
    return BackupRecord(
        snapshot="a" * 64, id=identifier, service="agama", type="mysql", kind=kind, chain=identifier if kind == "full" else chain,
        sequence=0 if kind == "full" else 1, taken_at=at, size=size, standalone=False,
        packed=sample.tag() if sample else None, suspicious=tag_of(signs) or None,
    )  # fmt: skip


def taken(kind: Kind, size: int, *witness: Fact) -> Manifest:
    return manifest(files=(FileEntry(path="a", size=size),), witness=witness, **({"kind": kind} if kind == "full" else {"kind": kind, "sequence": 1, "parent": "agama-20261122T000000Z", "chain": "agama-20261122T000000Z"}))  # fmt: skip


def nights(number: int, kind: Kind = "incremental", size: int = 1 << 20) -> list[BackupRecord]:
    return [record(day, kind, size) for day in range(number)]


def hard(blocks: int, share: float) -> Packed:
    return Packed(blocks=blocks, hard=(round(blocks * share),) * len(EDGES))


@given(
    st.sampled_from(["incremental", "full"]),
    st.integers(300 << 10, 1 << 40),
    st.floats(0, 0.6),
    st.floats(0.95, 1),
    st.integers(5, 40),
    st.floats(6, 1000),
)
@settings(max_examples=40, deadline=None)
def test_encrypted_content_in_place_of_text_always_alarms(
    kind: Kind, usual: int, before: float, now: float, number: int, times: float
) -> None:
    earlier = [record(day, kind, usual, hard(400, before)) for day in range(number)]
    size = round(usual * times) if kind == "incremental" else usual
    signs = suspicion.judge(taken(kind, size), hard(400, now), earlier, None).signs
    assert [sign.kind for sign in signs] == (["bytes", "packed"] if kind == "incremental" else ["packed"])


@given(st.sampled_from(["incremental", "full"]), st.integers(0, 1 << 40), st.floats(0, 1), st.integers(0, 60))
@settings(max_examples=40, deadline=None)
def test_the_first_backups_are_not_said_to_be_unusual(kind: Kind, size: int, share: float, of_the_other: int) -> None:
    """Of its kind: fulls say nothing of incrementals, and what an older Lifeboat took does not say how it compresses."""
    few = nights(suspicion.ENOUGH[kind] - 1, kind, 1)
    others = nights(of_the_other, "full" if kind == "incremental" else "incremental", 1)
    unsaid = [record(100 + day, kind, 1, None) for day in range(20)]
    past = suspicion.judge(taken(kind, size), hard(900, share), [*few, *others, *unsaid], None)
    assert (past.signs, past.judged, past.earlier) == ((), False, len(few))


def year(chance: random.Random, how: str) -> Iterator[tuple[Kind, int, Packed]]:
    """The backups of a service for a year: their kinds, their sizes, and how a sample of each compresses."""
    base, share = math.exp(chance.uniform(math.log(5e3), math.log(5e8))), chance.choice([0, 0, 0.02, 0.1, 0.3, 0.6, 0.9])
    for day in range(365):
        kind: Kind = "incremental" if day % 7 else "full"
        size = base * (50 * (1 + day / 200) if kind == "full" else math.exp(chance.gauss(0, 0.6)))
        now = share
        if kind == "incremental":
            size *= {
                "growing": 1.5 ** (day / 100),
                "seasonal": 1 + 3 * max(0, math.sin(day / 58)),
                "month end": 1 if day % 30 else 20,
            }.get(how, 1)
            size *= 0.1 if how == "weekly" and day % 7 in (5, 6) else 1
            if how == "import of text" and chance.random() < 0.03:
                size, now = size * 100, 0
        if how == "mixed":
            now = min(1, max(0, chance.gauss(share, 0.3 * share if kind == "incremental" else 0.02)))
        blocks = int(min(1000, max(1, size // 16384)))
        count = sum(chance.random() < now for _ in range(min(blocks, 200)))
        yield kind, int(size), Packed(blocks=min(blocks, 200), hard=(count,) * len(EDGES))


@pytest.mark.parametrize("how", ["steady", "growing", "weekly", "seasonal", "month end", "import of text", "mixed"])
def test_honest_growth_rarely_alarms(how: str) -> None:
    """Measured for docs/suspicious.md with sixty years of each: none. The nights here are a sample of those."""
    chance, held, alarms = random.Random(how), [], []
    for day, (kind, size, sample) in enumerate(year(chance, how)):
        held = [each for each in held if NOW + day * DAY - each.taken_at < 38 * DAY]
        alarms += suspicion.judge(taken(kind, size), sample, held, None).signs if day % 3 == 0 else ()
        held.append(record(day, kind, size, sample))
    assert alarms == []


@pytest.mark.parametrize(
    ("size", "share"),
    [(100 << 20, 0.0), (1 << 20, 1.0), ((5 << 20) - 1, 1.0), (100 << 20, 0.15)],
    ids=["an import of text", "as much as always", "not many times as much", "some pictures"],
)
def test_one_of_the_two_alone_is_no_sign(size: int, share: float) -> None:
    assert suspicion.judge(taken("incremental", size), hard(400, share), nights(9), None).signs == ()


def test_a_night_with_anything_in_it_is_no_sign_after_quiet_ones() -> None:
    quiet = nights(9, size=300)
    assert suspicion.judge(taken("incremental", 200 << 10), hard(13, 1), quiet, None).signs == ()
    assert suspicion.judge(taken("incremental", 300 << 10), hard(19, 1), quiet, None).signs != ()


def test_what_follows_a_suspicious_backup_is_judged_too_and_what_is_trusted_is_usual() -> None:
    first = suspicion.judge(taken("full", 1 << 30), hard(400, 0.9), nights(4, "full"), None)
    held = [*nights(4, "full"), record(4, "full", 1 << 30, hard(400, 0.9), first.signs)]
    trust = Trust(backup=held[-1].id, at=NOW, by="root", reason="meant")
    for trusts, kinds in ({}, ["packed"]), ({trust.backup: trust}, []):
        past = suspicion.judge(taken("full", 1 << 30), hard(400, 0.9), suspicion.believed(held, trusts), None)
        assert [sign.kind for sign in past.signs] == kinds


def tables(*rows: int) -> list[Fact]:
    return [Fact(f"agama.t{number}", "rows", count) for number, count in enumerate(rows)]


@pytest.mark.parametrize(
    ("before", "now", "signs"),
    [
        (tables(1000, 50), tables(500, 0), ["rows"]),
        (tables(1000, 50), tables(520, 50), []),
        (tables(1000, 50), tables(1000, 0), []),
        (tables(90), tables(0), []),
        (tables(100), [Fact("agama.readme", "rows", 1)], ["rows"]),
        (tables(100), [], ["rows"]),
        (tables(10**6, 20, 20, 20), tables(10**6, 0, 0, 20), ["tables"]),
        (tables(10**6, 20, 20, 9), tables(10**6, 0, 0, 0), []),
        ([Fact("block 1", "samples", 10**6)], [Fact("block 2", "samples", 10)], ["samples"]),
        ([Fact("org 1", "dashboards", 8), Fact("table user", "rows", 500)], [Fact("org 1", "dashboards", 4), Fact("table user", "rows", 9)], ["dashboards"]),
        ([Fact("org 1", "dashboards", 8), Fact("table log", "rows", 500)], [Fact("org 1", "dashboards", 5), Fact("table log", "rows", 9)], []),
        (tables(10**30), tables(1), ["rows"]),
        (tables(10**30), tables(10**29), []),
        ([Fact("a", "rows", "many")], [], []),
        ([Fact("a", "rows", True)], [], []),
    ],
)  # fmt: skip
def test_half_gone_is_a_sign(before: list[Fact], now: list[Fact], signs: list[str]) -> None:
    """Also of a backup that is judged by nothing else, since there are few."""
    past = suspicion.judge(taken("full", 10, *now), PLAIN, [], manifest(witness=tuple(before)))
    assert [sign.kind for sign in past.signs] == signs
    assert past.compared == manifest().id
    assert BackupRecord.from_tags("a" * 64, manifest(past=past).tags()), "whatever a source counts, its tags can be read"


def test_a_single_table_that_was_emptied_is_named_and_is_no_sign() -> None:
    before, now = tables(10**6, 1000, 9, 12), tables(10**6, 1, 0, 6)
    assert suspicion.emptied(before, now) == ["agama.t1 (1,000 to 1)", "agama.t3 (12 to 6)"]
    assert suspicion.judge(taken("full", 1, *now[:2]), PLAIN, [], manifest(witness=tuple(before[:2]))).signs == ()
    assert suspicion.emptied([Fact("org 1", "dashboards", 9)], []) == []


def test_what_is_held_is_said_with_its_figures_and_what_to_type() -> None:
    sign = Sign(kind="bytes", found=12 << 20, usual=48 << 10), Sign(kind="packed", found=93, usual=2)
    backups = [record(0, "full", 1), record(1, "full", 1, signs=sign), record(2, "full", 1, signs=sign)]
    (words,) = suspicion.held(backups, {}).values()
    assert words == (
        f"prune stands still: 2 backups of agama look suspicious, first {backups[1].id} (12.0 MiB are new, 48.0 KiB are usual, "
        "93 % of it is hardly compressible, 2 % at most before); if that was meant: lifeboat trust agama --reason WHY"
    )
    trusts = {each.id: Trust(backup=each.id, at=NOW, by="root", reason="meant") for each in backups[1:]}
    assert suspicion.held(backups, trusts) == {}


def test_a_restore_is_told_of_a_suspicious_backup_and_of_the_last_one_before_it() -> None:
    sign = (Sign(kind="rows", found=3, usual=1000),)
    well, bad = record(0, "full", 1), record(1, "full", 1, signs=sign)
    assert doubts([bad], [well, bad], {}) == (
        f"{bad.id}, which comes back, looks suspicious: 3 rows, 1,000 before; the last one before it is {well.id}"
    )
    assert (doubts([bad], [bad], {}) or "").endswith("; there is none before it")
    assert doubts([well], [well, bad], {}) is None
    assert doubts([bad], [well, bad], {bad.id: Trust(backup=bad.id, at=NOW, by="root", reason="meant")}) is None


signs = st.builds(Sign, kind=st.sampled_from(["bytes", "packed", "rows", "samples", "dashboards", "tables"]), found=st.integers(0, 10**18 - 1), usual=st.integers(0, 10**18 - 1))  # fmt: skip


@given(st.lists(signs, min_size=1, max_size=10).map(tuple), st.lists(st.integers(0, 10**9 - 1), min_size=6, max_size=6))
def test_tags_are_read_back_as_they_were_written(found: tuple[Sign, ...], counts: list[int]) -> None:
    sample = Packed(blocks=counts[0], hard=tuple(counts[1:]))
    written = manifest(past=Past(packed=sample, earlier=5, needed=5, signs=found))
    read = BackupRecord.from_tags("a" * 64, written.tags())
    assert read is not None
    assert (signs_of(read.suspicious or ""), Packed.from_tag(read.packed or "")) == (found, sample)
    read.require_same(written)


@pytest.mark.parametrize(
    ("before", "after", "at_least"),
    [(TEXT, None, 0.95), (TEXT, TEXT, 0), (b"", None, 0.95)],
    ids=["encrypted", "text", "new"],
)
def test_a_sample_tells_text_from_what_is_encrypted(tmp_path: Path, before: bytes, after: bytes | None, at_least: float) -> None:
    content = after if after is not None else random.Random(3).randbytes(500_000)
    for name, each in (("text", before), ("now", content), ("zeros", bytes(300_000)), ("empty", b"")):
        (tmp_path / name).write_bytes(each)
    files = tuple(FileEntry(path=name, size=(tmp_path / name).stat().st_size) for name in ("empty", "now", "zeros"))
    sample = packed.measure(tmp_path, files, "seed")
    assert sample.share(EDGES.index(90)) >= at_least
    assert sample.share(0) <= (1 if at_least else 0)
    assert sample.blocks == -(-len(content) // 16384), "what holds nothing tells nothing"


def test_no_more_is_read_than_a_thousand_blocks_and_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(TEXT * 50)
    files = (FileEntry(path="gone", size=1 << 20), FileEntry(path="large", size=(tmp_path / "large").stat().st_size))
    assert 900 < packed.measure(tmp_path, files, "seed").blocks < 1000
    assert packed.measure(tmp_path, (), "seed") == Packed(blocks=0, hard=(0, 0, 0, 0, 0))
