"""Each file of a backup beside the database has a fact; a byte, a name or a file more is another one."""

from pathlib import Path

from backups.services.grafana.files import other_files
from backups.services.grafana.files.database import FILE


def test_every_file_but_the_database_is_stated_by_its_hash(tmp_path: Path) -> None:
    for path in (FILE, "config/grafana.ini", "config/provisioning/datasources/a.yaml", "outside.json", f"boards/{FILE}"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    before = list(other_files.facts(tmp_path))
    assert [fact.subject for fact in before] == [
        f"file boards/{FILE}",
        "configuration file grafana.ini",
        "configuration file provisioning/datasources/a.yaml",
        "file outside.json",
    ]
    assert {fact.metric for fact in before} == {other_files.METRIC}
    assert len({fact.value for fact in before}) == 4

    (tmp_path / FILE).write_text("other")
    assert list(other_files.facts(tmp_path)) == before
    (tmp_path / "config/provisioning/datasources/a.yaml").write_text("config/provisioning/datasources/b.yaml")
    assert {fact.subject for fact in set(other_files.facts(tmp_path)) ^ set(before)} == {before[2].subject}
