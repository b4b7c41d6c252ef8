"""Keeps in the state directory which repository this machine uses, so that none is made in the place of one that is missing.

A disk that is not mounted leaves an empty directory, in which restic would make a new repository, and in which nothing is found.
Which one is there only restic can say, and each start of it costs most of a second. A repository in a directory of this machine
shows it without: its `config`, which holds the id under the repository's own key, is byte for byte what restic has read it from.
"""

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

from backups.errors import ConfigError, LifeboatError
from backups.machine import private

FILE = "repository.id"
"""Its name in the state directory, of the repository that takes the backups."""

log = logging.getLogger(__name__)


def file(name: str | None) -> str:
    """Return the name of the file for the repository of that name; None is the first one."""
    return FILE if name is None else f"repository-{name}.id"


def known(file: Path) -> str | None:
    """Return the id that is kept in `file`; None where none is. Raises LifeboatError when the file cannot be read."""
    try:
        return file.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise LifeboatError(
            f"{file}, which says which repository this machine uses, cannot be read: {reason}",
            hint="run Lifeboat as the user that owns the state directory; a file that is damaged may be removed",
        ) from error


def recognise(file: Path, url: str, shown: str, ask: Callable[[], str | None]) -> str | None:
    """Return the id of the repository at `url`, as `require` does, by its config where that tells it, else by asking restic.

    shown: the url without its password. ask: has restic open the repository; returns its id, None where there is none
    """
    before = _digest(url)
    expected = known(file)
    if expected and before and _kept(file) == [expected, before]:
        return expected
    found = ask()
    require(file, found, shown)
    # Both times the same: that is what restic has read.
    if found and before and before == _digest(url):
        try:
            private.write(_config(file), f"{found} {before}\n")
        except OSError as error:
            log.debug("%s cannot be written: %s", _config(file), error)
    return found


def _digest(url: str) -> str | None:
    """Return the SHA-256 of the config of a repository in a directory of this machine; None where there is none, or it is far."""
    try:
        return hashlib.sha256((Path(url) / "config").read_bytes()).hexdigest()
    except (OSError, ValueError):
        return None


def _kept(file: Path) -> list[str]:
    """Return the id that was read from a config, and that config's digest; nothing where restic has to be asked."""
    try:
        return _config(file).read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        return []


def _config(file: Path) -> Path:
    return file.with_suffix(".config")


def require(file: Path, found: str | None, url: str) -> None:
    """Raise ConfigError, with both ids, unless the repository `found` at `url` is the one that is known; learn it where none is.

    found: the id of the repository there, None where there is none
    """
    expected = known(file)
    if expected is None and found is not None:
        log.info("this machine knows the repository at %s from now on, by its id %s", url, found)
        try:
            remember(file, found)
        except LifeboatError as error:
            # Whoever only reads does not need it.
            log.warning("%s", error.message)
    elif expected is not None and found != expected:
        fault = f"the repository at {url} is another one than this machine knows" if found else f"there is no repository at {url}"
        name = file.stem.removeprefix("repository").removeprefix("-")
        key = f"repositories.{name}" if name else "repository"
        if name:
            adopt = f"lifeboat copy --to {name} --init"
        else:
            adopt = "lifeboat backup --init (verify, restore and prune have --init, too)" if found else "lifeboat backup --init"
        meaning = "if what is there is meant from now on" if found else "if it is lost, this begins a new one without any backup"
        raise ConfigError(
            f"{fault}: is its disk mounted? known here is {expected}, found is {found or 'none'}",
            hint=f"mount it, or correct {key}.url; {meaning}: {adopt}",
        )


def remember(file: Path, found: str) -> None:
    """Keep the id `found`; raises LifeboatError when that is not possible."""
    try:
        private.write(file, f"{found}\n")
    except OSError as error:
        raise LifeboatError(
            f"{file}, which says which repository this machine uses, cannot be written: {error.strerror}",
            hint="run Lifeboat as the user that owns it, or set `state:` in lifeboat.yaml to a directory you may write",
        ) from error
