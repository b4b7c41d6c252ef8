"""What a manifest holds of its source's settings; and a log does not go on under settings that decide otherwise."""

import dataclasses

import pytest

from backups.errors import ChainBroken
from backups.services.mysql.details import MySQLDetails, Position
from backups.services.mysql.doctor import copies
from backups.services.mysql.source import for_copies
from backups.services.mysql.source.source import Source
from backups.services.mysql.source.zone import Zone
from backups.services.mysql.versions import Version

VARIABLES = {
    "ngram_token_size": "1",
    "innodb_data_file_path": "/ibd/ibdata1:12M",
    "tmp_table_size": "1024",
    "quux": "2",
    "quux_key": "hunter2",
}
ZONE: Zone = ((0, 3600), (100, 7200))


def seen(variables: dict[str, str] | None = None, zone: Zone | None = ZONE) -> Source:
    plugins = {"auth_socket": "auth_socket.so"}
    version = Version.parse("9.7.4")
    return Source(version, "u", plugins, variables or VARIABLES, frozenset(), tls=True, as_built=frozenset(), zone=zone)


def details(source: Source) -> MySQLDetails:
    end = Position(file="binlog.000001", offset=157)
    return MySQLDetails(
        server_uuid="u", gtid=False, start=end, end=end, log_created=1, segments=(), lock_seconds=0, lock_attempts=1,
        limits=tuple(for_copies.limits(source)), **for_copies.details(source),
    )  # fmt: skip


def test_a_manifest_holds_what_a_copy_needs_and_says_what_is_not_known() -> None:
    """An invented variable is carried, and named where `show` and the report show it."""
    found = details(seen())
    assert found.variables == {"ngram_token_size": "1", "innodb_data_file_path": "ibdata1:12M", "tmp_table_size": "1024"}
    assert found.unknown == {"quux": "2"}
    assert found.zone == ZONE
    assert len(found.limits) == 2
    assert "quux=2" in found.limits[0]
    assert found.limits[1].endswith(": quux_key")
    assert "hunter2" not in found.model_dump_json()


def test_a_zone_that_cannot_be_read_is_a_limit_and_a_fault_that_refuses_nothing() -> None:
    """Local times of the other half of the year may be an hour off; who reads `doctor` or `show` knows."""
    unread = dataclasses.replace(seen({"quux": "2"}, zone=None), system_offset=-18000)
    found = details(unread)
    assert "taken -5 h from UTC, all year" in found.limits[-1]
    verdict = copies.check(unread)
    assert (verdict.finding.ok, verdict.refuses) == (False, False)
    assert "the time zone of the source's machine cannot be read" in verdict.finding.message


def test_the_doctor_names_what_is_not_known() -> None:
    """No fault: it is given to copies."""
    finding = copies.check(seen()).finding
    assert finding.ok
    assert "copies are started with 3 of its settings" in finding.message
    assert "quux=2" in finding.message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ngram_token_size": "2"}, "ngram_token_size was 1 and is 2"),
        ({"innodb_data_file_path": "/ibd/ibdata1:12M;/ibd/ibdata2:12M"}, "innodb_data_file_path was ibdata1:12M and is"),
    ],
)
def test_a_log_does_not_go_on_under_another_value_of_what_decides_its_results(changes: dict[str, str], words: str) -> None:
    """Then a full is taken instead, and says why."""
    with pytest.raises(ChainBroken, match=words):
        for_copies.require_same(details(seen()), seen({**VARIABLES, **changes}))


def test_a_log_does_not_go_on_in_another_time_zone() -> None:
    """One part of it means one, the rest the other."""
    with pytest.raises(ChainBroken, match="time zone of the source's machine has changed"):
        for_copies.require_same(details(seen()), seen(zone=((0, 3600),)))


def test_a_log_goes_on_where_nothing_or_nothing_that_decides_has_changed() -> None:
    """Limits, unknown ones, the place of the system tablespace, and what an older manifest does not hold."""
    for_copies.require_same(details(seen()), seen())
    moved = {"innodb_data_file_path": "/elsewhere/ibdata1:12M", "tmp_table_size": "4096", "quux": "3"}
    for_copies.require_same(details(seen()), seen({**VARIABLES, **moved}))
    older = details(seen()).model_copy(
        update={"changed": None, "zone": (), "variables": {"innodb_data_file_path": "/ibd/ibdata1:12M"}}
    )
    for_copies.require_same(older, seen())
