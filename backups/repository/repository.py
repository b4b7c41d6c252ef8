"""Stores, lists, fetches and deletes backups in a restic repository, which encrypts, deduplicates and locks.

One backup is one snapshot: its root holds `manifest.json` and `data/`. Listing reads tags, never data.
"""

import contextlib
import functools
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from backups.errors import Damaged, LifeboatError
from backups.hosts import NOWHERE, Hosts
from backups.machine import locks, processes
from backups.machine.processes import Completed
from backups.repository import append_only, identity, restic_errors, restic_text, restic_version, retries, sftp, two_places
from backups.repository.reading import Reading
from backups.repository.receiving import Receiving
from backups.repository.restic_cache import run_restic
from backups.repository.retries import Retries
from backups.repository.two_places import End
from backups.secret import Secret, read
from backups.text import without_password

log = logging.getLogger(__name__)

_NO_PARENT = "--force"
"""No earlier snapshot is of this directory, and the search for one stumbles over a damaged one."""
_READS_WITH_LOCK = frozenset({"restore", "check"})
"""restic's commands that only read, and are run with its lock: so that no prune takes away what they read."""


@dataclass(frozen=True)
class Repository(Reading, Receiving):
    """A restic repository at `url`. The url and the password are passed to restic in its environment, never on a command line.

    url: may name environment variables (`rest:https://${USER}:${PASSWORD}@host/`), or one of `hosts` (`sftp:NAME:/path`)
    options: restic's `-o` (`s3.region` …), which every user of this machine can see
    patience: seconds to wait for another restic that holds the repository exclusively (a prune)
    stalled: seconds after which a restic that does nothing is ended
    tries: seconds after which one that only tries again is ended; contact: the same of the question which repository it is
    known: the file in the state directory that holds the id of the repository that this machine uses; None: any will do
    known_as: the names by which evidence means it; None is what evidence means that names none, the first

    All methods raise LifeboatError for a repository that cannot be used (Transient when another try may help, Damaged
    when its content is damaged), each with a hint.
    """

    url: str
    cache: Path
    password: Secret | None = None
    password_file: Path | None = None
    environment: Mapping[str, Secret] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    hosts: Hosts = NOWHERE
    patience: float = 60.0
    stalled: float = 1800.0
    tries: float = retries.SECONDS
    contact: float = retries.CONTACT
    known: Path | None = None
    known_as: frozenset[str | None] = frozenset({None})
    _recognised: threading.Event = field(default_factory=threading.Event, init=False, repr=False, compare=False)
    _named: set[str] = field(default_factory=set, init=False, repr=False, compare=False)
    _unreadable: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)
    _read_only: threading.Event = field(default_factory=threading.Event, init=False, repr=False, compare=False)

    @property
    def shown_url(self) -> str:
        """The url with its password masked."""
        return without_password(self.url)

    @property
    def known_id(self) -> str | None:
        """The id by which this machine knows it, without asking it; None where it knows none."""
        return identity.known(self.known) if self.known else None

    def identifier(self) -> str | None:
        """Return the id of the repository at the url, which the password opens; None where there is none."""
        completed = self._run(["cat", "config", "--no-lock"])
        if completed.code == 0:
            return str(json.loads(completed.output)["id"])
        if not restic_errors.is_absent(completed):
            raise self._fault(completed, "open")
        keys = Path(self.url) / "keys"
        if keys.is_dir() and any(keys.iterdir()):
            raise Damaged(
                f"cannot open the repository {self.shown_url}: it has keys and data, and no config file",
                hint="restore its file `config`; a new repository in its place would make the old backups unreadable",
            )
        return None

    def exists(self) -> bool:
        """Return whether there is a repository at the url that the password opens."""
        return self.identifier() is not None

    def recognise(self) -> str | None:
        """Return its id, None where there is none; raises ConfigError where the state directory knows another one.

        Whether the password opens it may be left for what comes next to see: see `identity.recognise`.
        """
        found = identity.recognise(self.known, self.url, self.shown_url, self.identifier) if self.known else self.identifier()
        if found is not None:
            self._recognised.set()
        return found

    def adopt(self, *, create: bool = False) -> None:
        """Make the repository at the url the one that this machine knows; with `create`, a new one where there is none."""
        if create:
            self._initialise_if_absent(self.identifier)
        found = self.identifier()
        if found is None:
            raise LifeboatError(
                f"there is no repository at {self.shown_url}", hint="check repository.url; lifeboat backup --init makes a new one"
            )
        if self.known is not None and found != identity.known(self.known):
            identity.remember(self.known, found)
            log.warning("this machine knows the repository at %s from now on, by its id %s", self.shown_url, found)

    def adopt_for_copies_of(self, source: "Repository") -> None:
        """Make the repository there the one that this machine knows; a new one, for copies of `source`, where there is none."""
        self._initialise_if_absent(self.identifier, source)
        self.adopt()

    def ensure(self) -> None:
        """Initialise the repository if there is none yet, and none is known. Raises LifeboatError when it cannot be written."""
        self._initialise_if_absent(self.recognise)
        self.require_writable("save to")

    def make_for_copies_of(self, source: "Repository") -> None:
        """Initialise it as `ensure` does, so that it cuts data into the same pieces as `source`."""
        self._initialise_if_absent(self.recognise, source)

    def _initialise_if_absent(self, look: Callable[[], str | None], source: "Repository | None" = None) -> None:
        # Two that initialise at the same time would overwrite each other's master key.
        with locks.waited_for(self.cache / "initialise.lock"):
            if look() is None:
                completed = self._run(["init", *(["--copy-chunker-params"] if source else [])], source=source)
                if completed.code != 0:
                    raise self._fault(completed, "initialise")
                log.warning("created a new repository at %s", self.shown_url)
                if self.known is not None and (made := self.identifier()):
                    identity.remember(self.known, made)
                self._recognised.set()

    def make(self) -> None:
        """Make a repository for a while, where there is none: nobody is told of it, and this machine does not know it."""
        self._restic(["init"], "initialise")

    def save(self, directory: Path, *, host: str, tags: Sequence[str], at: datetime, ahead: str | None = None) -> str:
        """Store the content of `directory` as one snapshot; `at` becomes its time, to the second.

        ahead: a snapshot of `save_ahead`, of the same directory: what has not changed since is not read again
        Returns the snapshot's id as restic prints it: all of it, or (0.14) its first eight digits.
        All or nothing: when restic could not read some file, the snapshot is forgotten again, and this raises.
        """
        timestamp = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        arguments = ["--host", host, "--time", timestamp, "."]
        if ahead:
            try:
                return self._saved(["--parent", ahead, *arguments], directory, tags)
            except LifeboatError as fault:
                if restic_errors.GONE not in fault.message:
                    raise
                log.warning("what was saved ahead is gone from the repository %s: it is saved again", self.shown_url)
        return self._saved([_NO_PARENT, *arguments], directory, tags)

    def save_ahead(self, directory: Path, path: str, *, host: str, tags: Sequence[str], stop: threading.Event) -> str:
        """Store what is below `path` of `directory`, while the rest is not there yet; `stop` ends it. Returns as `save` does."""
        return self._saved([_NO_PARENT, "--host", host, path], directory, tags, stop)

    def _saved(self, arguments: Sequence[str], directory: Path, tags: Sequence[str], stop: threading.Event | None = None) -> str:
        if split := [tag for tag in tags if "," in tag or not tag]:
            raise ValueError(f"restic would not keep the tag {split[0]!r} as it is")
        self._require_recognised()
        self.require_writable("save to")
        labels = [part for tag in tags for part in ("--tag", tag)]
        completed = self._run(["backup", "--json", *labels, *arguments], directory=directory, stop=stop)
        snapshot = restic_text.snapshot_id(completed.output)
        if completed.code != 0:
            if snapshot:
                self._forget_incomplete(snapshot)
            raise self._fault(completed, "save to")
        return snapshot

    def forget(self, snapshots: Sequence[str]) -> None:
        """Remove snapshots; their data is removed by the next `prune`. Raises LifeboatError for an append-only repository."""
        if snapshots:
            self.require_deletions("forget snapshots of")
            self._restic(["forget", *snapshots], "forget snapshots of")

    def prune(self) -> None:
        """Free the space of forgotten snapshots. Raises LifeboatError for an append-only repository."""
        self.require_deletions("prune")
        self._restic(["prune"], "prune")

    def is_append_only(self) -> bool:
        """Return whether it is known to refuse deletions from this machine; only a REST server can be asked."""
        return append_only.is_append_only(Secret(self.url).reveal())

    def is_writable(self) -> bool:
        """Return whether it may be written from here. Known of a directory; of another kind, once restic was refused."""
        locks_of_restic = Path(self.url) / "locks"
        return not self._read_only.is_set() and (not locks_of_restic.is_dir() or os.access(locks_of_restic, os.W_OK | os.X_OK))

    def require_writable(self, verb: str) -> None:
        """Raise LifeboatError for a repository that cannot be written, which restic finds out after 45 seconds of trying."""
        if not self.is_writable():
            raise LifeboatError(
                f"cannot {verb} the repository {self.shown_url}: it is read-only from here",
                hint="is its disk mounted read-only? may this user write there? list, show, verify and restore work all the same",
            )

    def require_deletions(self, verb: str) -> None:
        """Raise LifeboatError for a repository that this machine may not delete from, before anything is tried."""
        self._require_recognised()
        self.require_writable(verb)
        if self.is_append_only():
            raise restic_errors.append_only(f"cannot {verb} the repository {self.shown_url}")

    def check(self, *, read_data: bool = False) -> None:
        """Check the repository's structure, with `read_data` every byte; raises Damaged with what restic found."""
        self._restic(["check", *(["--read-data"] if read_data else [])], "check")

    def unlock(self) -> None:
        """Remove locks of processes that have ended; those of live processes stay."""
        self._restic(["unlock"], "unlock")

    def _require_recognised(self) -> None:
        """Raise ConfigError unless the repository is the one that this machine knows; LifeboatError where there is none."""
        if self.known is not None and not self._recognised.is_set():
            self.recognise()

    def _forget_incomplete(self, snapshot: str) -> None:
        """Forget an incomplete snapshot; raises LifeboatError that names it when that is refused."""
        try:
            self.forget([snapshot])
        except LifeboatError as refusal:
            raise LifeboatError(
                f"snapshot {snapshot} is incomplete, and could not be removed: {refusal.message}",
                hint=f"on a machine with full access: restic forget {snapshot}; here: lifeboat backup --kind full",
            ) from refusal

    def _restic(self, arguments: Sequence[str], verb: str) -> Completed:
        """Run restic; raises LifeboatError when it fails. `verb` says what could not be done to the repository."""
        completed = self._run(arguments)
        if completed.code != 0:
            raise self._fault(completed, verb)
        return completed

    def _run(
        self,
        arguments: Sequence[str],
        *,
        directory: Path | None = None,
        most: int | None = None,
        stop: threading.Event | None = None,
        source: "Repository | None" = None,
    ) -> Completed:
        """Run restic. What only reads goes without a lock where none can be written. most, stop: see `processes.run`.

        source: a second repository, which restic knows as the one that it copies from
        """
        reads = arguments[0] in _READS_WITH_LOCK
        if reads and not self.is_writable():
            return self._run_once_free([*arguments, "--no-lock"], directory, most)
        completed = self._run_once_free(arguments, directory, most, stop, source)
        if reads and restic_errors.cannot_lock(completed):
            log.warning("the repository %s cannot be written from here: it is read without a lock", self.shown_url)
            self._read_only.set()
            return self._run_once_free([*arguments, "--no-lock"], directory, most)
        return completed

    def _run_once_free(
        self,
        arguments: Sequence[str],
        directory: Path | None,
        most: int | None,
        stop: threading.Event | None = None,
        source: "Repository | None" = None,
    ) -> Completed:
        """Run restic, again and again while another one has locked the repository, for as long as `patience`."""
        deadline = time.monotonic() + self.patience
        say = functools.partial(log.info, "waiting for the repository %s, %s", self.shown_url)
        with self._reached(source) as (options, environment):
            while True:
                completed = run_restic(
                    ["restic", *options, *arguments],
                    environment=environment,
                    directory=directory,
                    stalled=self.stalled,
                    most=most,
                    stop=stop,
                    hopeless=Retries(min(self.tries, self.contact) if arguments[0] == "cat" else self.tries, say=say).hopeless,
                )
                ends = time.monotonic() > deadline or (stop is not None and stop.is_set())
                # restic 0.14 has no --retry-lock.
                if completed.code == 0 or not restic_errors.is_locked(completed) or ends:
                    break
                processes.run(["restic", *options, "unlock"], environment=environment)
                if source:
                    with contextlib.suppress(LifeboatError):
                        source.unlock()
                time.sleep(min(2.0, self.patience))
        for each in (self, source):
            completed = sftp.with_errors_of_ssh(completed, Secret(each.url).reveal(), each.hosts) if each else completed
        return completed

    @contextlib.contextmanager
    def _reached(self, source: "Repository | None") -> Iterator[tuple[list[str], dict[str, str]]]:
        """Yield restic's options and variables, with those of a second repository."""
        if source is None:
            yield self._options(), self._environment()
            return
        here, there = Secret(self.url).reveal(), Secret(source.url).reveal()
        for url in (here, there):
            append_only.require_readable(url)
        password = read(source.password, source.password_file, "the first repository")
        others = {name: secret.reveal() for name, secret in two_places.of_backend(source.environment).items()}
        ends = (End(there, source.hosts, source.options), End(here, self.hosts, self.options))
        with two_places.reached(*ends, password, self.cache.parent) as both:
            yield restic_text.options(both.options), {**others, **self._environment(), **both.environment}

    def _options(self) -> list[str]:
        url = Secret(self.url).reveal()
        append_only.require_readable(url)
        return restic_text.options({**sftp.options(url, self.hosts), **self.options})

    def _environment(self) -> dict[str, str]:
        return {
            **restic_version.preset(os.environ, self.stalled),
            **{name: secret.reveal() for name, secret in self.environment.items()},
            "RESTIC_REPOSITORY": Secret(self.url).reveal(),
            "RESTIC_PASSWORD": read(self.password, self.password_file, "the repository"),
            # The operator's own restic variables would take precedence.
            "RESTIC_REPOSITORY_FILE": "",
            "RESTIC_PASSWORD_FILE": "",
            "RESTIC_PASSWORD_COMMAND": "",
            "RESTIC_CACHE_DIR": str(self.cache),
            "RESTIC_PROGRESS_FPS": "0.2",
            "TZ": "UTC",
        }

    def _fault(self, completed: Completed, verb: str) -> LifeboatError:
        return restic_errors.fault(completed, f"cannot {verb} the repository {self.shown_url}")
