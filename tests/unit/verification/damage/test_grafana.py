"""Faults in a Grafana backup: each table can be damaged, its fact tells, and the file keeps its size."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from backups.manifest import FileEntry, Manifest
from backups.services.base import Fetched
from backups.services.grafana.files import other_files, tables
from backups.services.grafana.files.database import FILE, opened
from backups.witness import Fact
from deployments.grafana_standin.database import build
from verification.damage import grafana
from verification.damage.kind import Kind, NotInjected, Stand

KINDS: dict[str, Kind] = {kind.name: kind for kind in grafana.KINDS}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("damage-template") / FILE
    build(path, layout="resource", secret_key="an operator's own key")
    return path


@pytest.fixture
def fresh(template: Path, tmp_path: Path) -> Callable[[], Stand]:
    """Make a backup of the same database anew."""

    def make() -> Stand:
        shutil.copyfile(template, tmp_path / FILE)
        fetched = object.__new__(Fetched)
        manifest = Manifest.model_construct(id="g", files=(), details={}, witness=tuple(facts(template)))
        object.__setattr__(fetched, "manifest", manifest)
        object.__setattr__(fetched, "data", tmp_path)
        return Stand("grafana", [fetched])

    return make


def facts(path: Path) -> set[Fact]:
    with opened(path) as database:
        return set(tables._whole(database))


@pytest.mark.parametrize("name", ["row of a Grafana table deleted", "byte of a Grafana table changed"])
def test_every_table_with_rows_can_be_damaged_and_its_fact_tells(name: str, fresh: Callable[[], Stand], template: Path) -> None:
    kind, before = KINDS[name], facts(template)
    targets = list(kind.targets(fresh()))
    filled = {fact.subject for fact in before if fact.metric == "rows" and fact.value}
    assert {f"table {target[0]}" for target in targets} == filled
    unchangeable = []
    for target in targets:
        stand = fresh()
        try:
            done = kind.inject(stand, target, random.Random(3))
        except NotInjected:
            unchangeable.append(target)
            continue
        path = stand.chain[0].data / FILE
        assert {fact.subject for fact in facts(path) ^ before} == set(done.culprits)
        assert path.stat().st_size == template.stat().st_size
    assert len(unchangeable) < len(targets) / 10


def test_a_backup_without_a_database_has_none_of_these(tmp_path: Path) -> None:
    fetched = object.__new__(Fetched)
    object.__setattr__(fetched, "manifest", Manifest.model_construct(id="g", files=(), details={}, witness=()))
    object.__setattr__(fetched, "data", tmp_path)
    for stand in (Stand("grafana", [fetched]), Stand("grafana")):
        assert [list(kind.targets(stand)) for kind in grafana.KINDS] == [[] for _ in grafana.KINDS]


def test_what_an_older_backup_does_not_promise_is_not_damaged(fresh: Callable[[], Stand]) -> None:
    """Its witness compares fewer tables and no file: a fault in another one would be no fault of the verifier."""
    stand = fresh()
    manifest, data = stand.manifests[0], stand.chain[0].data
    (data / "config/provisioning").mkdir(parents=True)
    for name in ("grafana.ini", "provisioning/a.yaml"):
        (data / "config" / name).write_text("[security]\nsecret_key = abc\n")
    entries = tuple(FileEntry(path=f"config/{name}", size=30) for name in ("grafana.ini", "provisioning/a.yaml"))
    older = tuple(Fact(each.subject, "content", each.value) for each in manifest.witness)
    object.__setattr__(stand.chain[0], "manifest", manifest.model_copy(update={"witness": older, "files": entries}))
    assert {kind.name: list(kind.targets(stand)) for kind in grafana.KINDS} == {kind.name: [] for kind in grafana.KINDS}
    newer = (*manifest.witness, *other_files.facts(data))
    object.__setattr__(stand.chain[0], "manifest", manifest.model_copy(update={"witness": newer, "files": entries}))
    assert [kind.name for kind in grafana.KINDS if not list(kind.targets(stand))] == []


@pytest.mark.parametrize("line", ["secret_key = abc", "  secret_key=an operator's own key \r", 'secret_key = "x"'])
def test_a_secret_key_is_found_however_it_is_written(line: str, tmp_path: Path) -> None:
    before = f"[security]\n;secret_key = none\n{line}\n[server]\n".encode()
    (tmp_path / "grafana.ini").write_bytes(before)
    fetched = object.__new__(Fetched)
    object.__setattr__(fetched, "data", tmp_path)
    KINDS["secret_key changed"].inject(Stand("grafana", [fetched]), ("grafana.ini",), random.Random(1))
    after = (tmp_path / "grafana.ini").read_bytes()
    assert len(after) == len(before)
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1
    assert b";secret_key = none" in after
