"""Restores a Prometheus: its blocks in one directory, on a server that does not scrape, alert, compact or delete."""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import PurePath

from backups.errors import Damaged, LifeboatError
from backups.machine import below
from backups.machine.docker import Container, Image
from backups.machine.wait import wait_until
from backups.panels.boards import DataSource
from backups.panels.question import Asker
from backups.places.base import Ownership
from backups.services.base import Delivery, Fetched, Sandbox
from backups.services.prometheus import blocks as storage
from backups.services.prometheus import command_line, dashboards, first_start, questions, ranges, version
from backups.services.prometheus import configuration as configuring
from backups.services.prometheus.api import Api
from backups.services.prometheus.details import BLOCKS, CONFIG, Block, BlockFile, PrometheusDetails
from backups.services.prometheus.first_start import BlocksStay
from backups.services.prometheus.upgrades import LEFT_OPEN
from backups.services.standing import Stand
from backups.services.upgraded import Step
from backups.witness import Check, Fact

_USER = 65534
_PORT = 9090
_START_PATIENCE = 900.0
"""Seconds until it is ready. A copy has no log to replay: it only opens the index of each block."""
_STOP_PATIENCE = 120
_LOOKBACK = "query.lookback-delta"
_FIXED_FLAGS = (
    "--config.file=/etc/lifeboat/prometheus.yml",
    "--storage.tsdb.path=/prometheus",
    # A limit by size alone switches the limit by time off. That one counts from the newest block's end: a single block in the far
    # future (milliseconds taken for seconds) would have it delete all others.
    "--storage.tsdb.retention.size=1EB",
    # No compaction: every minute Prometheus rewrites blocks with tombstones that are as long as the middle one of its ranges.
    "--storage.tsdb.min-block-duration=100y",
    "--storage.tsdb.max-block-duration=100y",
)


class PrometheusCopy:
    """See Copy. `data_directory` is the server's, on this machine; `api` answers once it is started; `now` is the time of day."""

    def __init__(
        self, chain: Sequence[Fetched], sandbox: Sandbox, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._now = now
        self._chain = {fetched.manifest.id: fetched for fetched in chain}
        self._last = chain[-1]
        self._sandbox = sandbox
        self._details = PrometheusDetails.of(self._last.manifest)
        command_line.require(self._details, self._last.manifest.id)
        self._witness = {(fact.subject, fact.metric): fact for fact in self._last.manifest.witness}
        self._container: Container | None = None
        self._stand: Stand | None = None
        self._more = ""
        self._next = "prometheus"
        self.data_directory = sandbox.directory / "prometheus"

    def stand(self, stand: Stand) -> None:
        """See `Stands`."""
        self._stand = stand

    def admits(self, user: str) -> Sequence[str]:  # noqa: ARG002 - nobody logs in
        """See `Stands`."""
        return ()

    @contextmanager
    def api(self) -> Iterator[Api]:
        """The copy's HTTP API, for the block alone, in which no other server is asked."""
        if self._container is None:
            raise LifeboatError("this copy of Prometheus was not started", hint="this is a bug in Lifeboat")
        with self._sandbox.reach(self._container) as host:
            stand = self._stand
            if stand is None or not stand.addresses:
                yield Api(f"http://{host}:{_PORT}", direct=True)
            else:
                yield Api(f"http://{_bracketed(stand.addresses[0])}:{stand.port}{stand.path}", direct=True)

    @contextmanager
    def asker(self, sources: tuple[DataSource, ...]) -> Iterator[Asker]:
        """See PanelledCopy."""
        with self.api() as api, dashboards.asker(api, sources, of_copy=True) as asker:
            yield asker

    def assemble(self) -> None:
        """Move the files of the last backup's blocks from the backups that hold them into one data directory."""
        self.data_directory.mkdir()
        for block in self._details.blocks:
            for file in block.files:
                self._place(block, file)
            # The server does not start on a block without it; one whose chunk files are gone costs its own history alone.
            (self.data_directory / block.ulid / "chunks").mkdir(parents=True, exist_ok=True)
        below.require_plain(self.data_directory, f"the blocks of {self._last.manifest.id}")
        # Root reads what the server's user owns; anybody else needs to be let in.
        directories, files = (0o700, 0o600) if os.geteuid() == 0 else (0o755, 0o644)
        for path in (self.data_directory, *self.data_directory.rglob("*")):
            path.chmod(directories if path.is_dir() else files)
        self._sandbox.own(self.data_directory, _USER, _USER, self._image())

    def start(self) -> None:
        """Start the server on the blocks, with nothing to scrape, and wait until it is ready."""
        self._begin("prometheus", self._image())
        with self.api() as api:
            found = api.version()
        version.check_same_major(self._last.manifest.source.version, found, self._image().name)

    def _begin(self, name: str, image: Image, seconds: float | None = None) -> None:
        empty = self._sandbox.directory / f"{name}-etc"
        empty.mkdir()
        (empty / "prometheus.yml").write_text("{}\n", encoding="utf-8")
        # By chmod, since a umask would take away what the server's user needs.
        empty.chmod(0o755)
        (empty / "prometheus.yml").chmod(0o644)
        self._container = self._sandbox.run(
            name,
            image,
            command=[*self._flags(), *_FIXED_FLAGS, *_network(self._stand, self._last.manifest.source.version)],
            mounts={self.data_directory: "/prometheus", empty: "/etc/lifeboat"},
            user=f"{_USER}:{_USER}",
            network=True,
            beside=self._stand.pod if self._stand else None,
        )
        self._wait(self._container, _START_PATIENCE if seconds is None else seconds)

    def replay(self) -> None:
        """Do nothing: the newest hours are a block of the snapshot."""

    def first_answer(self) -> None:
        """Compare the newest instant's series with the witness; where that has no answers, the number of loaded blocks."""
        for observed in self._first():
            expected = self._witness[observed.subject, observed.metric]
            if observed != expected:
                raise Damaged(
                    f"the first answer of the copy is wrong: {observed.subject}, {observed.metric}: "
                    f"{observed.value} instead of {expected.value}{self._culprits()}",
                    hint="verify another backup; then take a full: lifeboat backup --kind full",
                )

    def observe(self) -> Iterator[Fact]:
        """Ask what the source was asked, then read the blocks and the configuration files from disk."""
        asked = self._details.questions
        left_out = set(asked.unsettled)
        with self.api() as api:
            answers = [*questions.ask(api, asked, more=self._more), *ranges.ask(api, asked.ranges, more=self._more)]
        blocks = list(storage.facts(self.data_directory))
        yield from blocks
        yield from self._configuration()
        kept = [fact for fact in answers if (fact.subject, fact.metric) not in left_out]
        yield from kept
        compared = ranges.coverage([*blocks, *kept])
        # A backup of a Lifeboat that asked for no ranges does not have it.
        if (compared.subject, compared.metric) in self._witness:
            yield compared

    def end(self) -> None:
        """See `UpgradableCopy.end`."""
        if self._container is not None:
            self._container.stop(_STOP_PATIENCE)

    def run_on(self, image: Image, made: Step | None, seconds: float | None = None) -> None:
        """See `UpgradableCopy.run_on`. A server to which a range is open at its beginning is asked with 1 ms more."""
        self._more = "1ms" if made and made.passes(LEFT_OPEN) else ""
        self._next = f"{self._next}-next"
        self._begin(self._next, image, seconds)

    def upgraded(self) -> tuple[Sequence[Fact], Sequence[Check]]:
        """See `UpgradableCopy.upgraded`."""
        return list(self.observe()), []

    def database_url(self, database: str) -> None:  # noqa: ARG002
        """Return None: Prometheus answers no SQL."""
        return

    def settle(self) -> Delivery:
        """Stop the server and return the blocks alone, without lock, log and anything else that this server wrote."""
        if self._container is not None:
            self._container.stop(_STOP_PATIENCE)
        # What the server wrote belongs to its user, and so does the directory that it is removed from.
        self._sandbox.own(self.data_directory, os.geteuid(), os.getegid(), self._image())
        wanted = {block.ulid for block in self._details.blocks}
        for entry in self.data_directory.iterdir():
            if entry.name not in wanted:
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        below.require_plain(self.data_directory, "the restored blocks")
        found, mounted = self._details.configuration, self._mounted()
        # The server only read them; what is delivered is compared with what was captured, byte for byte.
        if culprits := self._culprits():
            raise Damaged(f"the restored blocks are not equal to those captured{culprits}", hint="restore again")
        return Delivery(
            self.data_directory,
            Ownership("prometheus:prometheus", _USER, _USER, 0o750),
            "/prometheus",
            configuration=self._last.data / CONFIG if self._details.configuration else None,
            notes=list(self._notes()),
            options=first_start.options(self._details, f"{mounted}/{found.main}" if found and mounted else None, self._now()),
            configuration_inside=mounted,
            port=_PORT,
            first_start=BlocksStay(self._details, self._last.manifest.witness),
            beside=first_start.BESIDE if mounted else None,
        )

    def _mounted(self) -> str | None:
        """Return where a new container has the configuration; None where it is started without it."""
        found = self._details.configuration
        return found.directory if found is not None and self._unfit() is None else None

    def _unfit(self) -> str | None:
        """Why a new container is started without the configuration of the backup; None where it has it."""
        main = self._details.configuration.main if self._details.configuration else ""
        checked = self._witness.get((f"configuration {main}", configuring.CHECK))
        if checked is None or not configuring.accepted(checked):
            return "promtool did not accept it when the backup was taken"
        with below.opened(self._last.data / CONFIG, PurePath(main)) as file:
            text = file.read().decode("utf-8", "replace")
        deleted = first_start.deleted_by(text, self._details, self._now())
        return f"its storage.tsdb.retention would delete what was restored: {deleted}" if deleted else None

    def _notes(self) -> Iterator[str]:
        yield from (f"limit of the backup: {limit}" for limit in self._details.limits)
        yield from first_start.notes(self._details, self._now())
        if self._details.blocks:
            oldest = datetime.fromtimestamp(min(block.min_time for block in self._details.blocks) / 1000, UTC)
            yield (
                f"its oldest samples are of {oldest:%Y-%m-%d %H:%M} UTC: a server whose --storage.tsdb.retention.time is shorter "
                "than that deletes them as soon as it is started on them"
            )
        if found := self._details.configuration:
            yield f"its configuration was in {found.directory}, main file {found.main}"
            if why := self._unfit():
                yield f"a new container is started without it, since {why}"
            else:
                yield "a new container is started with that configuration: it scrapes and alerts as the source did"
        else:
            yield "the backup holds no configuration: set `config_place` in lifeboat.yaml to back it up, too"

    def _place(self, block: Block, file: BlockFile) -> None:
        backup = file.backup or self._last.manifest.id
        holder = self._chain.get(backup)
        source = holder.data / BLOCKS / block.ulid / file.path if holder else None
        if source is None or not source.is_file():
            raise Damaged(
                f"block {block.ulid}: {file.path} ({file.size} bytes) is missing from backup {backup}",
                hint="verify another backup; then take a full: lifeboat backup --kind full",
            )
        target = self.data_directory / block.ulid / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)

    def _flags(self) -> Iterator[str]:
        flags = dict(self._details.flags)
        if answering := command_line.answering(self._details):
            flags[command_line.FEATURES] = answering
        if self._more:
            flags[_LOOKBACK] = command_line.longer(flags.get(_LOOKBACK, "5m"))
        for flag, value in flags.items():
            if flag == "storage.tsdb.allow-overlapping-compaction":
                yield f"--no-{flag}"
            else:
                yield f"--{flag}={value}"

    def _wait(self, container: Container, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while container.running() and time.monotonic() < deadline:
            try:
                with self.api() as api:
                    if wait_until(api.ready, seconds=1):
                        return
            except LifeboatError:
                # It may have just ended.
                if container.running():
                    raise
        culprits, errors = self._culprits(), _errors(container)
        if container.running():
            raise LifeboatError(
                f"the copy of Prometheus was not ready after {seconds:.0f} s; the end of its log: {errors}",
                hint="is this machine too slow, or sandbox.memory in lifeboat.yaml too small?",
            )
        if culprits or "opening storage failed" in errors:
            raise Damaged(
                f"Prometheus does not start on the restored blocks{culprits}; the end of its log: {errors}",
                hint="verify another backup; then take a full: lifeboat backup --kind full",
            )
        raise LifeboatError(
            f"the copy of Prometheus ended while it started; the end of its log: {errors}",
            hint=f"is {self._image().name} an image of the source's version {self._last.manifest.source.version}?",
        )

    def _first(self) -> Sequence[Fact]:
        """Return the copy's answers to the newest question whose answer in the witness is not 0."""
        for single in questions.one_by_one(self._details.questions):
            with self.api() as api:
                known = [
                    fact for fact in questions.ask(api, single, more=self._more) if (fact.subject, fact.metric) in self._witness
                ]
            if known and self._witness[known[0].subject, known[0].metric].value != 0:
                return known
        with self.api() as api:
            return [storage.total(int(api.gauges().get("prometheus_tsdb_blocks_loaded", -1)))]

    def _configuration(self) -> Iterator[Fact]:
        found = self._details.configuration
        if found is None:
            return
        yield from configuring.facts(self._last.data)
        if found.checked:
            result = configuring.check(self._sandbox, "promtool", self._image(), self._last.data, found)
            yield configuring.verdict(found, result)

    def _culprits(self) -> str:
        """Return which files are not what was captured, for the end of a message."""
        found = storage.damages(self.data_directory, self._details.blocks)
        more = f" (and {len(found) - 3} more)" if len(found) > 3 else ""
        return f"; {'; '.join(found[:3])}{more}" if found else ""

    def _image(self) -> Image:
        return self._sandbox.image(self._last.manifest.source.image)


def _network(stand: Stand | None, version: str) -> Iterator[str]:
    """Yield where it listens, and below which path, when it stands among other copies."""
    if stand is None:
        return
    # Before version 3 it listens at one address, or at all that there are.
    several = len(stand.addresses) > 1 and version.startswith("2.")
    for address in ("0.0.0.0",) if several else stand.addresses or ("127.0.0.1",):  # noqa: S104 - of a network without a way out
        yield f"--web.listen-address={_bracketed(address)}:{stand.port or _PORT}"
    if stand.path:
        yield f"--web.route-prefix={stand.path}"


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _errors(container: Container) -> str:
    """Return the last errors of its log, which may come before a page of usage, else its last lines, on one line."""
    lines = container.logs(200).splitlines()
    telling = [line for line in lines if re.search(r"(?i)\b(error|err|fatal|panic)\b", line)] or lines
    return " ".join(" ".join(telling[-3:]).split())
