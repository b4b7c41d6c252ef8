"""Details of a thief's manifest: whatever stands in a field that has a form, the backup is damaged, and nothing is done with it."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from backups.errors import Damaged, LifeboatError
from backups.foreign import MOST_BYTES, MOST_VALUES
from backups.manifest import BackupRecord, Manifest, Source
from backups.repository import tree
from backups.repository.tree import Node
from backups.services.grafana.details import GrafanaDetails
from backups.services.mysql.binlog.coverage import log_details
from backups.services.mysql.dump_details import DumpDetails
from backups.services.prometheus.details import PrometheusDetails
from tests.unit.repository.test_closed_forms import FREE

AT = datetime(2026, 11, 23, tzinfo=UTC)
ID = "agama-20261123T000000Z"
POSITION = {"file": "binlog.000001", "offset": 4, "gtid_executed": None}
SEGMENT = {"file": "binlog.000001", "start": 0, "end": 4, "path": "log/binlog.000001@0"}
MYSQL = {
    "server_uuid": "u", "gtid": False, "start": POSITION, "end": {**POSITION, "gtid_executed": "a-b:1-5"}, "log_created": 1, "segments": [SEGMENT],
    "variables": {}, "plugins": [], "lock_seconds": 0.1, "lock_attempts": 1,
    "bridge": {"backup": ID, "start": POSITION, "segments": [{**SEGMENT, "path": "log/b"}]},
}  # fmt: skip
PROMETHEUS = {
    "snapshot": "20261123T000000Z-0", "questions": {"seed": 1}, "flags": {}, "limits": [], "start": {},
    "blocks": [{"ulid": "01M82NN1QANH9YBV20ABDAT6FS", "min_time": 1, "max_time": 2,
                "files": [{"path": "chunks/000001", "size": 1, "sha256": "0" * 64, "backup": ID, "damage": None}]}],
    "configuration": {"main": "prometheus.yml", "directory": "/etc/prometheus", "checked": True},
}  # fmt: skip
DUMP = {
    "mariadb": False, "server_uuid": "u", "position": POSITION, "stages": [["accounts.sql"], ["data-0.sql"]], "variables": {}, "plugins": [],
    "lock": "global", "lock_seconds": 0.1, "lock_attempts": 1,
}  # fmt: skip
PATHS = ["/etc/crontab", "../../etc/crontab", "a\0b", "..", "log/../../x", "\x1b[2J\0"]
NUMBERS = [-1, 1 << 70, "x", [1]]


def manifest(details: dict[str, Any], **changes: Any) -> Manifest:
    stated: dict[str, Any] = {
        "lifeboat": "0", "id": ID, "service": "agama", "type": "mysql", "kind": "full", "chain": ID, "sequence": 0, "parent": None,
        "started_at": AT, "taken_at": AT, "finished_at": AT, "source": Source(version="9.7.0", image="mysql:9.7"), "files": (), "witness": (),
    }  # fmt: skip
    return Manifest.model_validate({**stated, "details": details, **changes})


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if inner is None:
        yield path, value
    else:
        for key, each in inner:
            yield from leaves(each, (*path, key))


def with_leaf(value: Any, path: tuple[Any, ...], leaf: Any) -> Any:
    copy = json.loads(json.dumps(value))
    at = copy
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = leaf
    return copy


ANY = {"seed", "min_time", "max_time", "directory"}
"""Numbers that may be anything, a choice's seed and the times of samples; and where a container has its configuration, which has tests
of its own."""


@pytest.mark.parametrize(
    ("sample", "read"),
    [
        (MYSQL, lambda details: log_details(manifest(details))),
        (PROMETHEUS, lambda details: PrometheusDetails.of(manifest(details))),
        (DUMP, lambda details: DumpDetails.model_validate(manifest(details).details)),
    ],
)
def test_every_field_that_has_a_form_refuses_what_has_another(sample: dict[str, Any], read: Callable[[Any], Any]) -> None:
    """Each text by paths that lead away, each number by ones that are none."""
    read(sample)
    free = {name.partition(".")[2] for name in FREE}
    tried = 0
    for path, value in leaves(sample):
        if isinstance(value, bool) or path[-1] in free | ANY:
            continue
        for odd in PATHS if isinstance(value, str) else NUMBERS if isinstance(value, int | float) else ():
            with pytest.raises((Damaged, ValueError)):
                read(with_leaf(sample, path, odd))
            tried += 1
    assert tried > 15


def test_two_segments_in_one_file_are_damage() -> None:
    with pytest.raises(Damaged, match="two segments of the log are in the same file"):
        log_details(manifest({**MYSQL, "segments": [SEGMENT, SEGMENT]}))


@pytest.mark.parametrize(
    "details",
    [{"limits": 3}, {"limits": [1]}, {"secrets": {"a": 1}}, {"ignored": ["x"]}, {"lock_seconds": "long"}, {"lock_attempts": -1}],
)
def test_what_every_command_shows_is_what_services_write(details: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="details"):
        manifest(details)


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 100_000,
        b'{"details":' + b'{"a":' * 100_000,
        b"\xff" * 20,
        b"null",
        b"[" + b"[]," * MOST_VALUES,
        b" " * (MOST_BYTES + 1),
        b"9" * 100_000,
    ],
    ids=["deep lists", "deep objects", "no UTF-8", "nothing", "many values", "large", "a long number"],
)
def test_a_manifest_that_would_fill_the_memory_or_the_stack_is_damage(text: bytes) -> None:
    with pytest.raises(Damaged, match=f"the manifest of backup {ID}") as refused:
        Manifest.read(text, f"backup {ID}")
    assert len(refused.value.message) < 400


def test_one_that_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    large = manifest({"limits": ["," * (MOST_VALUES + 1)]})
    with pytest.raises(LifeboatError, match=r"has 10,\d{3},\d{3} values, and at most 10,000,000 are read") as refused:
        large.write(tmp_path)
    assert not isinstance(refused.value, Damaged)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "changes", [{"kind": "incremental"}, {"chain": "agama-20261124T000000Z"}, {"sequence": 1}, {"service": "x"}, {"type": "toy"}, {"standalone": True},
                {"taken_at": AT.replace(year=2027)}, {"id": "agama-20261124T000000Z", "chain": "agama-20261124T000000Z"}],
)  # fmt: skip
def test_a_manifest_and_the_tags_that_led_to_it_state_the_same(changes: dict[str, Any]) -> None:
    record = BackupRecord.from_tags("0123", manifest({}).tags())
    assert record is not None
    record.require_same(manifest({}))
    with pytest.raises(Damaged, match=ID):
        record.require_same(manifest({}, **changes))


def test_a_tree_holds_the_manifest_its_files_and_directories_alone() -> None:
    plain = [Node("/data", "dir"), Node("/data/log", "dir"), Node("/data/log/a", "file"), Node("/manifest.json", "file")]
    stated = manifest({}, files=({"path": "log/a", "size": 1},))
    tree.require_plain(plain, stated)
    odd = [
        Node(path, kind)
        for path in ("/x", "/data/log/b", "/", "/dataX", "/data/../x", "x")
        for kind in ("file", "dir", "symlink", "")
    ]
    for node in odd:
        if (node.path, node.type) not in (("/data/log/b", "dir"), ("/data/../x", "dir")):
            with pytest.raises(Damaged, match=ID):
                tree.require_plain([*plain, node], stated)
    for node in plain:
        with pytest.raises(Damaged, match="two things of the name"):
            tree.require_plain([*plain, node], stated)


def test_paths_are_dealt_out_so_that_each_batch_fits() -> None:
    paths = [f"/data/{'x' * (number % 90)}" for number in range(500)]
    batches = list(tree.batches(paths, 1000))
    assert [path for batch in batches for path in batch] == paths
    assert all(sum(2 * len(path) + 40 for path in batch) <= 1000 for batch in batches)
    assert list(tree.batches(["x" * 5000], 1000)) == [["x" * 5000]]


@pytest.mark.parametrize(
    "odd", [{"plugins": [1, 2]}, {"plugins": {"id": "x"}}, {"plugins": [{"version": "1"}]}, {"closed": 7}, {"closed": [["x", "y"]]}, {"method": []}]
)  # fmt: skip
def test_details_of_another_shape_are_no_grafana_backup(odd: dict[str, Any]) -> None:
    forged = manifest({"plugins": [{"id": "p", "version": "1"}], "closed": [[1, "folder"]], **odd}, type="grafana")
    with pytest.raises(Damaged, match="is not a Grafana backup's"):
        GrafanaDetails.of(forged)


def test_details_of_grafana_are_read() -> None:
    assert GrafanaDetails.of(manifest({"plugins": [{"id": "p", "version": 1}], "closed": [[1, "folder"]]})).closed
