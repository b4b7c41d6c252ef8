"""grafana.ini is read as Grafana reads it: a table of the format's rules, and what is written is read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backups.services.grafana.files import ini

RULES = [
    # What stands after `secret_key =`, and what Grafana reads. The first eleven were seen on a real server (12.4.3).
    ("plain", "abc", "abc"),
    ("nothing", "", ""),
    ("a comment without a space", "abc;def", "abc"),
    ("a comment after a space", "abcdef ; note", "abcdef"),
    ("a comment sign in double quotes", '"abc;d#ef"', "abc;d#ef"),
    ("a dollar sign", "$ecret", "$ecret"),
    ("three double quotes", '"""a;b#c"""', "a;b#c"),
    ("backticks", "`a;b#c`", "a;b#c"),
    ("single quotes", "'abc'", "abc"),
    ("two percent signs", "a%%b", "a%%b"),
    ("a backslash within", "a\\b", "a\\b"),
    ("double quotes", '"abc"', "abc"),
    ("a comment after quotes", '"a;b" # note', "a;b"),
    ("a comment sign in single quotes", "'a#b'", "a#b"),
    ("the other quotes within", "'a\"b'", 'a"b'),
    ("quotes that are not around everything", '"a" b', '"a" b'),
    ("quotes at the end only", 'ab"', 'ab"'),
    ("quotes within", 'a"b"c', 'a"b"c'),
    ("the same quotes within quotes", '"a"b"', '"a"b"'),
    ("quotes that do not match", "\"abc'", "\"abc'"),
    ("nothing in quotes", '""', ""),
    ("nothing in three quotes", '""""""', ""),
    ("quotes in three quotes", '"""a"b"""', 'a"b'),
    ("text after backticks", "`ab` rest", "ab"),
    ("spaces around", "  a b  ", "a b"),
    ("spaces in quotes", '" a "', " a "),
    ("a hash", "a#b", "a"),
    ("only a comment", "; nothing", ""),
    ("the delimiters", "a=b:c", "a=b:c"),
    ("brackets", "[a]", "[a]"),
    ("a backslash at the end", "abc\\\n  def", "abcdef"),
    ("two backslashes at the ends", "a\\\nb\\\nc", "abc"),
    ("a continued line with a comment sign", "a\\\nb;c", "ab;c"),
    ("a continuation that is empty", "abc\\\n\nrest = x", "abc"),
    ("several lines in three quotes", '"""a\nb;c\n"""', "a\nb;c\n"),
    ("several lines in backticks", "`a\n b`", "a\n b"),
    ("a space that is none in ASCII", "\u00a0abc\u00a0", "abc"),
    ("letters beyond ASCII", "schlüssel", "schlüssel"),
]


@pytest.mark.parametrize(("text", "value"), [rule[1:] for rule in RULES], ids=[rule[0] for rule in RULES])
@pytest.mark.parametrize("end", ["\n", "\r\n", ""], ids=["LF", "CRLF", "no end"])
def test_a_value_is_read_as_grafana_reads_it(text: str, value: str, end: str) -> None:
    lines = text.replace("\n", end or "\n")
    read = ini.read(f"[security]{end or chr(10)}secret_key = {lines}{end}".encode())

    assert read["security", "secret_key"] == value.replace("\n", end or "\n")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[security]\nsecret_key=a\n", "a"),
        ("[security]\nsecret_key: a\n", "a"),
        ("[security]\n   secret_key   =a\n", "a"),
        ('[security]\n"secret_key" = a\n', "a"),
        ("[security]\n`secret_key` = a\n", "a"),
        ('[security]\n"""secret_key""" = a\n', "a"),
        ("[security] ; the section\nsecret_key = a\n", "a"),
        ("[security]\nsecret_key = a\n[other]\nsecret_key = b\n", "a"),
        ("[security]\nsecret_key = a\n[server]\n[security]\nadmin_user = b\n", "a"),
        ("[security]\nsecret_key = a\n[security]\nsecret_key = b\n", "b"),
        ("[security]\nsecret_key = a\nsecret_key = b\n", "b"),
        ("[security]\nsecret_key = a\nsecret_key =\n", ""),
        ("[security]\n;secret_key = a\n#secret_key = b\n", None),
        ("secret_key = a\n[security]\n", None),
        ("[Security]\nsecret_key = a\n", None),
        ("[security]\nSecret_Key = a\n", None),
        ("[ security ]\nsecret_key = a\n", None),
        ("[security]\n\n\n  \nsecret_key = a", "a"),
    ],
)
def test_sections_and_keys(text: str, value: str | None) -> None:
    assert ini.read(text.encode()).get(("security", "secret_key")) == value


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b""])
def test_a_mark_of_the_encoding_is_passed_over(mark: bytes) -> None:
    assert ini.read(mark + b"[security]\nsecret_key = a\n") == {("security", "secret_key"): "a"}


def test_keys_before_every_section_are_of_the_top() -> None:
    assert ini.read(b"app_mode = production\n[DEFAULT]\ninstance_name = a\n") == {
        (ini.TOP, "app_mode"): "production",
        (ini.TOP, "instance_name"): "a",
    }


def test_bytes_that_are_no_text_are_kept() -> None:
    value = ini.read(b"[security]\nsecret_key = \xff\xfe\n")["security", "secret_key"]

    assert value.encode("utf-8", "surrogateescape") == b"\xff\xfe"


def test_the_second_reading_cuts_within_quotes() -> None:
    """As the library's source has it; the key that opens the secrets decides which of the two it was."""
    assert ini.read(b'k = "a;b"', cut_in_quotes=True) == {(ini.TOP, "k"): '"a'}
    assert ini.read(b'k = "ab" ; c', cut_in_quotes=True) == {(ini.TOP, "k"): "ab"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[security\nsecret_key = a\n", "line 1: the section is not closed"),
        ("[security]\nsecret_key\n", "line 2: there is neither = nor :"),
        ('[security]\nk = """a\nb\n', "line 2: the value that begins with"),
        ('[security]\n"k = a\n', "line 2: the quotes around the key are not closed"),
    ],
)
def test_what_grafana_refuses_is_told_with_its_line(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        ini.read(text.encode())


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a%(other)sb", "axb"), ("%(top)s", "y"), ("%(twice)s", "x"), ("100%", "100%"), ("%%(other)s", "%x")],
)
def test_other_keys_are_filled_in(value: str, expected: str) -> None:
    settings = {("security", "other"): "x", ("security", "twice"): "%(other)s", (ini.TOP, "top"): "y", (ini.TOP, "other"): "z"}

    assert ini.referred(settings, "security", value) == expected


def test_another_key_that_is_not_there_is_told() -> None:
    with pytest.raises(ValueError, match=r"no key nowhere to put in the place of %\(nowhere\)s"):
        ini.referred({}, "security", "a%(nowhere)s")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_what_is_written_is_read_back(value: str) -> None:
    written = ini.written(value)

    if written is None:
        assert '"""' in value or "`" in value or value.endswith('"')
    else:
        assert ini.read(f"[s]\nk = {written}\n[t]\nk = other\n".encode())["s", "k"] == value
