"""Runs throw-away MySQL servers: for CLONE to run on, and empty ones; without a network port, on an empty data directory.

It runs as a user of its own, since it reads whatever a source sends; where we are not root, as our own, which alone we may.
"""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath

from backups.errors import LifeboatError, Transient
from backups.machine import below, shortage
from backups.machine.docker import Container, Docker, Image
from backups.machine.wait import seldom, wait_until
from backups.services.base import Job
from backups.services.mysql import lean
from backups.services.mysql.source.connection import Session, connect_socket, rows
from backups.services.mysql.source.source import Source
from backups.services.mysql.text import one_line
from backups.services.mysql.versions import Version

PLUGIN_HINT = "set `image:` to one that has these libraries, or UNINSTALL PLUGIN at the source what is not needed"
SIZE = 128 * 1024 * 1024
"""Bytes on disk that a recipient needs for itself."""

HOME = "/recipient"
"""Where a throw-away server has its home."""
INITIALISE_AND_START = f'mysqld --no-defaults --initialize-insecure --datadir={HOME}/data && exec mysqld "$@"'
"""For a shell, whose arguments are the server's."""
_TARGET = "/backup"
_SOCKET = PurePath("mysqld.sock")
_OWN_USER = 999
"""The user and group `mysql` of the official image."""
_READY = 120
"""Seconds: a server on an empty directory starts in two."""
_INHERITED = ("innodb_page_size", "character_set_server", "collation_server", "character_set_filesystem")
"""What CLONE wants equal on both sides."""


@dataclass(frozen=True)
class Recipient:
    """The running server. `home`: its own directory on this machine; `target`: job.directory as the server sees it."""

    session: Session
    container: Container
    home: Path
    target: str

    def version(self) -> Version:
        """Read its version, which is the image's."""
        text, comment = rows(self.session, "SELECT @@version, @@version_comment")[0]
        return Version.parse(text, comment)

    def libraries(self) -> set[str]:
        """Return the plugin libraries that its image has."""
        (directory,) = rows(self.session, "SELECT @@plugin_dir")[0]
        code = self.container.execute(["sh", "-c", f'ls "$0" >{HOME}/libraries', directory])
        if code:
            raise LifeboatError(
                f"the plugins of image {self.container.image.name} cannot be listed: `ls {directory}` ended with code {code}",
                hint="does the image have a shell, and that directory?",
            )
        return set(below.text(self.home, PurePath("libraries")).split())


@contextmanager
def running(
    job: Job, image: Image, source: Source, certificate_authority: Path | None, *, network: str = "host"
) -> Iterator[Recipient]:
    """Start a recipient for `job` and wait until it answers; it and its files are gone afterwards, also after a failure.

    network: `host`, or `none` for one whose connections are carried elsewhere. A cut before data pass ends its clone at once;
    after that CLONE itself tries for five minutes to go on where it was.
    """
    options = _options(source)
    home = job.work / "recipient"
    home.mkdir(mode=0o700)
    if network == "none":
        options.append("--loose-clone-donor-timeout-after-network-failure=0")
    if certificate_authority is not None:
        shutil.copyfile(certificate_authority, home / "ca.pem")
        options.append(f"--loose-clone-ssl-ca={HOME}/ca.pem")
    try:
        # What it clones becomes a directory of this one.
        _give(job.directory)
        with _server(job, image, source, home, options, {job.directory: _TARGET}, network) as (session, container):
            yield Recipient(session, container, home, _TARGET)
    finally:
        below.own(job.directory, os.geteuid(), os.getegid())
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def empty_server(job: Job, image: Image, source: Source, options: Sequence[str]) -> Iterator[Session]:
    """Start an empty server of the image, without a network and without a log, and open a session as its root.

    options: more of its command line. It and its files are gone afterwards, also after a failure.
    """
    # One may still be ending while the next one starts.
    home = Path(tempfile.mkdtemp(prefix="empty-", dir=job.work))
    try:
        with _server(job, image, source, home, [*plain_options(), *options], {}, "none") as (session, _):
            yield session
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _server(
    job: Job, image: Image, source: Source, home: Path, options: Sequence[str], mounts: Mapping[Path, str], network: str
) -> Iterator[tuple[Session, Container]]:
    shutil.copytree(_empty_data_directory(job, image, source, home), home / "data", symlinks=True)
    _give(home)
    container = job.docker.run(
        f"lifeboat-mysql-{home.name}-{uuid.uuid4().hex[:12]}",
        image,
        entrypoint=["mysqld"],
        command=options,
        mounts={home: HOME, **mounts},
        user=_user(),
        network=network,
    )
    try:
        with session_of(container, home) as session:
            yield session, container
    finally:
        container.remove()


def examine(docker: Docker, image: Image) -> tuple[Version, set[str]]:
    """Return the version of the server in an image, and the plugin libraries it has, found without starting it."""
    directory = "$(mysqld --no-defaults --verbose --help 2>/dev/null | awk '$1 == \"plugin-dir\" {print $2}')"
    script = f"mysqld --version && ls -1 {directory}"
    container = docker.run(f"lifeboat-mysql-examine-{uuid.uuid4().hex[:12]}", image, entrypoint=["sh", "-c", script])
    try:
        code, output = container.wait(), container.logs(2000)
    finally:
        container.remove()
    if code:
        raise LifeboatError(
            f"image {image.name} does not run mysqld: {one_line(output, 300)}",
            hint="set `image:` to the source's version of mysql",
        )
    first, *libraries = output.splitlines()
    return Version.parse(first), set(libraries)


def missing_libraries(plugins: Mapping[str, str], libraries: set[str]) -> dict[str, str]:
    """Return the source's active plugins (name -> library) whose library is not among an image's."""
    return {name: library for name, library in plugins.items() if library not in libraries}


def describe_missing(missing: Mapping[str, str], image: Image) -> str:
    """Say which plugins an image lacks."""
    listed = ", ".join(f"{name} ({library})" for name, library in missing.items())
    return f"plugins active on the source are missing in image {image.name}, and CLONE wants them there: {listed}"


def image_hint(version: Version) -> str:
    """Return what to do about an image of the wrong version."""
    return f"set `image:` to mysql:{version.release}, the version that the source runs"


def _options(source: Source) -> list[str]:
    libraries = sorted({"mysql_clone.so", *source.plugins.values()})
    return [
        *plain_options(),
        "--max-allowed-packet=64M",
        *(f"--plugin-load-add={library}" for library in libraries),
        "--loose-group-replication-start-on-boot=OFF",
        *_inherited(source),
    ]


def plain_options() -> list[str]:
    """Return the options of an empty server whose home is mounted at `HOME`: without a network, a log, or events."""
    return [
        *_base_options(),
        f"--datadir={HOME}/data",
        f"--socket={HOME}/{_SOCKET}",
        f"--pid-file={HOME}/mysqld.pid",
        "--skip-networking",
        "--skip-log-bin",
        "--event-scheduler=OFF",
        "--innodb-buffer-pool-size=64M",
        # It opens few tables, and for few sessions: without these it takes 170 MB more of this machine's memory.
        "--loose-innodb-log-buffer-size=1M",
        "--table-open-cache=400",
        "--table-definition-cache=400",
        "--innodb-flush-log-at-trx-commit=0",
    ]


def _inherited(source: Source) -> list[str]:
    return [f"--loose-{name}={source.variables[name]}" for name in _INHERITED if name in source.variables]


def _user() -> str:
    """Return who the recipient runs as."""
    return f"{os.getuid()}:{os.getgid()}" if os.getuid() else f"{_OWN_USER}:{_OWN_USER}"


def _give(tree: Path) -> None:
    """Let the recipient write there."""
    if os.getuid() == 0:
        below.own(tree, _OWN_USER, _OWN_USER)


def _base_options() -> list[str]:
    return [
        "--no-defaults",
        "--secure-file-priv=NULL",
        *lean.OPTIONS,
        "--loose-innodb-redo-log-capacity=8M",
        "--innodb-doublewrite=OFF",
    ]


def _empty_data_directory(job: Job, image: Image, source: Source, home: Path) -> Path:
    """Return an initialised data directory for this image, made once and kept; it must not be changed."""
    page = source.variables["innodb_page_size"]
    kept = job.state / "cache" / "mysql" / f"{image.id.removeprefix('sha256:')[:16]}-{page}"
    if kept.is_dir():
        return kept
    job.say(f"initialising an empty data directory for {image.name}, kept for the next time")
    fresh = home / "initialised"
    fresh.mkdir(mode=0o700)
    _give(fresh)
    container = job.docker.run(
        f"lifeboat-mysql-initialise-{uuid.uuid4().hex[:12]}",
        image,
        entrypoint=["mysqld"],
        command=[*_base_options(), "--initialize-insecure", f"--datadir={HOME}/data", *_inherited(source)],
        mounts={fresh: HOME},
        user=_user(),
    )
    try:
        code, output = container.wait(), container.logs()
    finally:
        container.remove()
    if code:
        _require_enough(fresh, output)
        raise LifeboatError(
            f"image {image.name} cannot initialise a data directory (exit code {code}): {one_line(output, 500)}",
            hint="is it an image of MySQL, of the source's version?",
        )
    below.own(fresh, os.geteuid(), os.getegid())
    kept.parent.mkdir(parents=True, exist_ok=True)
    try:
        (fresh / "data").rename(kept)
    except OSError:
        # Another backup was first: a directory that is there and not empty is not replaced.
        if not kept.is_dir():
            raise
    return kept


def _require_enough(directory: Path, output: str) -> None:
    """Raise LifeboatError when it is this machine that ran out of something, as `output` or the disk of `directory` tells."""
    if short := shortage.of(directory, output):
        raise LifeboatError(
            f"the throw-away server ended, since {short}: {one_line(output, 300)}",
            hint="free some space there, or set `state:` in lifeboat.yaml to a larger disk; nothing was kept of this attempt",
        )


@contextmanager
def session_of(container: Container, home: Path) -> Iterator[Session]:
    """Wait until the server in a container takes connections, and open a session as its root; home: as this machine sees it."""
    opened: list[Session] = []
    running = seldom(container.running)

    def answers() -> bool:
        try:
            with below.socket(home, _SOCKET) as path:
                opened.append(connect_socket(path, "root", ""))
        except (Transient, OSError):
            if not running():
                _require_enough(home, container.logs(40))
                raise LifeboatError(
                    f"the throw-away server ended at once: {one_line(container.logs(10))}",
                    hint="does the image run this version of MySQL, with these plugins?",
                ) from None
        return bool(opened)

    if not wait_until(answers, seconds=_READY):
        raise LifeboatError(
            f"the throw-away server took no connection in {_READY} s: {one_line(container.logs(10))}",
            hint="is this machine overloaded? try again",
        )
    with opened[0] as session:
        yield session
