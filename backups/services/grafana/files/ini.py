"""Reads a grafana.ini as Grafana does (Go's ini library, with its default options), and writes values that it reads back.

What the format does where people expect otherwise: a comment begins at any `;` or `#` of a value, with or without a space before
it; single and double quotes count only around the whole value; three double quotes and backticks keep everything, over several
lines too; a backslash at the end goes on in the next line; names tell capitals apart; of equal keys the last counts.

About one case the library's source and a real server (12.4.3) disagree: `"a;b"` is the text between the quotes on the server, and
`"a` by the source. `read` takes the server's word; with `cut_in_quotes` it takes the source's, so that both can be tried.
"""

import re
from collections.abc import Iterator

Settings = dict[tuple[str, str], str]
"""Values by section and key, as they are written: expanders are still in them."""

TOP = "DEFAULT"
"""The section of the keys that come before every section."""

_SPACE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
"""What Go trims; Python's strip() would trim four more."""

_BOMS = (b"\xef\xbb\xbf", b"\xfe\xff", b"\xff\xfe")
_REFERENCE = re.compile(r"%\(([^)]+)\)s")
_DEPTH = 99
_QUOTED = re.compile(rf"""(?:"([^"]*)"|'([^']*)')[{_SPACE}]*(?:[#;].*)?""", re.DOTALL)
"""A value in quotes that has none of their kind in it, and perhaps a comment after it."""


def read(content: bytes, *, cut_in_quotes: bool = False) -> Settings:
    """Read a file. Raises ValueError, with the line's number, where Grafana would refuse it.

    Bytes that are no UTF-8 come as Python's surrogates, so that a value encodes to what the file has.
    """
    mark = next((mark for mark in _BOMS if content.startswith(mark)), b"")
    lines = content[len(mark) :].decode("utf-8", "surrogateescape").split("\n")
    # The line breaks belong to values that span lines; the last piece has none.
    numbered = enumerate([f"{line}\n" for line in lines[:-1]] + lines[-1:], start=1)
    settings: Settings = {}
    section = TOP
    for number, written in numbered:
        line = written.lstrip(_SPACE)
        if not line or line[0] in "#;":
            continue
        if line[0] == "[":
            end = line.rfind("]")
            if end < 0:
                raise ValueError(f"line {number}: the section is not closed")
            section = line[1:end]
            continue
        name, rest = _name(line, number)
        settings[section, name] = _value(rest, number, (following for _, following in numbered), cut_in_quotes=cut_in_quotes)
    return settings


def referred(settings: Settings, section: str, value: str) -> str:
    """Fill in the `%(name)s` of a value: other keys of its section, else of the top. Raises ValueError when there is none."""
    for _ in range(_DEPTH):
        found = _REFERENCE.search(value)
        if found is None:
            break
        other = settings.get((section, found[1]), settings.get((TOP, found[1])))
        if other is None:
            raise ValueError(f"there is no key {found[1]} to put in the place of {found[0]}")
        value = value.replace(found[0], other)
    return value


def refers(value: str) -> bool:
    """Whether a value takes anything from another key."""
    return _REFERENCE.search(value) is not None


def written(value: str) -> str | None:
    """Write a value so that `read` and Grafana read it back as it is; None where the format has no way to."""
    if not value:
        return ""
    for mark in ('"""', "`"):
        text = f"{mark}{value}{mark}"
        try:
            if read(f"[s]\nk = {text}\n[t]\n".encode("utf-8", "surrogateescape")) == {("s", "k"): value}:
                return text
        except ValueError:
            continue
    return None


def _name(line: str, number: int) -> tuple[str, str]:
    """Split a line into the key's name, which may be quoted, and what comes after the delimiter."""
    long = line.startswith('"""') and len(line) > 6
    mark = '"""' if long else line[0] if line[0] in '"`' else ""
    start = len(mark)
    end = line.find(mark, start) if mark else 0
    if end < 0:
        raise ValueError(f"line {number}: the quotes around the key are not closed")
    found = re.compile("[=:]").search(line, end + start)
    if found is None:
        raise ValueError(f"line {number}: there is neither = nor :")
    return line[start : end if mark else found.start()].strip(_SPACE), line[found.end() :]


def _value(rest: str, number: int, following: Iterator[str], *, cut_in_quotes: bool) -> str:
    line = rest.lstrip(_SPACE)
    mark = '"""' if line.startswith('"""') and len(line) > 3 else "`" if line.startswith("`") else ""
    if mark:
        end = line.rfind(mark, len(mark))
        return line[len(mark) : end] if end >= 0 else _lines(line[len(mark) :], mark, number, following)
    line = line.strip(_SPACE)
    if line.endswith("\\"):
        return _continued(line[:-1], following)
    if not cut_in_quotes and (quoted := _QUOTED.fullmatch(line)):
        return quoted[1] or quoted[2] or ""
    line = re.split("[#;]", line, maxsplit=1)[0].strip(_SPACE)
    quoted = _QUOTED.fullmatch(line)
    return (quoted[1] or quoted[2] or "") if quoted else line


def _lines(value: str, mark: str, number: int, following: Iterator[str]) -> str:
    """Go on until a line that has the mark; what is after its last one is no more the value."""
    for line in following:
        end = line.rfind(mark)
        if end >= 0:
            return value + line[:end]
        value += line
    raise ValueError(f"line {number}: the value that begins with {mark} is not closed")


def _continued(value: str, following: Iterator[str]) -> str:
    """Go on through lines that end with a backslash; quotes and comments in them are part of the value."""
    for line in following:
        more = line.strip(_SPACE)
        value += more
        if not more or not value.endswith("\\"):
            break
        value = value[:-1]
    return value
