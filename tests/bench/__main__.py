"""The story of the benchmark. BENCH_GB sets the size (default 1), BENCH_ROUNDS how often each side is measured (default 2)."""

import logging
import os
import platform
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from backups.machine import disk, runs
from backups.machine.runs import Run
from tests.bench import copying, dataset, following, many, masking, one_table, over_ssh, pinned, sides
from tests.bench.server import PASSWORD, Server, start
from tests.bench.table import Row, at_least, at_most, markdown

_PRIVILEGES = "BACKUP_ADMIN, REPLICATION SLAVE, REPLICATION CLIENT, RELOAD, SELECT, SHOW VIEW, TRIGGER, EVENT, PROCESS"
_BUSY_SECONDS = 30.0
_FOLLOWED_SECONDS = 40.0
_BACKUPS = 500
_SERVICES, _NIGHTS = 200, 90
_NIGHTS_A_WEEK = 6
"""Incrementals between two fulls."""
_APART = "the same, the witness first, then the saving"


def main() -> None:
    """Measure everything and print the table. Ended early, by whatever signal, it leaves nothing."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    logging.basicConfig(level=logging.ERROR)
    gib, rounds = float(os.environ.get("BENCH_GB", "1")), int(os.environ.get("BENCH_ROUNDS", "2"))
    base = Path(tempfile.mkdtemp(prefix="lifeboat-bench-", dir=os.environ.get("BENCH_DIR")))
    base.chmod(0o711)
    try:
        with runs.start(base / "state") as run:
            rows = measure(run, base, gib, rounds)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    print(markdown(rows))


def measure(run: Run, base: Path, gib: float, rounds: int) -> list[Row]:
    """All rows of the table. Everything is measured side by side on this machine: believe the ratios, not the seconds."""
    say(f"filling a server with {gib:g} GiB")
    server = start(run.docker, f"bench-{run.id}-source", base / "source")
    server.sql(
        "INSTALL PLUGIN clone SONAME 'mysql_clone.so'",
        f"CREATE USER lifeboat@'%' IDENTIFIED BY '{PASSWORD}'",
        f"GRANT {_PRIVILEGES} ON *.* TO lifeboat@'%'",
    )
    # What Lifeboat keeps between runs is made once; on any other day it is there already.
    sides.lifeboat_backup(sides.site(base / "site-warm", server), "full")
    dataset.fill(server, gib)
    held = dataset.size(server)
    title = Row(
        f"{disk.size(held)} of data, {os.cpu_count()} cores, {platform.machine()}, {datetime.now(UTC):%Y-%m-%d}",
        f"sides in turn, {rounds} times",
    )
    fulls, rows = _fulls(base, server, rounds)
    rows += _a_core_each(base, server, rounds)
    config = base / "site-0" / "lifeboat.yaml"
    rows += _incrementals(config, server, fulls)
    say(f"a log that is followed for {_FOLLOWED_SECONDS:.0f} s")
    rows += following.rows(config, server, _FOLLOWED_SECONDS)
    say("one table, by two sessions and by one")
    rows.append(one_table.row(server, rounds))
    say("rows masked from one server into another")
    rows.append(masking.row(run.docker, f"bench-{run.id}-masked", server, base))
    rows += _restores(run, base, server, config, fulls[0].id, rounds)
    rows += _listing(base)
    say("a place over SSH")
    rows += over_ssh.rows(int(os.environ.get("BENCH_SSH_MB", "200")), rounds)
    say("copying an incremental to a further repository")
    rows += copying.rows()
    return [title, *rows]


def _fulls(base: Path, server: Server, rounds: int) -> tuple[list[sides.Backup], list[Row]]:
    taken: list[sides.Backup] = []

    def ours(number: int) -> float:
        say(f"full backup, round {number + 1}")
        taken.append(sides.lifeboat_backup(sides.site(base / f"site-{number}", server), "full"))
        return taken[-1].seconds

    def theirs(number: int) -> float:
        say(f"mysqldump | zstd, round {number + 1}")
        return sides.dump(server, base / "dump.zst")

    apart = partial(_another, base, server, "the witness first, then the saving", apart=True)
    own, after, dumped = (statistics.median(seconds) for seconds in sides.alternated(rounds, ours, apart, theirs))
    return taken, [
        at_most("full backup with its witness, in the repository, against mysqldump --single-transaction \\| zstd -3", own / dumped, 1.1, "x", detail=f" ({own:.1f} s : {dumped:.1f} s)"),
        _steps(taken, dumped),
        Row(_APART, f"{after / dumped:.2f}x ({after:.1f} s : {dumped:.1f} s)"),
        at_most("lock on the source during a full", 1000 * max(backup.lock_seconds for backup in taken), 20, " ms"),
        _memory("full", taken),
    ]  # fmt: skip


def _a_core_each(base: Path, server: Server, rounds: int) -> list[Row]:
    """The same where the source and the machine that backs it up do not share a processor."""

    def ours(number: int) -> float:
        say(f"full backup, a core for each side, round {number + 1}")
        return sides.lifeboat_backup(sides.site(base / f"pinned-{number}", server), "full").seconds

    def theirs(number: int) -> float:
        say(f"mysqldump | zstd, a core for each side, round {number + 1}")
        return sides.dump(server, base / "dump-pinned.zst")

    if len(os.sched_getaffinity(0)) < 2:
        return []
    apart = partial(_another, base, server, "a core for each side, the witness first, then the saving", apart=True)
    plain = partial(_another, base, server, "a core for each side, not compressed", compression="off")
    with pinned.a_core_each(server):
        measured = sides.alternated(rounds, ours, apart, plain, theirs)
    own, after, uncompressed, dumped = (statistics.median(seconds) for seconds in measured)
    what = "the same, where the source and the backup machine have a core each"
    return [
        at_most(what, own / dumped, 0.7, "x", detail=f" ({own:.1f} s : {dumped:.1f} s)"),
        Row(f"{_APART}, a core each", f"{after / dumped:.2f}x ({after:.1f} s : {dumped:.1f} s)"),
        Row("the same, not compressed, a core each", f"{uncompressed / dumped:.2f}x ({uncompressed:.1f} s : {dumped:.1f} s)"),
    ]


def _another(base: Path, server: Server, how: str, _: int, *, apart: bool = False, compression: str = "") -> float:
    """Take a full in another way, and throw it away; returns its seconds."""
    say(f"full backup, {how}")
    config = sides.site(base / "another", server, compression=compression)
    seconds = sides.lifeboat_backup(config, "full", apart=apart).seconds
    shutil.rmtree(config.parent)
    return seconds


def _steps(taken: list[sides.Backup], dumped: float) -> Row:
    """Where a full's time goes: only the first of these steps does what mysqldump does."""
    steps = {
        "CLONE": ("cloning", "taking the witness"),
        "witness": ("taking the witness", "pulling the log"),
        "saving what was not saved beside it": ("saving", "is complete"),
    }
    seconds = {name: statistics.median(backup.between(*lines) for backup in taken) for name, lines in steps.items()}
    words = ", ".join(f"{name} {took:.1f} s ({took / dumped:.2f}x)" for name, took in seconds.items())
    return Row("of which", words)


def _memory(kind: str, taken: Sequence[sides.Backup]) -> Row:
    """The most memory of our own process; what it maps of files, which grows with the log, is told beside it."""
    largest = max(backup.peak_bytes for backup in taken) / 2**20
    own = max(backup.own_bytes for backup in taken) / 2**20
    return at_most(
        f"peak memory of our own process, {kind}", own, 300, " MiB", detail=f" (with files that it maps {largest:.0f} MiB)"
    )


def _incrementals(config: Path, server: Server, fulls: list[sides.Backup]) -> list[Row]:
    full = statistics.median(backup.seconds for backup in fulls)
    say("a week of incrementals with nothing changed")
    unchanged = _week(config, server, lambda _: None)
    say("a week of incrementals with 1 % appended in each")
    sides.lifeboat_backup(config, "full")
    appended = _week(config, server, dataset.append_one_percent)
    say("a week of incrementals after 1 % of change in each, scattered")
    sides.lifeboat_backup(config, "full")
    after_change = _week(config, server, dataset.change_one_percent)
    say(f"a busy log of {_BUSY_SECONDS:.0f} s, and its replay")
    transactions = dataset.busy(server, _BUSY_SECONDS)
    busy = sides.lifeboat_backup(config, "incremental")
    drill = sides.lifeboat_drill(config, busy.id)
    replayed = next(phase.seconds for phase in drill.phases if phase.name == "replay")
    log = sum(each.size for each in (*after_change, busy))
    nothing = statistics.mean(each.seconds - sum(each.restic) for each in unchanged)
    starts = max(len(each.restic) for each in unchanged)
    return [
        at_most(f"incremental with nothing changed, beyond restic's own {starts} starts", nothing, 3, " s",
                detail=f" ({_nights([each.seconds for each in unchanged])}, of which restic {statistics.mean(sum(each.restic) for each in unchanged):.1f} s)"),
        _of_full("incremental with 1 % appended, against the full", appended, full, 0.1),
        _of_full("incremental after 1 % of change, scattered, against the full", after_change, full, 0.2),
        Row("replay of that log and of a busy one", f"{replayed:.1f} s for {disk.size(log)}, {transactions:,} transactions written in {_BUSY_SECONDS:.0f} s"),
        at_most("lock on the source during an incremental, busy just before", 1000 * busy.lock_seconds, 20, " ms"),
        _memory("incremental", (*after_change, busy)),
    ]  # fmt: skip


def _week(config: Path, server: Server, change: Callable[[Server], object]) -> list[sides.Backup]:
    """Take the six incrementals of a week after its full, each after a change.

    What a night costs is their mean: each table has its turn to be read in one of them, so that one night alone may have a large
    one, or none.
    """
    taken = []
    for _ in range(_NIGHTS_A_WEEK):
        change(server)
        server.settle()
        taken.append(sides.lifeboat_backup(config, "incremental"))
    return taken


def _of_full(what: str, week: list[sides.Backup], full: float, goal: float) -> Row:
    """The mean night of a week against the full, with the lightest night, in which next to no table is due, and the heaviest."""
    seconds = [each.seconds for each in week]
    log = disk.size(round(statistics.mean(each.size for each in week)))
    return at_most(
        what, statistics.mean(seconds) / full, goal, "x", detail=f" ({_nights(seconds)} : {full:.1f} s, {log} of log each)"
    )


def _nights(seconds: list[float]) -> str:
    return f"{statistics.mean(seconds):.1f} s, the mean of a week's {len(seconds)} of {min(seconds):.1f} to {max(seconds):.1f} s"


def _restores(run: Run, base: Path, server: Server, config: Path, backup: str, rounds: int) -> list[Row]:
    server.container.stop(120)

    def ours(number: int) -> float:
        say(f"restore to the first correct answer, round {number + 1}")
        return sides.lifeboat_drill(config, backup).restore_seconds or 0.0

    say("zstd -dc | mysql, once: it takes longer than all the rest")
    loaded = sides.load(run, base / "dump.zst", base, f"bench-{run.id}-load")

    def limit(number: int) -> float:
        say(f"copy the data directory and start, round {number + 1}")
        return sides.copy_and_start(run, server.directory, base, f"bench-{run.id}-copy-{number}")

    own, copied = (statistics.median(seconds) for seconds in sides.alternated(rounds, ours, limit))
    return [
        at_least("restore to the first correct answer, against zstd -dc \\| mysql", loaded / own, 14, "x faster", detail=f" ({own:.1f} s : {loaded:.1f} s)"),
        Row("the same, against the limit (copy the data directory, start the server)", f"{own / copied:.2f}x ({own:.1f} s : {copied:.1f} s)"),
    ]  # fmt: skip


def _listing(base: Path) -> list[Row]:
    say(f"lifeboat list with {_BACKUPS} backups")
    directory = base / "many"
    (directory / "scratch").mkdir(parents=True)
    many.fill(directory / "repository", "bench", _BACKUPS, directory / "scratch", many.THREE)
    seconds = min(sides.listing(many.configuration(directory, many.THREE)) for _ in range(3))
    return [at_most(f"lifeboat list with {_BACKUPS} backups", seconds, 2, " s"), *_many_services(base)]


def _many_services(base: Path) -> list[Row]:
    """What two hundred services cost: processor time, of which restic's own is told apart."""
    say(f"lifeboat list and status of {_SERVICES} services with {_NIGHTS} backups each")
    directory, services = base / "fleet", many.many_services(_SERVICES)
    (directory / "scratch").mkdir(parents=True)
    many.fill(directory / "repository", "bench", _SERVICES * _NIGHTS, directory / "scratch", services, proofs=True)
    config = many.configuration(directory, services)
    sides.processor(config, "list")
    rows = []
    for command in ("list", "status"):
        own, restic = min(sides.processor(config, command) for _ in range(3))
        what = f"lifeboat {command} of {_SERVICES} services with {_NIGHTS} backups each, processor time"
        rows.append(at_most(what, own + restic, 3, " s", detail=f" ({own:.1f} s our own, {restic:.1f} s restic's)"))
    return rows


def say(words: str) -> None:
    """Tell what is being measured; before that, let the disk come to rest."""
    subprocess.run(["sync"], check=True)
    print(f"{time.strftime('%H:%M:%S')} {words}", flush=True)


if __name__ == "__main__":
    main()
