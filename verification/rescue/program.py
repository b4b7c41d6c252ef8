"""Packs this very Lifeboat for a bare machine: its wheel, the lock of what it needs, and a script that installs both.

The wheel is written by hand, which for pure Python is a zip with a list of its files: a backup machine has no build tools, and
may have no network. It holds the packages as they are here, so a kit installs what has made the backups.
"""

import base64
import hashlib
import io
import re
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, distribution
from pathlib import Path

from backups.errors import LifeboatError
from backups.machine import processes

FOLDER = "program"
"""Of a kit: what is installed from it, before anything else of it can be read."""
LOCK = "requirements.lock"
INSTALL = "install.sh"
WHEELS = "wheels"
"""The folder of the dependencies themselves, where a kit carries them."""
_PACKAGES = ("backups", "deployments", "flows", "tasks", "verification")
_ROOT = Path(__file__).resolve().parents[2]
_WHEN = (1980, 1, 1, 0, 0, 0)
"""The first time that a zip can hold: the same program makes the same wheel."""
_WHEEL = "Wheel-Version: 1.0\nGenerator: lifeboat kit\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_ENTRY = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==")
_OWN = "lifeboat (pyproject.toml)"
_PLATFORMS = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_24", "manylinux_2_17", "manylinux2014", "manylinux1", "linux")
_PYTHON = re.compile(r"3\.[0-9]{1,2}")

_SCRIPT = """\
#!/bin/sh
# Installs Lifeboat from a recovery kit into a folder of its own (default: /opt/lifeboat), as what it was when the kit was made.
# usage: sh install.sh [FOLDER]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
to=${1:-/opt/lifeboat}
python3 -m venv "$to"
if [ -d "$here/wheels" ]; then from="--no-index --find-links $here/wheels"; else from=; fi
# The lock carries hashes: packages come from whatever registry this machine uses, or from the kit, and are what was locked.
install="$to/bin/pip install --quiet --disable-pip-version-check --no-deps"
# shellcheck disable=SC2086 - words of a command
$install --only-binary :all: --require-hashes $from -r "$here/requirements.lock"
$install --no-index "$here"/lifeboat-*.whl
"$to/bin/lifeboat" --version
"""


def files(pythons: Sequence[str] = ()) -> dict[str, bytes]:
    """Return what installs this Lifeboat, by names below `FOLDER`.

    pythons: the versions of Python (`3.13`) of bare machines without a registry: for them the dependencies themselves are carried
    Raises LifeboatError when the lock is not here, or the dependencies cannot be fetched.
    """
    for python in pythons:
        if not _PYTHON.fullmatch(python):
            raise LifeboatError(f"{python!r} is no version of Python", hint="as python3 --version says it there: 3.13")
    try:
        lock = needed((_ROOT / LOCK).read_text(encoding="utf-8"))
    except OSError as error:
        raise LifeboatError(
            f"the kit cannot carry Lifeboat itself: {_ROOT / LOCK} cannot be read: {error.strerror}",
            hint="run lifeboat kit from the project's clone (make setup), whose lock says what a bare machine has to install",
        ) from error
    name, wheel = built()
    carried = {f"{WHEELS}/{each}": content for each, content in _fetched(lock, pythons)} if pythons else {}
    return {INSTALL: _SCRIPT.encode(), LOCK: lock.encode(), name: wheel, **carried}


def built() -> tuple[str, bytes]:
    """Build the wheel of this very Lifeboat; returns its name and content."""
    own = distribution("lifeboat")
    folder = f"lifeboat-{own.version}.dist-info"
    written = io.BytesIO()
    record: list[str] = []
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, content in [*_modules(), *_about(own, folder)]:
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            record.append(f"{path},sha256={digest},{len(content)}")
            _put(wheel, path, content)
        _put(wheel, f"{folder}/RECORD", "\n".join([*record, f"{folder}/RECORD,,", ""]).encode())
    return f"lifeboat-{own.version}-py3-none-any.whl", written.getvalue()


def _put(wheel: zipfile.ZipFile, path: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(path, _WHEN)
    entry.external_attr = 0o644 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    wheel.writestr(entry, content)


def _modules() -> Iterator[tuple[str, bytes]]:
    for package in _PACKAGES:
        for path in sorted((_ROOT / package).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(_ROOT).as_posix(), path.read_bytes()


def _about(own: Distribution, folder: str) -> Iterator[tuple[str, bytes]]:
    for name in ("METADATA", "entry_points.txt"):
        yield f"{folder}/{name}", (own.read_text(name) or "").encode()
    yield f"{folder}/WHEEL", _WHEEL.encode()


def needed(lock: str) -> str:
    """Return the part of a lock that Lifeboat runs with: what only its developers need is left out.

    lock: as uv writes it, each requirement with what it is needed by (`# via`)
    """
    entries = _entries(lock)
    kept: set[str] = set()
    while more := {name for name, (_, by) in entries.items() if name not in kept and (by & kept or _OWN in by)}:
        kept |= more
    return "".join(text for name, (text, _) in entries.items() if name in kept)


def _entries(lock: str) -> dict[str, tuple[str, set[str]]]:
    """Return each package's text in the lock, one of several versions included, and what it is needed by."""
    entries: dict[str, tuple[str, set[str]]] = {}
    name = ""
    for line in lock.splitlines(keepends=True):
        if found := _ENTRY.match(line):
            name = found["name"]
        text, by = entries.get(name, ("", set()))
        if line.startswith("    #"):
            by = by | {line.strip(" #\n").removeprefix("via").strip()}
        entries[name] = (text + line, by - {""})
    entries.pop("", None)
    return entries


def for_python(lock: str, python: str) -> str:
    """Return the requirements that hold for a version of Python, without their conditions: pip reads those for its own Python."""
    from packaging.markers import Marker

    lines, holds = [], True
    for line in lock.splitlines(keepends=True):
        if _ENTRY.match(line):
            requirement, condition, marker = line.rstrip(" \\\n").partition(" ; ")
            holds = not condition or Marker(marker).evaluate({"python_version": python, "python_full_version": f"{python}.0"})
            line = f"{requirement} \\\n"  # noqa: PLW2901 - the same line
        if holds:
            lines.append(line)
    return "".join(lines)


def _fetched(lock: str, pythons: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Fetch the wheels that the lock names, for Linux on this machine's processor, from this machine's own registry."""
    machine = re.sub(r"[^a-z0-9]+", "_", processes.run(["uname", "-m"]).output.decode().strip())
    platforms = [part for name in _PLATFORMS for part in ("--platform", f"{name}_{machine}")]
    pip = _pip()
    with tempfile.TemporaryDirectory(prefix="lifeboat-kit-") as scratch:
        into = Path(scratch)
        for python in pythons:
            line = [
                "download",
                "--quiet",
                "--no-deps",
                "--only-binary",
                ":all:",
                "--require-hashes",
                "--dest",
                str(into / WHEELS),
            ]
            (into / LOCK).write_text(for_python(lock, python), encoding="utf-8")
            completed = processes.run([*pip, *line, "--python-version", python, *platforms, "-r", str(into / LOCK)])
            if completed.code != 0:
                why = completed.errors.strip().splitlines()[-1:] or ["pip says nothing"]
                raise LifeboatError(
                    f"the dependencies cannot be fetched for Python {python}: {why[0]}",
                    hint="without --for-python the kit carries their names and hashes only, and the bare machine fetches them",
                )
        for path in sorted((into / WHEELS).iterdir()):
            yield path.name, path.read_bytes()


def _pip() -> list[str]:
    for python in dict.fromkeys([sys.executable, f"{sys.base_prefix}/bin/python3", "python3"]):
        try:
            if processes.run([python, "-m", "pip", "--version"]).code == 0:
                return [python, "-m", "pip"]
        except LifeboatError:
            continue
    raise LifeboatError(
        "the dependencies cannot be fetched: no Python of this machine has pip",
        hint="apt-get install python3-pip; or without --for-python",
    )
