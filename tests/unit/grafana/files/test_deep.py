"""What anybody who may edit can store in Grafana: JSON nested so deep that nothing may call itself once a level."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from backups.services.grafana.canonical import DEEPEST, canonical, filled, parse, too_deep
from backups.services.grafana.files import answers, deep, objects, witness
from backups.services.grafana.files.database import opened
from backups.services.grafana.references import Targets, missing
from backups.witness import Fact, compare
from deployments.grafana_standin.database import Layout, build

LEVELS = [DEEPEST + 1, 400, 900, 1200, 10_000]


def nested(levels: int) -> str:
    """As Grafana's Go reads it, to ten thousand levels."""
    return "[" * levels + '"x"' + "]" * levels


def plant(path: Path, table: str, column: str, levels: int, inside: str = "x") -> int:
    """Put nested JSON into every row that has an object there."""
    with closing(sqlite3.connect(path)) as connection, connection:
        rows = connection.execute(f'SELECT rowid, "{column}" FROM "{table}"').fetchall()
        for number, text in rows:
            stored = json.loads(text)
            if isinstance(stored, dict):
                head = json.dumps({key: value for key, value in stored.items() if key != inside})[:-1]
                changed = f'{head}, "{inside}": {nested(levels)}}}'
            else:
                changed = nested(levels)
            value = changed.encode() if isinstance(text, bytes) else changed
            connection.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?', (value, number))
        return len(rows)


PLACES = [
    ("dashboard", "dashboard", "data"),
    ("resource", "resource", "value"),
    ("dashboard", "library_element", "model"),
    ("dashboard", "data_source", "json_data"),
    ("dashboard", "alert_rule", "data"),
    ("dashboard", "alert_configuration", "alertmanager_configuration"),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    directory = tmp_path_factory.mktemp("built")
    layouts: list[Layout] = ["dashboard", "resource"]
    for layout in layouts:
        build(directory / f"{layout}.db", layout=layout)
    return {layout: directory / f"{layout}.db" for layout in layouts}


def stated(path: Path) -> tuple[list[Fact], list[str]]:
    with opened(path) as database:
        found = objects.read(database)
        return [*witness.facts(database, found), *answers.expected(database, found)], list(deep.look(database, found).limits())


@pytest.mark.parametrize(("layout", "table", "column"), PLACES)
@pytest.mark.parametrize("levels", [DEEPEST + 1, 1200])
def test_a_database_with_nested_json_is_backed_up_and_its_text_compared(
    built: dict[str, Path], tmp_path: Path, layout: str, table: str, column: str, levels: int
) -> None:
    path = Path(shutil.copy(built[layout], tmp_path / "grafana.db"))
    assert stated(path)[1] == []
    assert plant(path, table, column, levels)
    facts, limits = stated(path)
    assert len(limits) == 1
    assert f"nested deeper than {DEEPEST} levels" in limits[0]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f'UPDATE "{table}" SET "{column}" = replace("{column}", \'"x"\', \'"y"\')')
    assert [check for check in compare(facts, stated(path)[0]) if not check.passed], "the text is compared"


@pytest.mark.parametrize("levels", LEVELS)
def test_the_text_itself_stands_for_what_is_nested_too_deep(levels: int) -> None:
    text = nested(levels)
    assert too_deep(text)
    assert parse(text) == text


@pytest.mark.parametrize(("start", "end"), [("[", "]"), ('{"a":', "}"), ('[{"libraryPanel": {"a": 1}, "datasource":', "}]")])
def test_whatever_is_parsed_can_be_compared(start: str, end: str) -> None:
    """At the greatest depth that is let through, on top of as many calls as a flow of Prefect's has."""
    times = DEEPEST // 2 - 1 if start.startswith("[{") else DEEPEST
    value = parse(start * times + "1" + end * times)
    assert not isinstance(value, str)

    def on_top(calls: int) -> None:
        if calls:
            on_top(calls - 1)
        else:
            canonical(filled(value))
            missing(value, "", Targets(frozenset(), frozenset(), frozenset()))

    on_top(150)
