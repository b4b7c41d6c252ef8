"""Prepares the demo's directory and writes its lifeboat.yaml, with passwords from the environment."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import yaml

from backups.errors import LifeboatError
from backups.machine.docker import Container
from backups.repository import identity

SUITE = Path(__file__).parent / "agama-suite.yaml"
_MARK = ".lifeboat-demo"
_HEADER = """\
# Written by `lifeboat demo`. Its sources are gone when the demo has ended; the repository is here, so these still work:
#   lifeboat list --config {path}
#   lifeboat verify --config {path}
"""
AGAMA_PASSWORD = "AGAMA_PASSWORD"  # noqa: S105 - the name of a variable
"""The environment variable by which the demo's lifeboat.yaml names the password of Lifeboat's MySQL user."""


@contextmanager
def opened(directory: Path) -> Iterator[Path]:
    """Create the demo's directory, or empty that of an earlier demo, and lock it while the block runs; yields it, resolved.

    Raises LifeboatError for a directory that holds anything else, or that another demo is using.
    """
    directory = directory.expanduser().resolve()
    if directory.is_dir() and any(directory.iterdir()) and not (directory / _MARK).is_file():
        raise LifeboatError(
            f"{directory} is not empty, and not from an earlier demo", hint="use another one: lifeboat demo --dir DIR"
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / _MARK).open("a") as mark:
            try:
                fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise LifeboatError(
                    f"another demo is running in {directory}", hint="wait for it, or use another one: lifeboat demo --dir DIR"
                ) from error
            _empty(directory)
            yield directory
    except OSError as error:
        raise LifeboatError(
            f"{directory} cannot be used: {error.strerror}", hint="use another one: lifeboat demo --dir DIR"
        ) from error


def _empty(directory: Path) -> None:
    """Remove what an earlier demo left, except its state, from which the next run finds containers that it left."""
    for path in directory.iterdir():
        if path.is_dir() and path.name != "state":
            shutil.rmtree(path)
        elif path.is_file() and path.name != _MARK:
            path.unlink()
    # The repository of the earlier demo was removed on purpose: the next one makes another.
    (directory / "state" / identity.FILE).unlink(missing_ok=True)


def write(directory: Path, *, mysql: Container, prometheus: Container, grafana: Container) -> Path:
    """Write lifeboat.yaml, the operator's suite and the repository's password file; returns the path of lifeboat.yaml."""
    key = directory / "repository.key"
    key.touch(mode=0o600)
    key.write_text(secrets.token_hex(24) + "\n", encoding="utf-8")
    shutil.copy(SUITE, directory)
    path = directory / "lifeboat.yaml"
    content = {
        "timezone": "Etc/UTC",
        "state": "state",
        "repository": {"url": "repository", "password_file": str(key)},
        "objectives": {"rto": "2h", "rpo": "26h"},
        "services": {
            "agama": {
                "type": "mysql",
                "host": mysql.address(),
                "port": 3306,
                "user": "lifeboat",
                "password": f"${{{AGAMA_PASSWORD}}}",
                "image": mysql.image.name,
                "suites": [SUITE.name],
            },
            "prometheus": {
                "type": "prometheus",
                "url": f"http://{prometheus.address()}:9090",
                "place": f"docker:{prometheus.name}:/prometheus",
                "config_place": f"docker:{prometheus.name}:/etc/prometheus",
                "image": prometheus.image.name,
            },
            "grafana": {
                "type": "grafana",
                "url": f"http://{grafana.address()}:3000",
                "place": f"docker:{grafana.name}:/var/lib/grafana",
                "config_place": f"docker:{grafana.name}:/etc/grafana",
                "image": grafana.image.name,
            },
        },
    }
    path.write_text(_HEADER.format(path=path) + yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables while the block runs."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
