"""How a copy's server is started: with its source's settings, in its source's time zone, and with nothing that ends a replay."""

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from backups.errors import Damaged
from backups.manifest import Manifest, Source
from backups.services.mysql.copy import hand_over, options
from backups.services.mysql.copy.zone_file import zone_file
from backups.services.mysql.details import Installed, MySQLDetails

AT = datetime(2026, 11, 23, 0, 0, 5, tzinfo=UTC)
ZONE = ((0, -18000), (1772953200, -14400), (1793512800, -18000))
OLD: dict[str, Any] = {
    "server_uuid": "u",
    "gtid": True,
    "start": {"file": "binlog.000001", "offset": 0},
    "end": {"file": "binlog.000001", "offset": 157, "gtid_executed": ""},
    "log_created": 1,
    "segments": [],
    "variables": {
        "innodb_page_size": "16384",
        "innodb_data_file_path": "/ibd/ibdata1:12M:autoextend",
        "lower_case_table_names": "0",
    },
    "plugins": ["auth_socket.so"],
    "lock_seconds": 0.1,
    "lock_attempts": 1,
    "system_offset": 3600,
}
"""The details of a manifest that was written before settings were sorted."""


def details(**changes: object) -> MySQLDetails:
    return MySQLDetails.model_validate({**OLD, **changes})


def started(*chain: MySQLDetails, unknown: bool = True) -> list[str]:
    return options.options(chain, memory=1, more=(), unknown=unknown)


def manifest(of: MySQLDetails) -> Manifest:
    return Manifest(
        lifeboat="0",
        id="agama-20261123T000001Z",
        service="agama",
        type="mysql",
        kind="full",
        chain="agama-20261123T000001Z",
        sequence=0,
        parent=None,
        started_at=AT,
        taken_at=AT,
        finished_at=AT,
        source=Source(version="9.7.4", image="mysql:9.7"),
        files=(),
        details=of.model_dump(),
        witness=(),
    )


def delivered(of: MySQLDetails) -> tuple[list[str], str]:
    """Return the options and the notes of a delivery."""
    delivery = hand_over.delivery(hand_over.Path("x"), manifest(of), of, [], beyond=False)
    return list(delivery.options), "\n".join(delivery.notes)


def test_an_older_manifest_still_starts_a_copy_and_is_delivered() -> None:
    """What it does not hold has a default; its absolute paths, which no copy started with, are cured too."""
    old = details()
    found = started(old)
    assert "--loose-innodb_data_file_path=ibdata1:12M:autoextend" in found
    assert "--loose-innodb_page_size=16384" in found
    assert options.environment(old) == {"TZ": "SRC-01:00"}
    given, notes = delivered(old)
    assert given == [
        "--innodb_page_size=16384",
        "--innodb_data_file_path=ibdata1:12M:autoextend",
        "--lower_case_table_names=0",
        "--gtid_mode=ON",
        "--enforce_gtid_consistency=ON",
    ]
    assert "/ibd" not in notes
    assert "+1 h from UTC: set that zone" in notes
    assert "the source had loaded auth_socket.so" in notes


def test_what_would_only_stop_a_replay_is_as_wide_as_can_be() -> None:
    """Whatever the source's own value is: a session of it may have had another. The last of two options counts."""
    found = started(details(variables={"innodb_strict_mode": "ON", "max_heap_table_size": "16777216"}))
    for name in ("innodb_strict_mode", "restrict_fk_on_non_standard_key", "max_heap_table_size"):
        assert [option for option in found if option.startswith(f"--loose-{name}=")][
            -1
        ] == f"--loose-{name}={options.WIDEST[name]}"


def test_an_unknown_variable_is_given_and_never_has_the_last_word() -> None:
    """Nothing that it could be called makes a copy reach anything."""
    found = started(details(unknown={"quux": "2", "skip_networking": "OFF"}))
    assert "--loose-quux=2" in found
    assert found.index("--loose-skip_networking=OFF") < found.index("--skip-networking")
    assert "--loose-quux=2" not in started(details(unknown={"quux": "2"}), unknown=False)


def test_a_plugin_that_was_removed_since_the_full_is_loaded() -> None:
    """The log before its removal may need it."""
    found = started(details(plugins=["rewriter.so"]), details(plugins=[]))
    assert "--plugin-load-add=rewriter.so" in found


def test_the_time_zone_of_a_source_whose_clocks_change_is_a_file() -> None:
    """An offset alone has no summer."""
    assert options.environment(details(zone=ZONE)) == {"TZ": f":{options.HOME}/{options.ZONE}"}
    zone = ZoneInfo.from_file(io.BytesIO(zone_file(ZONE)))
    hours = [datetime(2026, month, 4, 12, tzinfo=UTC).astimezone(zone).hour for month in (1, 7, 12)]
    assert hours == [7, 8, 7]


def test_a_delivery_names_what_differs_and_little_more() -> None:
    """A tired operator reads it."""
    variables = {"innodb_page_size": "16384", "ngram_token_size": "1", "max_sort_length": "1024", "ft_boolean_syntax": " |-><"}
    others = {f"quux{number}": str(number) for number in range(30)}
    given, notes = delivered(
        details(
            variables=variables,
            changed=["innodb_page_size", "ngram_token_size", "ft_boolean_syntax"],
            others=others,
            zone=ZONE,
            system_offset=-18000,
            installed=Installed(plugins={"auth_socket": "auth_socket.so"}, components=()),
            limits=["settings that this Lifeboat does not know"],
        )
    )
    assert given[:3] == ["--innodb_page_size=16384", "--ngram_token_size=1", "--ft_boolean_syntax= |-><"]
    assert "set: innodb_page_size=16384 ngram_token_size=1 'ft_boolean_syntax= |-><' gtid_mode=ON" in notes
    assert "max_sort_length" not in notes
    assert "quux19=19 and 10 more, in the manifest" in notes
    assert "-5 h and -4 h from UTC: set its own zone" in notes
    # It is in the data: the server loads it by itself.
    assert "had loaded" not in notes
    assert "a limit of this backup: settings that this Lifeboat does not know" in notes


@pytest.mark.parametrize("name", ["zone", "unknown", "others", "changed", "installed", "limits"])
def test_every_new_detail_has_a_default(name: str) -> None:
    """Or older manifests could not be read."""
    assert not MySQLDetails.model_fields[name].is_required()


def test_what_a_copy_is_kept_in_has_the_last_word() -> None:
    """Whatever a manifest sets stands before all that Lifeboat sets itself."""
    bare = started(details(variables={}, plugins=[]))
    full = started(details(variables={"thread_stack": "7"}, unknown={"quux": "7"}, plugins=["x.so"]))
    foreign = [option for option in full if option not in bare]
    assert foreign == ["--loose-quux=7", "--loose-thread_stack=7", "--plugin-load-add=x.so"]
    fixed = ("--secure-file-priv=NULL", "--skip-networking", "--event-scheduler=OFF", "--loose-persisted-globals-load=OFF")
    assert all(full.index(each) < full.index(own) for each in foreign for own in fixed)


def test_a_clone_with_options_or_code_among_its_data_is_damaged(tmp_path: Path) -> None:
    """CLONE copies neither."""
    (tmp_path / "agama").mkdir()
    for good in ("ibdata1", "mysql.ibd", "undo_001", "agama/cnf.ibd", "agama/x.so.ibd"):
        (tmp_path / good).touch()
    hand_over.require_data_only(tmp_path, "agama-1")
    for bad in ("mysqld-auto.cnf", "my.CNF", "agama/evil.so", "my.ini", "evil.so.1", "auto.cnf"):
        (tmp_path / bad).touch()
        with pytest.raises(Damaged, match=f"agama-1 holds {bad} among its data files"):
            hand_over.require_data_only(tmp_path, "agama-1")
        (tmp_path / bad).unlink()


def test_what_is_handed_over_keeps_no_settings_of_its_own(tmp_path: Path) -> None:
    """A statement of the log may have been SET PERSIST."""
    for name in ("auto.cnf", "mysqld-auto.cnf", "server-key.pem", "ibdata1"):
        (tmp_path / name).touch()
    hand_over.remove_sandbox_files(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["ibdata1"]


@pytest.mark.parametrize(("was", "told"), [("OFF", True), ("DISABLED", True), ("ON", False)])
def test_a_server_runs_no_events_that_the_source_did_not_run(was: str, told: bool) -> None:
    """A server runs them by default."""
    given, notes = delivered(details(others={"event_scheduler": was}))
    assert ("--event_scheduler=OFF" in given) is told
    assert (" event_scheduler=OFF gtid_mode=ON" in notes) is told


@pytest.mark.parametrize("events", [True, False])
def test_beside_a_source_that_lives_a_new_container_runs_no_events(events: bool) -> None:
    of = details()
    beside = hand_over.delivery(hand_over.Path("x"), manifest(of), of, [], beyond=True, events=events).beside
    assert (list(beside.options) if beside else []) == (["--event-scheduler=OFF"] if events else [])
