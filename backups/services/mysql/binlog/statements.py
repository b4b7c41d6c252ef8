"""Tells why a logged statement is one that no copy can run: it needs a file, a key or an engine that the log does not hold.

Only statements that define tables, tablespaces, databases, loadable functions or the instance can be such; what is a literal, a
quoted name or a comment in them does not count. In doubt the answer is a reason: that costs a full backup, never a row.
"""

import re
import struct
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from pymysql.charset import charset_by_id

_HARMLESS = re.compile(rb"\s*(?!create\b|alter\b)[a-z]", re.IGNORECASE)
"""How every other statement begins: BEGIN, and the rows of a log in statements."""
_ANSI_QUOTES, _NO_BACKSLASH_ESCAPES = 1 << 2, 1 << 20
_SQL_MODE, _CHARACTER_SET, _DATABASES, _TABLE_ENCRYPTION = 1, 4, 12, 20
_SIZES = {0: 4, 1: 8, 3: 4, 4: 6, 7: 2, 8: 2, 9: 8, 10: 4, 13: 3, 16: 1, 17: 8, 18: 2, 19: 1, 20: 1}
"""Code of a variable of the session, as an event holds it -> the bytes of its value."""
_STRINGS = {2: 1, 5: 1, 6: 1, 11: 2}
"""The same -> how many strings it is, each after its length in one byte."""
_MANY_DATABASES = 254
_FRAME = struct.Struct("<8xBxxH")
"""A statement's event after its header: the length of the database's name, and of the session's variables."""

_ENGINES = frozenset({"INNODB", "MYISAM", "MEMORY", "HEAP", "CSV", "ARCHIVE", "BLACKHOLE", "MRG_MYISAM", "MERGE"})
"""What every MySQL server has. A table of another engine than InnoDB that is still there is refused before a backup begins."""
_PREFIXES = frozenset({"OR", "REPLACE", "TEMPORARY", "UNDO", "AGGREGATE"})
_BEFORE_A_NAME = frozenset(
    {"ADD", "AFTER", "ALTER", "AS", "BY", "CHANGE", "COLUMN", "CONSTRAINT", "DROP", "EXISTS", "INDEX", "KEY", "LIKE", "MODIFY"}
    | {"PARTITION", "RENAME", "SUBPARTITION", "TABLE", "TO", "."}
)
"""What stands before a name, which may be ENGINE."""
_ODD_SPACE = re.compile(r"[^\S\x00-\x7f]")
"""White space that is a space in some character sets, and part of a name in others."""
_SWE7 = frozenset({10, 82})
"""The character set, by its collations' numbers, that writes letters as ASCII writes brackets and quotes."""
_HEAD = 12
"""Tokens that a statement is known by."""


class Statement(NamedTuple):
    """A statement and what of its session decides how it is read.

    database: its session's. exact: every byte of it could be read in the session's character set, and as the server reads it
    """

    text: str
    ansi_quotes: bool = False
    backslash_escapes: bool = True
    encrypts: bool = False
    database: str = ""
    exact: bool = True


class _Token(NamedTuple):
    """kind: word, string, name (quoted), sign. text: of a word in upper case, of a string or a quoted name without its quotes."""

    kind: str
    text: str
    depth: int


def read(event: bytes) -> Statement | None:
    """Read a statement's event (without header and checksum); None for one that no reason can be found in.

    Raises struct.error or IndexError for bytes that are none.
    """
    database, length = _FRAME.unpack_from(event)
    return None if _HARMLESS.match(event, _FRAME.size + length + database + 1) else parse(event)


def parse(event: bytes) -> Statement:
    """Read a statement's event (without header and checksum), whatever it does; raises as `read` does."""
    database, length = _FRAME.unpack_from(event)
    begin = _FRAME.size + length
    session = dict(_session(event[_FRAME.size : begin]))
    mode = int.from_bytes(session.get(_SQL_MODE, b""), "little")
    client = int.from_bytes(session.get(_CHARACTER_SET, b"")[:2], "little")
    encoding = _encoding(client)
    text = event[begin + database + 1 :].decode(encoding or "latin-1", "replace")
    readable = encoding is not None or (text.isascii() and client not in _SWE7)
    default = event[begin : begin + database].decode(errors="replace")
    return Statement(
        text,
        ansi_quotes=bool(mode & _ANSI_QUOTES),
        backslash_escapes=not mode & _NO_BACKSLASH_ESCAPES,
        encrypts=session.get(_TABLE_ENCRYPTION) == b"\x01",
        database=default,
        exact=readable and "\ufffd" not in text + default and not _ODD_SPACE.search(text),
    )


def tokens(statement: Statement) -> Iterator[tuple[str, str]]:
    """Split a statement into tokens (kind, text): word, string, name (quoted), sign; a word in upper case."""
    for token in _tokens(statement):
        yield token.kind, token.text


def folded(name: str) -> str:
    """Fold the case of a name, or of a word that `tokens` gives in upper case: whatever a server takes for one name is equal."""
    # Upper case first: it turns a dotless i into one with a dot. A server drops the second dot of the Turkish capital letter.
    return name.upper().casefold().replace("\u0307", "")


def subject(statement: Statement) -> tuple[str, str]:
    """Return a statement's first word and what it is about, in upper case: CREATE TABLE, DROP DATABASE; may be empty."""
    return _subject(list(islice(_tokens(statement), _HEAD)))


def without_texts(statement: Statement, most: int) -> str:
    """Return the first `most` characters of a statement without what may be somebody's data or password: each text, and each
    number in hexadecimal, is an ellipsis; comments are left out. Names of accounts stay.
    """
    pattern, text = _pattern(statement.ansi_quotes, statement.backslash_escapes), statement.text[:most]
    parts: list[str] = []
    for match in pattern.finditer(text):
        kind, part = match.lastgroup, match.group()
        if kind == "sign" and part in "'\"`":
            # What begins there does not end: it was cut off.
            return "".join([*parts, "…"])
        of_account = "@" in (text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1])
        if (kind == "string" and not of_account) or (kind == "word" and part[:2].lower() == "0x"):
            part = "'…'"
        parts.append(" " if kind == "nothing" else part)
    return " ".join("".join(parts).split()) + ("…" if len(statement.text) > most else "")


def obstacle(statement: Statement) -> str | None:
    """Say why no copy can run the statement; None when there is no reason."""
    verb, subject = _subject(list(islice(_tokens(statement), _HEAD)))
    if verb not in ("CREATE", "ALTER"):
        return None
    if subject == "INSTANCE":
        return "ALTER INSTANCE changes keys of the source"
    if subject not in ("TABLE", "TABLESPACE", "DATABASE", "SCHEMA", "FUNCTION"):
        return None
    tokens = list(_options(subject, list(_tokens(statement))))
    if any(token.kind == "sign" and token.text in "'\"`" for token in tokens):
        return "it cannot be read"
    reasons = (_reason(subject, tokens, at) for at, token in enumerate(tokens) if token.kind == "word")
    if reason := next(filter(None, reasons), None):
        return reason
    chosen = [value.text.upper() for value in _encryptions(tokens)]
    by_default = statement.encrypts and verb == "CREATE" and subject in ("DATABASE", "SCHEMA", "TABLESPACE")
    return "ENCRYPTION='Y' needs the key of the source" if (chosen or ["Y" if by_default else "N"])[-1] == "Y" else None


def _subject(tokens: list[_Token]) -> tuple[str, str]:
    """Return the first word and what it is about: CREATE TABLE, ALTER INSTANCE."""
    words = [token.text for token in tokens if token.kind == "word"]
    return (words[0], next((word for word in words[1:] if word not in _PREFIXES), "")) if words else ("", "")


def _options(subject: str, tokens: list[_Token]) -> Iterator[_Token]:
    """Leave out what is no option: the columns, whose names may be any of these words, and the SELECT of a table."""
    partitions = False
    for token in tokens:
        partitions = partitions or (token.kind, token.text) == ("word", "PARTITION")
        if subject == "TABLE" and (token.kind, token.text, token.depth) == ("word", "SELECT", 0):
            return
        if token.depth == 0 or partitions or token.kind == "sign":
            yield token


def _reason(subject: str, tokens: list[_Token], at: int) -> str | None:
    """Say why the option that begins at a word is one that no copy can have."""
    word = tokens[at].text
    following, value = _option(tokens, at)
    if word in ("DATA", "INDEX") and following.text == "DIRECTORY" and _option(tokens, at + 1)[1].kind == "string":
        return f"{word} DIRECTORY puts files outside the data directory"
    if word == "DATAFILE" and value.kind == "string" and "/" in value.text.removeprefix("./"):
        return "DATAFILE puts a file outside the data directory"
    if word == "IMPORT" and following.text in ("TABLESPACE", "PARTITION"):
        return "IMPORT takes a file that is not in the log"
    if word == "SONAME" and value.kind == "string":
        return "SONAME loads a library of the source"
    if word == "ENGINE" and subject.startswith("TABLE") and _is_option(tokens, at) and value.text.upper() not in _ENGINES:
        return f"not every server has the engine {value.text}"
    return None


def _encryptions(tokens: list[_Token]) -> Iterator[_Token]:
    """Yield what ENCRYPTION is set to; the last one counts."""
    for at, token in enumerate(tokens):
        value = _option(tokens, at)[1]
        if (token.kind, token.text, value.kind) == ("word", "ENCRYPTION", "string"):
            yield value


def _option(tokens: list[_Token], at: int) -> tuple[_Token, _Token]:
    """Return what follows a word, and the value that it is given, with or without an equals sign."""
    nothing = _Token("sign", "", 0)
    following, after = (tokens[at + step] if at + step < len(tokens) else nothing for step in (1, 2))
    return following, after if following.text == "=" else following


def _is_option(tokens: list[_Token], at: int) -> bool:
    """Return whether ENGINE is given a value here, and is not the name of a column, an index or a table."""
    following, value = _option(tokens, at)
    before, earlier = (tokens[at - step].text for step in (1, 2))
    named = before in _BEFORE_A_NAME or earlier in ("CHANGE", "COLUMN")
    return value.kind != "sign" and (following.text == "=" or not named)


def _tokens(statement: Statement) -> Iterator[_Token]:
    """Split a statement, without its comments; what a version comment holds is part of it."""
    depth = 0
    for match in _pattern(statement.ansi_quotes, statement.backslash_escapes).finditer(statement.text):
        kind, text = match.lastgroup or "", match.group()
        if kind == "string":
            yield _Token(kind, text[1:-1], depth)
        elif kind == "name":
            # A quote inside of a quoted name stands there twice.
            yield _Token(kind, text[1:-1].replace(2 * text[0], text[0]), depth)
        elif kind == "word":
            yield _Token(kind, text.upper(), depth)
        elif kind == "sign":
            depth += {"(": 1, ")": -1}.get(text, 0)
            yield _Token(kind, text, depth)


@lru_cache
def _pattern(ansi_quotes: bool, backslash_escapes: bool) -> re.Pattern[str]:  # noqa: FBT001 - a cache's key
    escaped = r"|\\." if backslash_escapes else ""
    inside = r"\\" if backslash_escapes else ""
    double = r'"(?:[^"]|"")*+"'
    single = rf"'(?:[^'{inside}]|''{escaped})*+'"
    strings = single if ansi_quotes else single + rf'|"(?:[^"{inside}]|""{escaped})*+"'
    names = r"`(?:[^`]|``)*+`" + (f"|{double}" if ansi_quotes else "")
    nothing = r"\s+|--(?=\s|\Z)[^\n]*|\#[^\n]*|/\*!\d*|\*/|/\*(?!!).*?(?:\*/|\Z)"
    kinds = {"nothing": nothing, "string": strings, "name": names, "word": r"(?:[\w$]|[^\x00-\x7f\s])+", "sign": "."}
    return re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in kinds.items()), re.DOTALL)


def _session(variables: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the session's variables (code, value) up to the first one that is not known, as a server does."""
    at = 0
    while at < len(variables):
        code, begin = variables[at], at + 1
        if code in _SIZES:
            at = begin + _SIZES[code]
        elif code in _STRINGS:
            at = begin
            for _ in range(_STRINGS[code]):
                at += 1 + variables[at]
            # The oldest form of a catalogue's name ends with a zero byte, too.
            at += code == 2
        elif code == _DATABASES:
            at = begin + 1
            for _ in range(variables[begin] % _MANY_DATABASES):
                at = variables.index(0, at) + 1
        else:
            return
        yield code, variables[begin:at]


def _encoding(client: int) -> str | None:
    """Return Python's name of the client's character set, if it has one: in some, a letter has the byte of a backslash."""
    try:
        encoding = charset_by_id(client).encoding
        "".encode(encoding)
    except LookupError:
        return None
    return encoding
