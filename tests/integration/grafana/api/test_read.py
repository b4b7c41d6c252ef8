"""What a backup through the API reads: all that is there, nothing that is refused, and what never comes out, by name."""

from pathlib import Path

import pytest

from backups.errors import Damaged, LifeboatError
from backups.services.grafana import client
from backups.services.grafana.api import kinds, not_restorable
from backups.services.grafana.api.objects import Key, Objects, load, write
from backups.services.grafana.api.read import read
from backups.services.grafana.api.resources.annotations import every_annotation
from backups.services.grafana.api.resources.order import RESOURCES
from deployments.grafana_standin import edits
from deployments.grafana_standin.database import Layout
from tests.integration.grafana.api.harness import TOKEN, admin, built, robot


@pytest.mark.parametrize("layout", ["dashboard", "resource"])
def test_everything_is_read_and_written_and_read_again(layout: Layout, tmp_path: Path) -> None:
    with built(tmp_path / "source", layout) as url:
        objects = read(admin(url))
        assert not objects.closed
        read_kinds = {key.kind for key in objects.bodies}
        assert read_kinds >= {resource.kind for resource in RESOURCES} - {kinds.TEAM_PREFERENCES} | {
            kinds.USER,
            kinds.ORGANISATION,
        }
        assert len(objects.organisations) == 2
        assert read(admin(url)).different(objects) == []
    write(objects, tmp_path)
    assert load(tmp_path, "b").bodies == objects.bodies
    text = "".join(path.read_text() for path in (tmp_path / "objects").rglob("*.json"))
    assert "admin" in text, "the files were read"
    assert "pbkdf2" not in text
    assert TOKEN not in text


@pytest.mark.parametrize("layout", ["dashboard", "resource"])
def test_lists_of_many_pages_are_read_to_their_end(layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with built(tmp_path, layout) as url:
        for number in range(7):
            edits.add_dashboard(tmp_path / "grafana.db", f"more-{number}", f"More {number}")
            edits.add_folder(tmp_path / "grafana.db", f"f-{number}", f"Folder {number}", parent_uid="agama")
        whole = read(admin(url))
        monkeypatch.setattr(client, "PAGE", 2)
        assert read(admin(url)).different(whole) == []
        assert {f"more-{number}" for number in range(7)} <= set(whole.of(1, kinds.DASHBOARD))


def test_annotations_are_read_to_their_end_even_many_of_one_moment(tmp_path: Path) -> None:
    with built(tmp_path) as url:
        client = admin(url)
        for number in range(9):
            client.send("POST", "api", "annotations", body={"time": 1_000 + number // 5, "text": f"tick {number}", "tags": ["t"]})
        every = [one["text"] for one in every_annotation(client)]
        assert len([text for text in every if text.startswith("tick")]) == 9
        assert [one["text"] for one in every_annotation(client, most=2)] == every


def test_a_token_reads_its_own_organisation_and_says_what_it_may_not_see(tmp_path: Path) -> None:
    with built(tmp_path) as url:
        objects, whole = read(robot(url)), read(admin(url))
    assert set(objects.organisations) == {1}
    assert set(objects.closed) == {(0, kinds.ORGANISATION), (0, kinds.USER)}
    assert (
        "grafana: users are not in the backup: only the server's administrator may read the server's users"
        in not_restorable.closed(objects)
    )
    mine = {key: body for key, body in whole.bodies.items() if key.organisation == 1}
    assert objects.bodies == mine


def test_a_kind_that_is_refused_is_closed_and_never_an_empty_one(tmp_path: Path) -> None:
    with built(tmp_path) as url:
        edits.add_service_account(tmp_path / "grafana.db", "looker", "Viewer", "glsa_viewer")
        objects = read(robot(url, "glsa_viewer"))
    assert (1, kinds.DATA_SOURCE) in objects.closed
    assert objects.of(1, kinds.DATA_SOURCE) == {}
    assert len(objects.of(1, kinds.DASHBOARD)) > 3
    lines = not_restorable.closed(objects)
    assert any("org 1: data sources are not in the backup: GET /api/datasources: HTTP 403" in line for line in lines)
    assert any("the caller is not its administrator" in line for line in lines)


def test_each_secret_that_stays_behind_is_named(tmp_path: Path) -> None:
    with built(tmp_path) as url:
        objects = read(admin(url))
    assert not_restorable.secrets(objects) == [
        "grafana user admin: password",
        "grafana user editor: password",
        "grafana user viewer: password",
        "org 1 data source agama-mysql (Agama): password",
        "org 1 service account lifeboat: token lifeboat-token",
        "org 1 service account robot: token robot-token",
    ]
    assert any("1 snapshot of dashboards, not kept: Overview, frozen" in line for line in objects.limits)


def test_a_token_that_is_not_taken_is_told(tmp_path: Path) -> None:
    with (
        built(tmp_path) as url,
        pytest.raises(LifeboatError, match=r"does not accept the service account \(HTTP 401: Invalid API key\)") as fault,
    ):
        read(robot(url, "expired"))
    assert "expired" in str(fault.value.hint)
    assert "Bearer" not in str(fault.value)


def test_a_file_of_a_backup_that_is_damaged_is_named(tmp_path: Path) -> None:
    objects = Objects({Key(1, kinds.ORGANISATION, "a/../b"): {"name": "a/../b"}, Key(1, kinds.TEAM, "x" * 300): {"name": "long"}})
    objects.bodies[Key(1, kinds.PLAYLIST, "half \ud83d")] = {"name": "half \ud83d"}
    write(objects, tmp_path)
    assert load(tmp_path, "b").bodies == objects.bodies
    (team,) = (tmp_path / "objects" / "org-1" / "team").iterdir()
    team.write_text(team.read_text()[:-5])
    with pytest.raises(Damaged, match=r"objects/org-1/team/x+-[0-9a-f]{16}.json of backup b cannot be read"):
        load(tmp_path, "b")
    with pytest.raises(Damaged, match="holds no organisation"):
        load(tmp_path / "objects", "b")
