"""Which files of a Grafana's backup hold its dashboards, by each method, and who may be asked."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from backups.services.grafana.asking import GrafanaAsker
from backups.services.grafana.service import GrafanaService
from backups.services.grafana.settings import GrafanaSettings
from backups.services.panelled import HoldsBoards, NoBoards
from backups.services.settings import PanelsSettings


def service(**more: Any) -> GrafanaService:
    section = {"type": "grafana", "image": "i", "url": "http://127.0.0.1:3000", "place": "local:/x", **more}
    return GrafanaService("grafana", GrafanaSettings.model_validate(section), SimpleNamespace())  # type: ignore[arg-type]


def manifest(**details: Any) -> Any:
    paths = ("grafana.db", "config/grafana.ini", "objects/org-1/dashboard/a.json", "objects/org-1/user/b.json")
    return SimpleNamespace(id="b", details=details, files=[SimpleNamespace(path=path) for path in paths])


def test_each_method_has_its_files() -> None:
    grafana = service()
    assert isinstance(grafana, HoldsBoards)
    assert grafana.board_files(manifest()) == ["grafana.db"]
    assert grafana.board_files(manifest(method="api")) == ["objects/org-1/dashboard/a.json"]
    with pytest.raises(NoBoards, match="they are in the database graf, which is in the backups of agama"):
        grafana.board_files(manifest(database={"service": "agama", "name": "graf"}))
    with pytest.raises(NoBoards):
        grafana.boards(SimpleNamespace(manifest=manifest(database={"service": "agama", "name": "graf"}), data=Path()))  # type: ignore[arg-type]


def test_only_with_credentials_is_grafana_asked_and_what_lifeboat_yaml_says_is_in_force() -> None:
    assert service().grafana() is None
    assert isinstance(service(token="t").grafana(), GrafanaAsker)
    assert service().panels == PanelsSettings(ask=True, seconds=120, questions=1000)
    told = service(panels={"ask": False, "questions": 5}, data_sources={"Shop": "agama"})
    assert (told.panels.ask, told.panels.questions, told.claimed) == (False, 5, {"Shop": "agama"})
    for odd in ({"seconds": 0}, {"questions": 0}, {"other": 1}):
        with pytest.raises(ValueError, match="panels"):
            service(panels=odd)
