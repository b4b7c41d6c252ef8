"""Clones the source's data files into a backup's directory, by CLONE on a throw-away server (`recipient.py`)."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import pymysql.err

from backups.errors import LifeboatError, Transient
from backups.machine import below, disk
from backups.services.base import Job
from backups.services.mysql.clone import recipient
from backups.services.mysql.clone.recipient import Recipient
from backups.services.mysql.details import DATADIR
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source.connection import rows
from backups.services.mysql.source.source import Source
from backups.services.mysql.versions import clone_mismatch

if TYPE_CHECKING:
    from backups.services.mysql.source.tunnel import Forwarding

_ONE_AT_A_TIME = 3634
_AWAY = (2003, 2006, 2013)
_BROKEN_OFF = "Clone Restart failed"
"""What the donor says when a connection was lost and it cannot take up the clone where it was; seen while it ran DDL."""
_ATTEMPTS = 3
_HINTS = {
    3864: "set `image:` to the version that the source runs",
    3865: "CLONE copies between servers of one operating system only: is the source on Linux?",
    3866: "CLONE copies between servers of one processor architecture only: run Lifeboat on a machine like the source's",
    3867: "the source's character set is unknown to the image's server",
    3868: "a setting of the source has no equal on the image's server",
    3869: "write `host:` in lifeboat.yaml as a name or an address without a port",
    3870: recipient.PLUGIN_HINT,
    3873: "free some space under the state directory, or set `state:` in lifeboat.yaml to a larger disk",
}


def clone(settings: MySQLSettings, source: Source, size: int, job: Job) -> None:
    """Fill `job.directory`/datadir with the source's data files, `size` bytes of them, as the source's own server copies them.

    Raises LifeboatError when the image's server may not clone this source, and for whatever CLONE itself refuses.
    """
    image = job.docker.image(settings.image)
    disk.require(job.directory, size + recipient.SIZE, "the clone")
    authority = settings.tls_ca.expanduser() if settings.tls == "verify" and settings.tls_ca else None
    with (
        recipient.running(job, image, source, authority, network="none" if settings.ssh else "host") as server,
        _forwarding(server, settings) as forwarding,
    ):
        _require_fit(server, source)
        job.say(f"cloning {disk.size(size)}" + (" over TLS" if source.tls else ", not encrypted on its way"))
        for attempts_left in reversed(range(_ATTEMPTS)):
            try:
                _clone(server, settings, source, "127.0.0.1" if forwarding else settings.host)
            except pymysql.err.Error as error:
                _require_uncut(forwarding, settings, error)
                if not attempts_left or _BROKEN_OFF not in str(error):
                    raise explain(error, settings) from error
                job.say("the source broke the clone off: beginning it again")
                shutil.rmtree(job.directory / DATADIR, ignore_errors=True)
            else:
                break
    _require_whole(job.directory / DATADIR)


def _require_fit(server: Recipient, source: Source) -> None:
    image = server.container.image
    version = server.version()
    reason = clone_mismatch(source.version, version)
    if reason:
        raise LifeboatError(reason, hint=recipient.image_hint(source.version))
    missing = recipient.missing_libraries(source.plugins, server.libraries())
    if missing:
        raise LifeboatError(recipient.describe_missing(missing, image), hint=recipient.PLUGIN_HINT)


@contextmanager
def _forwarding(server: Recipient, settings: MySQLSettings) -> Iterator["Forwarding | None"]:
    """Carry the recipient's connections to a source behind `ssh:`; None where it reaches the source itself."""
    if settings.ssh is None:
        yield None
        return
    from backups.services.mysql.source import tunnel

    with tunnel.forwarded_port(server.container.pid, settings.port, settings.open_channel) as forwarding:
        yield forwarding


def _require_uncut(forwarding: "Forwarding | None", settings: MySQLSettings, error: pymysql.err.Error) -> None:
    """Raise the error of the SSH connection, where it is the reason that a clone failed."""
    # A cut first: another connection that finds the machine away follows from it.
    if forwarding is not None and forwarding.cut:
        raise Transient(
            f"the SSH connection to {settings.ssh} was cut in the middle of the clone of MySQL at {settings.where}",
            hint="is the machine up, and the network to it? try again",
        ) from error
    if forwarding is not None and forwarding.fault is not None:
        raise forwarding.fault from error


def _clone(server: Recipient, settings: MySQLSettings, source: Source, host: str) -> None:
    """Run CLONE. The password goes through the recipient's socket: no server writes it down, and no command line holds it."""
    rows(server.session, "SET GLOBAL clone_valid_donor_list = %s", [f"{host}:{settings.port}"])
    rows(
        server.session,
        f"CLONE INSTANCE FROM %s@%s:{settings.port} IDENTIFIED BY %s DATA DIRECTORY = %s "
        f"REQUIRE {'SSL' if source.tls else 'NO SSL'}",
        [settings.user, host, settings.reveal_password(), f"{server.target}/{DATADIR}"],
    )


def explain(error: pymysql.err.Error, settings: MySQLSettings) -> LifeboatError:
    """Make of an error of CLONE one with a hint: it may be the recipient's own, or hold the source's answer."""
    code = error.args[0] if error.args else 0
    answer = " ".join(str(part) for part in error.args[1:]) or str(error)
    message = f"MySQL at {settings.where} could not be cloned: {answer} (error {code})"
    inner = re.search(r"(?:Clone Donor Error|Connect failed): (\d+)", answer)
    if inner and int(inner[1]) == _ONE_AT_A_TIME:
        return Transient(message, hint="another clone of this server is running: wait for it to end")
    if _BROKEN_OFF in answer:
        return Transient(message, hint="it does so when DDL runs all the while: try again when it is done")
    if code in _AWAY or (inner and int(inner[1]) in _AWAY):
        return Transient(message, hint="is the source still up? try again")
    return LifeboatError(message, hint=_HINTS.get(code, "`lifeboat doctor` looks for the reason"))


def _require_whole(directory: Path) -> None:
    """Raise LifeboatError unless the system tablespaces are there and nothing is marked as in progress."""
    there = set(below.files(directory))
    lacking = [name for name in ("ibdata1", "mysql.ibd") if PurePath(name) not in there]
    if lacking or PurePath("#clone", "#status_in_progress") in there:
        raise LifeboatError(
            f"CLONE ended, but left no whole data directory: {', '.join(lacking) or 'it is marked as in progress'}",
            hint="try again; the source's error log may say more",
        )
