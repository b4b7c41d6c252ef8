"""A table that the backup does not hold is told before anything is fetched; a restore of hours would end with it else."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from backups.errors import LifeboatError
from backups.witness import Fact
from verification.restore.order import Order
from verification.restore.plan import require_tables

FACTS = [
    Fact("shop.client", "rows", 3),
    Fact("shop.`a,``b`` .c`", "rows", 3),
    Fact("shop.seen", "definition", "CREATE VIEW"),
]


def look(*tables: str, service: Any = SimpleNamespace(rows=list)) -> None:  # noqa: B008 - nobody changes it
    manifest = cast("Any", SimpleNamespace(id="agama-1", witness=FACTS))
    require_tables(service, Order("agama", "local:/a", tables=tables), manifest)


@pytest.mark.parametrize(
    "table", ["shop.client", "`shop`.`client`", "SHOP.Client", "shop.`a,``b`` .c`", "shop.a,`b` .c", "shop.seen"]
)
def test_what_the_backup_may_hold_is_left_to_the_copy(table: str) -> None:
    look(table, "shop.client")


@pytest.mark.parametrize(
    ("table", "hint"),
    [("shop.cleint", "did you mean shop.client?"), ("client", "a table is named"), ("other.x", "a table is named")],
)
def test_what_it_does_not_hold_is_told(table: str, hint: str) -> None:
    with pytest.raises(LifeboatError, match=r"there is no table .* in agama-1; nothing was changed") as refused:
        look("shop.client", table)
    assert str(refused.value.hint).startswith(hint)


def test_a_service_that_has_none_is_told_as_such() -> None:
    with pytest.raises(LifeboatError, match="agama has no tables to restore one by one: only MySQL has; nothing was changed"):
        look("shop.client", service=SimpleNamespace())
