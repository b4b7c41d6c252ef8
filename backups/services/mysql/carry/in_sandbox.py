"""Starts the throw-away server that hashes images of rows in the sandbox of a drill or a restore."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from backups.machine.docker import Image
from backups.services.base import Sandbox
from backups.services.mysql.carry.nightly import OPTIONS
from backups.services.mysql.clone import recipient
from backups.services.mysql.source.connection import Session

_USER = 999
"""The user and group `mysql` of the official image."""


@contextmanager
def empty_server(sandbox: Sandbox, image: Image, name: str = "carry") -> Iterator[Session]:
    """Start an empty server of the image, which must be of the source's version, and open a session as its root.

    name: of its container and its directory in the sandbox; both are gone afterwards
    """
    home = sandbox.directory / name
    home.mkdir(mode=0o700)
    container = None
    try:
        sandbox.own(home, _USER, _USER, image)
        container = sandbox.run(
            name,
            image,
            entrypoint=["sh", "-ec", recipient.INITIALISE_AND_START, "mysqld"],
            command=[*recipient.plain_options(), *OPTIONS],
            mounts={home: recipient.HOME},
            user=f"{_USER}:{_USER}",
        )
        with recipient.session_of(container, home) as session:
            yield session
    finally:
        if container is not None:
            container.remove()
        shutil.rmtree(home, ignore_errors=True)
