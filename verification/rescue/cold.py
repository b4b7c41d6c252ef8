"""Drills a start from nothing: types what a kit's page says in a bare container, and times it from the first command on.

The container is a base system with the kit beside it. What it has of this machine besides is named in the report, as not proven.
"""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from backups.errors import LifeboatError
from backups.machine import locks, private, runs
from backups.machine.docker import STATE_LABEL, Container, Docker, Image
from backups.machine.runs import Run
from backups.site import Site
from verification.evidence import rescues
from verification.evidence.rescues import Rescue
from verification.rescue import kit as making
from verification.rescue import sealed, terminal, unpacked
from verification.rescue.run import leave
from verification.rescue.sealed import Keys
from verification.rescue.unpacked import Kit

FOLDER = runs.COLD_START
"""Below the state directory: what the container writes, under the same path as here, since its copies are mounted from there."""
_BASES = ("debian:stable-slim", "lifeboat/base:sid")
"""Images of a bare Debian: the first that is here, else the first is pulled."""
_SOCKET = "unix:///var/run/docker.sock"
_OF_DOCKER = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "SETFCAP", "SETGID", "SETUID", "SYS_CHROOT")
"""What root of a container may by default, and needs to install packages."""
_TO_ASK = ("SYS_ADMIN", "SYS_PTRACE")
"""What entering the network of a copy needs, by which it is asked."""


@dataclass(frozen=True)
class Given:
    """What a drill is given. kit, passphrase: one that was made before, None for a new one. python: see `program.files`.

    image: the base system
    """

    kit: Path | None = None
    passphrase: str | None = None
    python: str | None = None
    image: str | None = None


def cold_start(site: Site, path: Path, given: Given, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Rescue:
    """Drill a cold start with the configuration in `path`; the report is kept in the repository.

    Raises LifeboatError when it cannot begin: no image, no kit, another one is running. What goes wrong later is in the report.
    """
    folder = site.state / FOLDER
    lock = site.state / "locks" / f"{FOLDER}.lock"
    with locks.at_once(lock, "another cold start is running", hint="wait for it"), runs.start(site.state) as run:
        image = base(run.docker, given.image)
        with _emptied(folder, run.docker):
            opened, passphrase = _kit(site, path, given, folder, now())
            terminal.put(folder, passphrase)
            with _bare(run, image, folder, site) as container:
                report = terminal.type_lines(container, opened, folder, site, now)
    shared = _shared(site, opened, own=given.kit is None)
    report = report.model_copy(update={"shared": shared})
    return leave(report, site, [each for each in report.repositories if not each.why] or _every(site), None, kept=True)


def base(docker: Docker, asked: str | None) -> Image:
    """Return the image of a bare system; raises LifeboatError when there is none, and none can be pulled."""
    here = next((found for name in _BASES if asked is None and (found := docker.present(name))), None)
    return here or docker.image(asked or _BASES[0])


def _every(site: Site) -> list[rescues.ReachedPart]:
    return [rescues.ReachedPart(name=name, url=each.shown_url) for name, each in site.repositories.items()]


def _kit(site: Site, path: Path, given: Given, folder: Path, at: datetime) -> tuple[Kit, str]:
    """Put the kit into the folder of the drill; returns it, opened, and its passphrase."""
    passphrase = given.passphrase or secrets.token_urlsafe(24)
    file = folder / terminal.KIT
    if given.kit is None:
        pythons = [given.python] if given.python else []
        making.make(site, path, file, Keys(passphrase=passphrase), now=at, pythons=pythons, remembered=False)
        return unpacked.opened(file, Keys(passphrase=passphrase)), passphrase
    content = sealed.read(given.kit)
    if given.passphrase is None or not sealed.needs_passphrase(content):
        raise LifeboatError(
            f"{given.kit} cannot be drilled without its passphrase",
            hint=f"export {sealed.VARIABLE}=…; one that was made for recipients is opened by hand: docs/rescue.md",
        )
    opened = unpacked.opened(given.kit, Keys(passphrase=passphrase), content)
    private.write(file, content)
    return opened, passphrase


@contextmanager
def _emptied(folder: Path, docker: Docker) -> Iterator[None]:
    """Have an empty folder for as long as the block runs, and nothing of a drill that was killed before."""
    _clear(folder, docker)
    try:
        private.make(folder)
        yield
    except OSError as error:
        raise LifeboatError(f"{folder} cannot be used: {error.strerror}", hint="is the disk full?") from error
    finally:
        _clear(folder, docker)


def _clear(folder: Path, docker: Docker) -> None:
    docker.remove_labelled(f"{STATE_LABEL}={folder / runs.COLD_STATE}")
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _bare(run: Run, image: Image, folder: Path, site: Site) -> Iterator[Container]:
    """Start the bare container: the kit, Docker's socket and, read only, the repositories that are directories here."""
    socket = os.environ.get("DOCKER_HOST") or _SOCKET
    places = [Path(each.url) for each in site.settings.every_repository.values() if Path(each.url).is_dir()]
    mounts = {each: str(each) for each in (folder, *places)}
    if socket.startswith("unix://"):
        mounts[Path(socket.removeprefix("unix://"))] = socket.removeprefix("unix://")
    container = run.docker.run(
        f"lifeboat-cold-start-{run.id}",
        image,
        command=["sleep", "infinity"],
        entrypoint=[],
        environment={"DEBIAN_FRONTEND": "noninteractive", "DOCKER_HOST": socket},
        mounts=mounts,
        read_only=places,
        network="host",
        host_processes=True,
        capabilities=[*_OF_DOCKER, *_TO_ASK],
    )
    try:
        # What an earlier one that was killed has left belongs to root, whoever runs this.
        container.execute(
            ["find", str(folder), "-mindepth", "1", *(part for name in terminal.PUT for part in ("!", "-name", name)), "-delete"]
        )
        yield container
    finally:
        # Where it was interrupted, it is gone.
        with suppress(LifeboatError):
            container.execute(["find", str(folder), "-mindepth", "1", "-delete"])
        container.remove()


def _shared(site: Site, kit: Kit, *, own: bool) -> tuple[str, ...]:
    """Say what the container had of this machine besides the kit: so much a cold start does not prove."""
    places = [name for name, each in site.settings.every_repository.items() if Path(each.url).is_dir()]
    packages = "Debian's packages" if kit.contents.pythons else "Debian's and Python's packages"
    return (
        "Docker, its images and the kernel are this machine's: whether the images can be had elsewhere was not tried",
        f"the network is this machine's, and {packages} came by it",
        *(f"the repository {name} is a directory of this machine: another machine has to reach it otherwise" for name in places),
        "services came back into folders, and no server was left running on them: restore.to, stop and start were not used",
        *(
            ["the kit was made for this drill, with a passphrase of its own: the one that is kept elsewhere was not opened"]
            if own
            else []
        ),
    )
