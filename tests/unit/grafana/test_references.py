"""References of dashboards are found in every version's way of writing them, and named only where they do not resolve."""

from typing import Any

import pytest

from backups.services.grafana.references import Targets, missing

TARGETS = Targets(frozenset({"folder"}), frozenset({"library"}), frozenset({"prom", "Prometheus"}))


@pytest.mark.parametrize(
    ("spec", "unresolved"),
    [
        ({"panels": [{"datasource": {"uid": "prom"}}]}, "none"),
        ({"panels": [{"datasource": "Prometheus"}]}, "none"),
        ({"panels": [{"datasource": None}]}, "none"),
        ({"panels": [{"datasource": {"type": "prometheus"}}]}, "none"),
        ({"panels": [{"datasource": {"uid": "gone"}}]}, "data source gone"),
        ({"rows": [{"panels": [{"datasource": "Old name"}]}]}, "data source Old name"),
        ({"panels": [{"panels": [{"targets": [{"datasource": {"uid": "gone"}}]}]}]}, "data source gone"),
        ({"annotations": {"list": [{"datasource": {"uid": "-- Grafana --"}}]}}, "none"),
        ({"panels": [{"datasource": {"uid": "-- Mixed --"}}, {"datasource": {"uid": "__expr__"}}]}, "none"),
        ({"panels": [{"datasource": {"uid": "${ds}"}}], "templating": {"list": [{"name": "ds"}]}}, "none"),
        ({"panels": [{"datasource": "$ds"}], "templating": {"list": [{"name": "ds"}]}}, "none"),
        ({"panels": [{"datasource": "[[ds]]"}], "templating": {"list": [{"name": "ds"}]}}, "none"),
        ({"panels": [{"datasource": {"uid": "${ds:raw}"}}], "templating": {"list": [{"name": "ds"}]}}, "none"),
        ({"panels": [{"datasource": {"uid": "${DS_PROMETHEUS}"}}]}, "data source ${DS_PROMETHEUS}"),
        ({"elements": {"p": {"spec": {"query": {"datasource": {"name": "gone"}}}}}}, "data source gone"),
        (
            {
                "elements": {"p": {"spec": {"query": {"datasource": {"name": "$d"}}}}},
                "variables": [{"kind": "DatasourceVariable", "spec": {"name": "d"}}],
            },
            "none",
        ),
        ({"panels": [{"libraryPanel": {"uid": "library"}}]}, "none"),
        ({"panels": [{"libraryPanel": {"uid": "lost"}}]}, "library panel lost"),
        ({"elements": {"p": {"kind": "LibraryPanel", "spec": {"libraryPanel": {"uid": "lost"}}}}}, "library panel lost"),
        ({"data": [{"datasourceUid": "gone"}, {"datasourceUid": "-100"}]}, "data source gone"),
        ("not even JSON", "none"),
        (None, "none"),
    ],
)
def test_references_that_do_not_resolve_are_named(spec: Any, unresolved: str) -> None:
    assert missing(spec, "", TARGETS) == unresolved


def test_a_folder_that_is_not_there_is_named() -> None:
    assert missing({}, "folder", TARGETS) == "none"
    assert missing({"panels": [{"datasource": "x"}]}, "gone", TARGETS) == "data source x, folder gone"


def test_many_are_cut_to_what_a_report_can_show() -> None:
    spec = {"panels": [{"datasource": f"gone {number:02}"} for number in range(14)]}

    assert missing(spec, "", TARGETS).endswith("data source gone 09 and 4 more")
