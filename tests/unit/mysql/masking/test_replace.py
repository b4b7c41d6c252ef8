"""Replacements: keyed, repeatable, equal for equal values, apart where a unique key tells them apart, and as the column takes them."""

import json
import re
import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backups.errors import ConfigError
from backups.services.masked import Kind, Masks, Ruled
from backups.services.mysql.masking import pools
from backups.services.mysql.masking.columns import Column, ForeignKey
from backups.services.mysql.masking.digest import Digests, Permutation, fold
from backups.services.mysql.masking.fitting import LEAST, LEAST_UNIQUE
from backups.services.mysql.masking.replace import Replace, Replacer
from tests.unit.mysql.masking.tables import column, foreign_key

KEY, OTHER = b"k" * 32, b"o" * 32
TEXT_KINDS: tuple[Kind, ...] = ("name", "email", "phone", "text", "hash")
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60).filter(lambda text: text.strip(" ") != "")
examples = settings(max_examples=60)


def replacers(*columns: tuple[Column, Kind], key: bytes = KEY, keys: tuple[ForeignKey, ...] = ()) -> list[Replace]:
    chosen = {each: Ruled(each.subject, kind, each.subject) for each, kind in columns}
    replacer = Replacer(Masks({}, key), chosen, keys)
    return [replacer.of(each, kind) for each, kind in columns]


def one(kind: Kind, key: bytes = KEY, **more: object) -> Callable[[str], str]:
    """What a single column of text makes of a text."""
    (replace,) = replacers((column("c", **more), kind), key=key)
    return lambda text: replace(text.encode()).decode()[1:-1]


@pytest.mark.parametrize("kind", TEXT_KINDS)
@given(text=texts)
@examples
def test_the_same_under_a_key_and_another_under_another(kind: Kind, text: str) -> None:
    first, again, other = one(kind, unique=True), one(kind, unique=True), one(kind, OTHER, unique=True)
    assert first(text) == again(text)
    assert first(text) != other(text)


@pytest.mark.parametrize(
    ("kind", "text", "made"),
    [
        ("hash", "Anna", "DsBdwzWwGFrNRZfgxzrfBwzGmjbtkk"),
        ("hash", "ANNA", "DSbdwZwWGfrNRzfgXZRfBWzgMJBTKK"),
        ("hash", "straße", "KswsvHVnPjCMtKbvCWZsVkXNPDDbjb"),
        ("phone", "+49 (30) 12-34", "+999582947945284"),
        ("phone", "+49301234", "+999582947945284"),
        ("phone", "١٢٣ 4", "+999110085814561"),
    ],
)
def test_no_other_version_masks_otherwise(kind: Kind, text: str, made: str) -> None:
    """What clones of other months hold; names are not among it, which are those of the installed mimesis."""
    assert one(kind)(text) == made


def test_nor_addresses_numbers_days_or_bytes() -> None:
    assert one("email", room=24)("anna@Firma.example") == "McSPJthxBMSF@a.invalid"
    assert one("email", room=30)("anna@firma.example") == "mcspjthxbmsfrkd@example.com"
    assert one("phone", unique=True)("+49 (30) 12-34") == "+999893628774885423"
    of = [
        ("int", "hash", b"4711"),
        ("bigint", "hash", b"-9000000000"),
        ("bigint", "phone", b"4930"),
        ("date", "hash", b"1980-01-01"),
    ]
    made = [b"231017273", b"-2742539921313804902", b"999269854486676", b"'2002-04-28'"]
    assert [replacers((column("n", kind), rule))[0](value) for kind, rule, value in of] == made  # type: ignore[arg-type]
    (replace,) = replacers((column("b", "varbinary", room=9), "hash"))
    assert replace(b"\0\xff") == b"X'08cb5ad39111a8f2ef'"


@pytest.mark.parametrize("unique", [False, True])
@pytest.mark.parametrize("kind", TEXT_KINDS)
@given(text=texts, more=st.integers(0, 80))
@examples
def test_it_fits_the_column_in_letters_that_every_character_set_has(kind: Kind, unique: bool, text: str, more: int) -> None:
    least = (LEAST_UNIQUE if unique else LEAST)[kind]
    made = one(kind, unique=unique, room=least + more)(text)
    assert 0 < len(made) <= least + more
    assert re.fullmatch(r"[A-Za-z0-9 .@+]*", made)
    assert made == made.strip()


@pytest.mark.parametrize("kind", TEXT_KINDS)
@given(text=texts)
@examples
def test_texts_that_a_collation_calls_equal_stay_equal(kind: Kind, text: str) -> None:
    make = one(kind, unique=True)
    for same in (text.upper(), text.lower(), f"{text}  ", text.swapcase()):
        if fold(same) == fold(text):
            assert fold(make(same)) == fold(make(text))


@pytest.mark.parametrize("kind", TEXT_KINDS)
def test_what_differs_in_case_differs_where_case_counts(kind: Kind) -> None:
    make = one(kind, unique=True)
    made = {make(text) for text in ("anna", "Anna", "ANNA", "aNna", "annA")}
    assert len(made) == (1 if kind == "phone" else 5)
    assert len({each.lower() for each in made}) == 1


@pytest.mark.parametrize("kind", TEXT_KINDS)
@pytest.mark.parametrize("room", [0, 10, 200])
def test_no_two_of_many_in_a_unique_key_are_equal(kind: Kind, room: int) -> None:
    make = one(kind, unique=True, room=LEAST_UNIQUE[kind] + room)
    assert len({make(f"client {number}").lower() for number in range(3000)}) == 3000


@given(st.sets(st.integers(0, 2**16 - 1), min_size=2, max_size=200), st.sampled_from([7, 8, 15, 16, 31, 64]))
@examples
def test_numbers_are_mapped_to_one_another(numbers: set[int], bits: int) -> None:
    numbers = {number % 2**bits for number in numbers}
    made = {Permutation(Digests(KEY), bits)(number) for number in numbers}
    assert len(made) == len(numbers)
    assert all(0 <= number < 2**bits for number in made)


def test_every_number_of_a_small_type_is_another_ones() -> None:
    (replace,) = replacers((column("n", "tinyint"), "hash"))
    assert sorted(int(replace(b"%d" % number)) for number in range(-128, 128)) == list(range(-128, 128))


@given(st.integers(0, 2**31 - 1), st.lists(st.integers(-(2**63), 2**63 - 1), max_size=9))
@settings(max_examples=30)
def test_a_number_is_the_same_in_every_type_that_is_joined(number: int, others: list[int]) -> None:
    """A BIGINT that refers to an INT without a foreign key does so afterwards."""
    types = (column("n", "int"), column("n", "bigint"))
    (made,) = {replace(b"%d" % number) for replace in replacers(*((each, "hash") for each in types))}
    assert 0 <= int(made) < 2**31
    (signed,) = replacers((types[1], "hash"))
    numbers = {number, *others}
    found = {int(signed(b"%d" % each)) for each in numbers}
    assert len(found) == len(numbers)
    assert all(-(2**63) <= each < 2**63 for each in found)


@pytest.mark.parametrize(("kind", "bits"), [("tinyint", 8), ("int", 32), ("bigint", 64)])
def test_the_largest_numbers_fit(kind: str, bits: int) -> None:
    (replace,) = replacers((column("n", kind), "hash"))
    assert all(2 ** (bits - 1) <= int(replace(b"%d" % (2**bits - at))) < 2**bits for at in range(1, 9))


def test_null_stays_null_and_nothing_stays_nothing() -> None:
    made = replacers(*((column(kind), kind) for kind in TEXT_KINDS), (column("b", "varbinary"), "hash"))
    assert {replace(None) for replace in made} == {b"NULL"}
    assert [replace(b"") for replace in made] == [b"''"] * len(TEXT_KINDS) + [b"X''"]
    assert one("email", unique=True)("   ") == ""


def test_the_same_client_has_the_same_name_in_every_column() -> None:
    full, first, last, again = replacers(
        (column("name"), "name"),
        (column("given_name"), "name"),
        (column("nachname"), "name"),
        (column("surname", table="b", charset="latin1"), "name"),
    )
    assert full(b"Anna Schmidt") == b"'%s %s'" % (first(b"Anna")[1:-1], last(b"Schmidt")[1:-1])
    assert last(b"Schmidt") == again(b"SCHMIDT ")
    assert first("Ánna".encode()) == first(b"anna")


def test_both_sides_of_a_foreign_key_get_what_the_shorter_one_takes() -> None:
    own, other = column("client", table="login", room=30), column("email", room=200, unique=True)
    apart = replacers((own, "email"), (other, "email"))
    joined = replacers((own, "email"), (other, "email"), keys=(foreign_key(own, other),))
    assert len({each(b"a@b.cz") for each in apart}) == 2
    assert len({each(b"a@b.cz") for each in joined}) == 1


def test_what_is_sent_there_arrives_nowhere() -> None:
    assert {one("email", room=room)("anna@firma.cz").partition("@")[2] for room in (22, 30, 90)} == {"a.invalid", "example.com"}
    assert re.fullmatch(r"\+999\d{12}", one("phone")("+49 30 123456"))
    assert one("phone")("+49 30 123456") == one("phone")("+49(30)12-34-56")


leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9)


@given(
    st.recursive(
        leaves,
        lambda inner: st.lists(inner) | st.dictionaries(st.from_regex(r"[a-z_]{1,5}", fullmatch=True), inner),
        max_leaves=6,
    )
)
@settings(max_examples=30)
def test_json_keeps_its_shape(document: object) -> None:
    (replace,) = replacers((column("j", "json"), "text"))
    made = replace(json.dumps(document).encode())
    assert made.startswith(b"_utf8mb4 X'")
    assert _shape(json.loads(bytes.fromhex(made.split(b"'")[1].decode()))) == _shape(document)


def _shape(document: object) -> object:
    if isinstance(document, dict):
        return {key: _shape(part) for key, part in document.items()}
    if isinstance(document, list):
        return [_shape(part) for part in document]
    if isinstance(document, bool) or document is None:
        return document
    return "a text" if isinstance(document, str) else "a number"


def test_json_in_a_text_stays_json() -> None:
    made = one("text")('{"name": "Anna", "n": [1, true]}')
    assert b"Anna" not in bytes.fromhex(made.partition("'")[2])
    assert json.loads(bytes.fromhex(made.partition("'")[2]))["n"][1] is True


@pytest.mark.parametrize(
    "key", ["anna.schmidt@firma.cz", "+49 30 123456", "4711", "Anna", "Quastenflosser, Anna", "10.1.2.3", "ä"]
)
@pytest.mark.parametrize("kind", ["json", "text"])
def test_a_key_of_json_that_no_program_has_chosen_is_replaced(kind: str, key: str) -> None:
    (replace,) = replacers((column("j", kind, room=999), "text"))
    document = {key: 1, "max": {"x-$y": 2, key: []}}
    made = json.loads(bytes.fromhex(replace(json.dumps(document).encode()).split(b"'")[1].decode()))
    (other,) = set(made) - {"max"}
    assert made["max"].keys() == {"x-$y", other}
    assert key not in json.dumps(made, ensure_ascii=False)


@pytest.mark.parametrize("depth", [100, 500, 1500, 100_000])
def test_json_in_a_text_may_be_deeper_than_anybody_looks(depth: int) -> None:
    assert "@" not in one("text", room=1 << 20)("[" * depth + '"a@b.cz"' + "]" * depth)


def test_days_bytes_and_points() -> None:
    day, stamp, fixed, various, point = replacers(
        (column("d", "date"), "hash"),
        (column("t", "timestamp"), "hash"),
        (column("b", "binary", room=16), "hash"),
        (column("v", "varbinary", room=9), "hash"),
        (column("p", "point"), "hash"),
    )
    assert re.fullmatch(rb"'(19[3-9]\d|200\d)-\d\d-\d\d'", day(b"1980-01-01"))
    assert re.fullmatch(rb"'(19[7-9]\d|200\d)-\d\d-\d\d'", stamp(b"1980-01-01 00:00:00"))
    assert len(fixed(b"x" * 16)) == 3 + 32
    assert len(various(b"x")) == 3 + 18
    made = bytes.fromhex(point(struct.pack("<IBI2d", 4326, 1, 1, 13.4, 52.5))[2:-1].decode())
    srid, order, kind, x, y = struct.unpack("<IBI2d", made)
    assert (srid, order, kind) == (4326, 1, 1)
    assert abs(x) <= 80 >= abs(y)


def test_a_locale_is_known_and_has_letters() -> None:
    assert len(pools.pools("de").given) > 100
    for locale in ("xx", "ja"):
        with pytest.raises(ConfigError, match="locale"):
            pools.pools(locale)
