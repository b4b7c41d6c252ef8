"""Rules: which one decides on a column, and each that is refused."""

from typing import Any

import pytest

from backups.errors import ConfigError
from backups.services.masked import KINDS, Kind
from backups.services.mysql.masking import rules
from backups.services.mysql.masking.columns import Column
from tests.unit.mysql.masking.tables import column, foreign_key

EMAIL, ODD = column("email", unique=True), Column("shop", "a.b", "e*", "varchar", room=99, charset="utf8mb4")
OTHERS = (
    column("id", "int", counter=True, unique=True, nullable=False),
    column("born", "date"),
    column("name", nullable=False),
    column("domain", generated=True),
    column("email", table="letter"),
)


def decided(written: dict[str, Kind], *columns: Column) -> dict[str, Kind]:
    chosen = rules.apply(written, columns or (EMAIL, ODD, *OTHERS), ())
    return {each.subject: ruled.kind for each, ruled in chosen.items()}


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ({"shop.client.email": "email"}, "email"),
        ({"*.email": "email", "shop.letter.email": "null"}, "email"),
        ({"*.*.email": "hash", "shop.client.email": "email"}, "email"),
        ({"*.email": "hash", "shop.client.*mail": "text"}, "text"),
        ({"shop.*.email": "text", "*.email": "hash"}, "text"),
        ({"shop.cl?ent.email": "text", "*.email": "hash"}, "text"),
        ({"shop.client.*": "keep", "*.email": "hash"}, "hash"),
        ({"*": "keep", "*.email": "hash"}, "hash"),
    ],
)
def test_the_one_with_the_fewest_wildcards_decides(written: dict[str, Kind], kind: Kind) -> None:
    assert decided(written)["shop.client.email"] == kind


def test_a_name_in_backticks_has_no_wildcards() -> None:
    assert decided({"shop.`a.b`.`e*`": "hash"}) == {"shop.`a.b`.`e*`": "hash"}


@pytest.mark.parametrize(
    ("written", "words", "hint"),
    [
        ({"shop.client.emial": "email"}, "there is no such column in that backup", "shop.client.email"),
        ({"*.telephone": "phone"}, "there is no such column", "database.table.column"),
        ({"email": "email"}, "there is no such column", "database.table.column"),
        ({"a.b.c.d": "email"}, "there is no such column", ""),
        ({"": "email"}, "there is no such column", ""),
        ({"shop.client.domain": "hash"}, "the server computes shop.client.domain", "give those columns a rule"),
        ({"*.domain": "hash"}, "there is no such column", ""),
        ({"shop.client.born": "name"}, "is a date, which holds no name", "one of: null, hash, keep"),
        ({"shop.client.id": "name"}, "is a int, which holds no name", "one of: keep"),
        ({"shop.client.id": "hash"}, "is numbered by the server", "one of: keep"),
        ({"shop.client.name": "null"}, "is NOT NULL", "one of: name"),
        ({"shop.*.email": "email", "*.client.email": "hash"}, "both name shop.client.email", "write the rule of that column out"),
    ],
)
def test_a_rule_that_cannot_be(written: dict[str, Kind], words: str, hint: str) -> None:
    with pytest.raises(ConfigError) as refused:
        decided(written)
    assert words in refused.value.message
    assert hint in (refused.value.hint or "")


@pytest.mark.parametrize(
    ("one", "kind", "words"),
    [
        (column("c", room=21), "email", "room for 21 characters, and such a value takes 22"),
        (column("c", room=11, unique=True), "name", "takes 12, since it is in a unique key"),
        (column("c", "binary", room=7, unique=True), "hash", "room for 7 bytes"),
        (column("c", "date", unique=True), "hash", "two values may get the same replacement"),
        (column("c", "int"), "phone", "is a int, which holds no phone"),
        (column("c", "decimal"), "hash", "is a decimal"),
        (column("c", "enum"), "text", "is a enum"),
        (column("c", "json"), "email", "is a json"),
        (column("c", "blob"), "text", "is a blob"),
    ],
)
def test_a_kind_that_the_column_has_no_room_for(one: Column, kind: Kind, words: str) -> None:
    found = rules.unfit(one, kind)
    assert found is not None
    assert words in found[0]


@pytest.mark.parametrize("kind", ["varchar", "json", "bigint", "date", "blob", "point", "decimal", "year", "vector"])
@pytest.mark.parametrize("more", [{}, {"nullable": False}, {"unique": True}, {"room": 3}, {"counter": True}])
def test_what_is_offered_instead_can_be_had(kind: str, more: dict[str, Any]) -> None:
    one = column("c", kind, **more)
    for wanted in KINDS:
        if found := rules.unfit(one, wanted):
            offered = found[1].removeprefix("one of: ").split(", ")
            assert "keep" in offered
            assert [each for each in KINDS if rules.unfit(one, each) is None] == offered


@pytest.mark.parametrize(
    ("own", "other", "refused"),
    [
        ("email", "email", False),
        ("email", "hash", True),
        (None, "email", True),
        ("email", None, True),
        ("keep", None, False),
        ("null", "email", False),
    ],
)
def test_both_sides_of_a_foreign_key_are_replaced_alike(own: Kind | None, other: Kind | None, refused: bool) -> None:
    child = column("client", table="login")
    written = {name: kind for name, kind in (("shop.login.client", own), ("shop.client.email", other)) if kind}
    if not refused:
        rules.apply(written, (child, EMAIL), (foreign_key(child, EMAIL),))
        return
    with pytest.raises(ConfigError, match="they would no longer be equal"):
        rules.apply(written, (child, EMAIL), (foreign_key(child, EMAIL),))


def test_sql_that_was_read_is_there() -> None:
    rules.require_known(["view shop.people"], ["view shop.people", "shop.client"])
    with pytest.raises(ConfigError, match=r"there is no view shop\.peple") as refused:
        rules.require_known(["view shop.peple"], ["view shop.people"])
    assert "view shop.people" in (refused.value.hint or "")
