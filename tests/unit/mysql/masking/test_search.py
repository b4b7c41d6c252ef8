"""The search of the finished files: in whatever form an original is there, and what cannot be told from ordinary words."""

import base64
import itertools
import json
import random
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backups.services.masked import Masks, NotClean, Ruled
from backups.services.mysql.masking import pools, remains, samples, search
from backups.services.mysql.masking.columns import Column
from backups.services.mysql.masking.remains import Remains, ordinary
from tests.unit.mysql.masking.tables import column

VALUE = "Ærlig Quastenflosser"
FORMS: dict[str, Callable[[str], bytes]] = {
    "utf8mb4": str.encode,
    "latin1": lambda text: text.encode("latin-1"),
    "utf16": lambda text: text.encode("utf-16-be"),
    "utf16le": lambda text: text.encode("utf-16-le"),
    "utf32": lambda text: text.encode("utf-32-be"),
    "lower case": lambda text: text.lower().encode(),
    "hexadecimal": lambda text: text.encode().hex().encode(),
    "capital hexadecimal": lambda text: text.encode().hex().upper().encode(),
    "JSON": lambda text: json.dumps({"a": text}).encode(),
    **{
        f"base64 at {before}": lambda text, before=before: base64.b64encode(b"x" * before + text.encode() + b"yy")
        for before in range(3)
    },  # type: ignore[misc]
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("before", [0, 7, search._CHUNK - 9])
def test_each_form_is_found_also_across_the_ends_of_what_is_read(tmp_path: Path, form: str, before: int) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "client.ibd").write_bytes(b"\x01" * before + FORMS[form](VALUE) + b"\x02" * 5)
    (tmp_path / "other.ibd").write_bytes(b"Quastenflos ser" * 99)
    found = search.Patterns([VALUE, "something else"]).search(tmp_path)
    assert found.where == {VALUE: {"deep/client.ibd"}}
    assert (found.files, found.bytes) == (2, sum(path.stat().st_size for path in tmp_path.rglob("*.ibd")))


def test_a_long_value_is_found_by_its_parts() -> None:
    long = " ".join(f"word{number}" for number in range(40))
    for cut in (long[:30], long[len(long) // 2 - 15 : len(long) // 2 + 15], long[-30:]):
        assert any(form in cut.encode() for form in search.forms(long))


@given(st.lists(st.text(min_size=3, max_size=20), max_size=5), st.binary(max_size=300))
@settings(max_examples=40)
def test_what_is_found_is_what_is_there(tmp_path_factory: pytest.TempPathFactory, values: list[str], content: bytes) -> None:
    directory = tmp_path_factory.mktemp("files")
    content += values[0].encode("utf-8", "surrogatepass") if values else b""
    (directory / "file").write_bytes(content)
    expected = {value for value in values if any(form in content for form in search.forms(value))}
    assert set(search.Patterns(values).search(directory).where) == expected


def test_values_that_begin_alike_or_are_written_alike_are_told_apart(tmp_path: Path) -> None:
    values = ["Customer", "customer", "customer-1", "customer-12", "customer-2"]
    (tmp_path / "file").write_bytes(b"-- customer-12 --")
    assert set(search.Patterns(values).search(tmp_path).where) == {"Customer", "customer", "customer-1", "customer-12"}


def test_nothing_to_search_for(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(zlib.compress(b"x"))
    assert search.Patterns([]).search(tmp_path).where == {}


@pytest.mark.parametrize(
    "value", ["short", "aaaaaaaa", "ababab", "abcdefgh", "aBcDeFgH", "Anna Schmidt", "  Claudia  ", "1234567"]
)
def test_what_cannot_be_told_from_ordinary_words(value: str) -> None:
    assert ordinary(value, pools.pools("de"))


@pytest.mark.parametrize("value", [VALUE, "anna.schmidt@firma.cz", "+49 30 901820123", "Anna Quastenflosser"])
def test_what_can_be_searched_for(value: str) -> None:
    assert not ordinary(value, pools.pools("de"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Kunigunde", ["Kunigunde"]),
        (
            '{"a_long_key": "Anna Quastenflosser", "b": ["+49 30 90182", "an_enumeration"]}',
            ["Anna Quastenflosser", "+49 30 90182"],
        ),
        ('["Zwetschgenweg 17\\u00e4", "\\"quoted\\" text"]', ["Zwetschgenweg 17ä", '"quoted" text']),
        ('{"cut": "in the middle of it', []),
        ('["short", 1234567, {"key": true}]', []),
        ('["Müllerin"]', ["Müllerin"]),
        ('{"anna@firma.cz": 1, "Annabel": {"a_long_key" : "Charlotte"}}', ["anna@firma.cz", "Annabel", "Charlotte"]),
    ],
)
def test_of_json_the_texts_are_searched_for_and_not_the_keys_of_programs(value: str, expected: list[str]) -> None:
    assert samples.searchable(value) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), (7, "7"), ("ä".encode(), "ä"), (b"x@y.cz \xc3", "x@y.cz "), (b"\xff\x00 x@y.cz more of it", "")],
)
def test_bytes_that_are_no_text_say_nothing(value: object, text: str) -> None:
    assert samples._readable(value) == text


@pytest.mark.parametrize("wanted", [40, 2000])
@pytest.mark.parametrize("times", [0.5, 1.0, 1.3, 3, 50, 1000])
def test_a_sample_is_of_all_of_a_table(wanted: int, times: float) -> None:
    number = int(wanted * times)
    share, most = samples.spread(number, wanted)
    chance = random.Random(7)
    taken = list(itertools.islice((at for at in range(number) if chance.random() < share), most))
    assert min(number, wanted) * 0.6 <= len(taken) <= most
    assert taken[-1] >= number * 0.85
    even = samples.evenly([str(at) for at in taken], wanted)
    assert len(even) == len(set(even)) == min(len(taken), wanted)
    assert int(even[-1]) >= number * 0.85


def test_of_nothing_nothing_is_taken() -> None:
    assert samples.evenly([], 20) == []


EMAIL, KEPT, OTHER = column("email"), column("kept"), column("x9", table="odd")


class Holding:
    """Columns as a session would tell that they hold a value."""

    def __init__(self, *columns: Column) -> None:
        self.columns = columns

    def __call__(self, session: object, columns: list[Column], value: str) -> Column | None:
        return next((each for each in columns if each in self.columns), None)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Remains]:
    """What is searched for, where the columns `holding` hold it, too."""

    def make(*holding: Column, read: tuple[str, ...] = ()) -> Remains:
        monkeypatch.setattr(samples, "originals", lambda *_: {EMAIL: ["anna@firma.cz", "x"]})
        monkeypatch.setattr(remains.samples, "contain", Holding(*holding))
        monkeypatch.setattr(
            samples, "content", lambda _, columns: (b"of anna@firma.cz and" if each in holding else b"" for each in columns)
        )
        chosen = {EMAIL: Ruled(EMAIL.subject, "email", "x"), KEPT: Ruled(KEPT.subject, "keep", "x")}
        masks = Masks({}, b"k" * 32, definitions=tuple(read))
        return Remains.of(None, [EMAIL, KEPT, OTHER], chosen, masks, dict.fromkeys(read, "DEFAULT 'anna@firma.cz'"), 1)  # type: ignore[arg-type]

    return make


def test_files_without_originals(made: Callable[..., Remains], tmp_path: Path) -> None:
    (tmp_path / "client.ibd").write_bytes(b"other@example.com")
    found = made().search(None, tmp_path, ["shop.packed"])  # type: ignore[arg-type]
    assert (found.values, found.left_out, found.kept) == (1, 1, 0)
    assert found.unsearched == ("the files of compressed tables: shop.packed",)


@pytest.mark.parametrize(
    ("holding", "words"), [((), "in client.ibd; nothing was handed over"), ((OTHER,), "shop.odd.x9, which no rule names")]
)
def test_an_original_that_nobody_keeps(
    made: Callable[..., Remains], tmp_path: Path, holding: tuple[Column, ...], words: str
) -> None:
    (tmp_path / "client.ibd").write_bytes(b"-- anna@firma.cz --")
    with pytest.raises(NotClean) as refused:
        made(*holding).search(None, tmp_path, ())  # type: ignore[arg-type]
    assert words in refused.value.message
    assert "anna" not in str(refused.value), "the value itself is told to nobody"


def test_an_original_that_a_person_keeps(made: Callable[..., Remains], tmp_path: Path) -> None:
    (tmp_path / "client.ibd").write_bytes(b"-- anna@firma.cz --")
    assert made(KEPT).search(None, tmp_path, ()).kept == 1  # type: ignore[arg-type]
    assert made(read=("shop.client",)).search(None, tmp_path, ()).kept == 1  # type: ignore[arg-type]


def test_what_is_kept_is_read_once_however_many_values_are_found() -> None:
    """A column of a large table that is kept took a pass for each of them."""
    values = [f"customer-{at:05}" for at in range(5000)]
    patterns, passes = search.Patterns(values), []

    def content() -> Iterator[bytes]:
        for at in range(0, 4000, 100):
            passes.append(at)
            yield b"\0".join(value.encode() for value in values[at : at + 100])

    assert patterns.within(content(), values) == set(values[:4000])
    assert passes == list(range(0, 4000, 100))
    passes.clear()
    assert patterns.within(content(), values[100:200]) == set(values[100:200])
    assert passes == [0, 100], "it ends once all are found"
    assert patterns.within(content(), ()) == set()


def test_what_an_empty_server_holds_is_left_out(made: Callable[..., Remains], tmp_path: Path) -> None:
    (tmp_path / "mysql.ibd").write_bytes(b"anna@firma.cz")
    found = made()
    found.leave_out(tmp_path)
    assert found.search(None, tmp_path, ()).left_out == 2  # type: ignore[arg-type]
