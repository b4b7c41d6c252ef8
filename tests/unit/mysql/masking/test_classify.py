"""What looks personal: by a column's name, by its values, by its type, and in SQL."""

import pytest

from backups.services.masked import Kind, Ruled
from backups.services.mysql.masking import classify, content, vocabulary
from backups.services.mysql.masking.columns import Column
from backups.services.mysql.masking.rules import unfit
from tests.unit.mysql.masking.tables import column


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(
            (name, "name")
            for name in ("name", "Vorname", "last_name", "contactName", "prénom", "APELLIDO", "kundenname", "cognome")
        ),
        *((name, "email") for name in ("email", "user_email", "EMailAdresse", "mail2", "correo")),
        *((name, "phone") for name in ("phone", "kundentelefon", "mobile_number", "Tel", "homePhone")),
        *((name, "text") for name in ("street", "Straße", "city", "PLZ", "billing_address", "note", "Bemerkung", "plain_text")),
        *(
            (name, "hash")
            for name in ("born", "birthDate", "iban", "ip_address", "IPAddress", "password", "passwort_hash", "apiToken")
        ),
        *((name, "hash") for name in ("ssn", "steuer_id", "lat", "user_agent", "sessionId", "username", "gender")),
    ],
)
def test_a_name_that_says_it(name: str, kind: Kind) -> None:
    found = vocabulary.meaning(name)
    assert found is not None
    assert found[1] == kind


@pytest.mark.parametrize(
    "name",
    [
        "id",
        "client_id",
        "price",
        "ship",
        "status",
        "created_at",
        "amount",
        "stock",
        "title",
        "recipe",
        "zipped",
        "tabled",
        "version",
        "photo",
        "kind",
    ],
)
def test_a_name_that_says_nothing(name: str) -> None:
    assert vocabulary.meaning(name) is None


@pytest.mark.parametrize(
    ("values", "what", "kind"),
    [
        (["a", "b", "anna@firma.cz"], "1 of 3 values looked at hold an e-mail address", "email"),
        (["please write to anna@firma.cz soon"], "an e-mail address", "text"),
        (["DE89 3704 0044 0532 0130 00"], "a bank account", "hash"),
        (["GB82WEST12345698765432", "x"], "a bank account", "hash"),
        (["4111 1111 1111 1111"], "a payment card", "hash"),
        (["5500-0000-0000-0004"], "a payment card", "hash"),
        (["+49 30 901820123"], "a telephone number", "phone"),
        (["0171/39200 11"], "a telephone number", "phone"),
        (["192.0.2.7"], "an address of the internet", "hash"),
        (["2001:db8::1"], "an address of the internet", "hash"),
        (["Anna Schmidt", "Bohumil"], "2 of 2 values looked at hold a first name", "name"),
        (["Jiří Novák", "Ørjan", "x 17"], "a first name", "name"),
        (["she came in and said that it was late"], "running text", "text"),
    ],
)
def test_values_that_say_it(values: list[str], what: str, kind: Kind) -> None:
    found = content.meaning(values)
    assert found is not None
    assert what in found[0]
    assert found[1] == kind


@pytest.mark.parametrize(
    "values",
    [
        [],
        [""],
        ["open", "paid"],
        ["2026-11-30 21:00:00"],
        ["12:30:45", "1.2.3"],
        ["127.0.0.1", "::"],
        ["DE89370400440532013001"],
        ["4111 1111 1111 1112"],
        ["1234567890123456", *["1234567890123457"] * 20],
        ["3.14159265358979"],
        ["f47ac10b-58cc-4372-a567-0e02b2c3d479"],
        ["EUR", "A-1043", "x@y"],
        ["Wooden table"],
    ],
)
def test_values_that_say_nothing(values: list[str]) -> None:
    assert content.meaning(values) is None


def named(one: Column, *values: str) -> list[tuple[str, Kind | None]]:
    return [(each.why, each.suggestion) for each in classify.unruled([one], {}, {one: values})]


@pytest.mark.parametrize(
    ("one", "why", "kind"),
    [
        (column("x", "longtext"), "a longtext may hold anything", "text"),
        (column("x", "json"), "a json may hold anything", "text"),
        (column("x", "blob", room=65535), "a blob may hold anything", "null"),
        (column("x", "blob", room=65535, nullable=False), "a blob may hold anything", "hash"),
        (column("x", "point"), "a place on Earth", "hash"),
        (column("email", "int"), "e-mail", "hash"),
        (column("born", "date"), "a birth", "hash"),
        (column("born", "year"), "a birth", "null"),
        (column("age", "decimal", nullable=False), "a birth", "keep"),
        (column("name", room=2), "a name", "text"),
        (column("x", "inet6"), "an address of the internet", "null"),
        (column("x", "geomcollection"), "a place on Earth", "null"),
        (column("x", "multilinestring", nullable=False), "a place on Earth", "keep"),
        (column("x", "vector"), "a vector may hold anything", "null"),
        (column("x", "a_type_of_tomorrow"), "a a_type_of_tomorrow may hold anything", "null"),
    ],
)
def test_a_column_that_is_named_with_what_it_can_have(one: Column, why: str, kind: Kind) -> None:
    ((found, suggested),) = named(one)
    assert why in found
    assert suggested == kind
    assert unfit(one, kind) is None


@pytest.mark.parametrize(
    "one",
    [
        column("name", "int"),
        column("user", "bigint"),
        column("x"),
        column("x", "binary", room=16),
        column("name", generated=True),
    ],
)
def test_a_column_that_is_not_named(one: Column) -> None:
    assert named(one) == []


def test_a_column_in_a_rule_is_not_named() -> None:
    one = column("email")
    assert list(classify.unruled([one], {one: Ruled("shop.client.email", "keep", "*.email")}, {})) == []


@pytest.mark.parametrize("rule", ["*", "shop.client.*", "shop.*.*", "*.e*", "shop.client.?mail"])
def test_what_a_rule_keeps_without_its_name_is_named_where_it_looks_personal(rule: str) -> None:
    """A column may be newer than the rule; a type that may hold anything is no news."""
    email, plain, text = column("email"), column("x"), column("y", "longtext")
    chosen = {each: Ruled(each.subject, "keep", rule) for each in (email, plain, text)}
    (by_name,) = classify.unruled(list(chosen), chosen, {})
    assert (by_name.subject, by_name.suggestion) == ("shop.client.email", "email")
    assert by_name.why == f"by its name it is an e-mail address, and {rule}: keep does not name it"
    found = classify.unruled([plain, text], chosen, {plain: ["+49 30 123456 78"], text: ["anna@firma.cz"]})
    assert [each.subject for each in found] == ["shop.client.x", "shop.client.y"]
    masked = {each: Ruled(each.subject, "text", rule) for each in (email, plain, text)}
    assert list(classify.unruled(list(masked), masked, {plain: ["+49 30 123456 78"]})) == []


def test_sql_that_holds_something_personal_is_named_until_it_was_read() -> None:
    sql = {
        "shop.a": "CREATE TABLE `a` (`e` varchar(9) DEFAULT 'anna@firma.cz')",
        "view shop.b": "CREATE VIEW b AS SELECT 1 /* ask +49 30 901820123 */",
        "trigger shop.c": "CREATE TRIGGER c\n-- anna@firma.cz wrote it\nBEFORE INSERT",
        "shop.d": "CREATE TABLE `anna@firma.cz` (`a` int DEFAULT '5' COMMENT 'it''s \\'fine\\'')",
    }
    assert [each.subject for each in classify.unread(sql, ())] == ["shop.a", "view shop.b", "trigger shop.c"]
    assert [each.subject for each in classify.unread(sql, ("shop.a", "trigger shop.c"))] == ["view shop.b"]
