"""Runs the stand-in in both layouts, and reads the published contract that it is held to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.grafana_standin.database import Layout, build
from deployments.grafana_standin.serving import serving
from tests.conftest import FIELD_DATA
from tests.integration.grafana.standin.contract import Contract
from tests.integration.grafana.standin.harness import Ask, asker

LAYOUTS: tuple[Layout, ...] = ("dashboard", "resource")


@pytest.fixture(params=LAYOUTS)
def layout(request: pytest.FixtureRequest) -> Layout:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def data(tmp_path: Path, layout: Layout) -> Path:
    build(tmp_path / "grafana.db", layout=layout)
    return tmp_path


@pytest.fixture
def ask(data: Path) -> Iterator[Ask]:
    with serving(data) as url:
        yield asker(url)


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract(FIELD_DATA / "grafana" / "api")
