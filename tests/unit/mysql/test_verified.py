"""Which connections somebody could stand in, and what is said and done on each: sessions, CLONE, dump programs."""

from pathlib import Path
from typing import Any, cast

import pytest

from backups.services.mysql.clone import checks
from backups.services.mysql.doctor import doctor
from backups.services.mysql.dump.program import Dumps
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source.connection import unverified
from backups.services.mysql.source.source import Source
from backups.services.mysql.versions import Version

CA = Path("/ca.pem")


def settings(**changes: Any) -> MySQLSettings:
    return MySQLSettings.model_validate({"type": "mysql", "image": "mysql:9.7", "host": "10.0.0.5", "password": "x", **changes})


def source(*, tls: bool, version: str = "9.7.4") -> Source:
    return Source(Version.parse(version), "u", {}, {}, frozenset(), tls=tls)


@pytest.mark.parametrize(
    ("changes", "unchecked"),
    [
        ({}, True),
        ({"tls": "required"}, True),
        ({"tls": "disabled"}, True),
        ({"tls": "verify", "tls_ca": CA}, False),
        # Whoever may open a port of this machine may listen there while the server is down.
        ({"host": "127.0.0.1"}, True),
        ({"host": "localhost"}, True),
        ({"host": "127.0.0.1", "ssh": "box"}, False),
        ({"host": "::1", "ssh": "box"}, False),
        ({"host": "localhost", "ssh": "box", "tls": "disabled"}, False),
        # From there it goes on through a network.
        ({"host": "10.0.0.9", "ssh": "box"}, True),
        ({"host": "localhost.evil.example", "ssh": "box"}, True),
    ],
)
def test_who_could_stand_between_is_known_and_said(changes: dict[str, Any], unchecked: bool) -> None:
    given = settings(**changes)
    assert unverified(given) == unchecked
    found = doctor._connection(given, source(tls=True))
    assert found.ok
    assert ("not verified: anybody could stand between" in found.message) == unchecked
    assert ("tls_ca" in str(found.remedy)) == unchecked
    # CLONE would take any key that it is sent.
    assert checks._on_its_way(source(tls=False), given).refuses == unchecked
    assert not checks._on_its_way(source(tls=True), given).refuses


@pytest.mark.parametrize("tls", ["preferred", "required", "verify", "disabled"])
@pytest.mark.parametrize("version", ["9.7.4", "11.8.3-MariaDB"])
def test_a_dump_program_is_told_to_take_no_key_and_to_send_nothing_in_clear(tls: str, version: str) -> None:
    for encrypted in (True, False):
        given = settings(method="dump", tls=tls, tls_ca=CA)

        class Job:
            directory = Path("/job")

        dumps = Dumps(cast("Any", Job()), cast("Any", None), given, source(tls=encrypted, version=version), Path("/home"))
        options = dumps._connection()
        assert not [option for option in options if "public-key" in option or "cleartext" in option]
        if "MariaDB" in version and tls != "verify":
            assert "--plugin-dir=/tmp/plugins" in options, "MariaDB's programs use whatever plugin they find"
        if tls == "verify":
            assert {"--ssl-verify-server-cert", "--ssl-mode=VERIFY_CA"} & set(options)
