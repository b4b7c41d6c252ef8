"""Says which of a dashboard's SQL is asked: what reads data, and would be answered alike by a copy of them.

Lifeboat's account may read more than Grafana's, accounts and their passwords among it, and it is a person with a browser who
writes a panel. What a server says of itself is answered otherwise by every copy, however good.
"""

import re
from collections.abc import Collection, Iterator, Sequence

_SQL = r"""
    (?P<hint>/\*\+.*?(?:\*/|\Z))
    | (?P<space>\s+|\#[^\n]*|--(?=[\x00-\x20\x7f]|\Z)[^\n]*|/\*(?!M?!).*?(?:\*/|\Z))
    | (?P<string>'(?:IN_SINGLE|'')*(?:'|\Z))
    | (?P<name>`(?:[^`]|``)*(?:`|\Z)|"(?:IN_DOUBLE|"")*(?:"|\Z)|[\w$\x80-\U0010ffff]+)
    | (?P<variable>@@?)
    | (?P<executable>/\*M?!|\*/)
    | (?P<other>.)
"""
_PLAIN_HINT = re.compile(r"/\*\+[\w\s,().=@]*\*/", re.ASCII)


def _tokens(*, single: bool, double: bool) -> re.Pattern[str]:
    r"""What SQL is made of. single, double: whether \\ takes the meaning from a quote in such quotes."""
    inside = {mark: rf"[^{mark}\\]|\\(?:.|\Z)" if escaped else f"[^{mark}]" for mark, escaped in (("'", single), ('"', double))}
    text = _SQL.replace("IN_SINGLE", inside["'"]).replace("IN_DOUBLE", inside['"'])
    return re.compile(text, re.VERBOSE | re.DOTALL | re.ASCII)


_ESCAPED, _ANSI, _NOT_ESCAPED = (
    _tokens(single=single, double=double) for single, double in ((True, True), (True, False), (False, False))
)
MOST_SECONDS = 10
"""For one question, at the source."""
COPY_SECONDS = 6 * MOST_SECONDS
"""In a copy, whose machine is another, its memory cold and shared with other copies: that it is slow is no damage."""
_READS = {"select", "with", "table", "values"}
_OF_THE_SERVER = {"mysql", "performance_schema", "information_schema", "sys"}
_LOCKS = ("get_lock", "release_lock", "release_all_locks", "is_free_lock", "is_used_lock")
_NOT_READ = {
    **dict.fromkeys(_LOCKS, "takes or asks for a lock that is not of rows"),
    **dict.fromkeys(("sleep", "benchmark"), "only takes time"),
    **dict.fromkeys(("master_pos_wait", "source_pos_wait", "wait_for_executed_gtid_set"), "waits for what the server replicates"),
    "load_file": "reads a file of the server's machine",
    "set_var": "sets variables by itself",
    **dict.fromkeys(("nextval", "setval"), "takes a number that nobody gets again"),
    **dict.fromkeys(
        ("connection_id", "user", "current_user", "session_user", "system_user", "current_role"), "asks who is asking"
    ),
    **dict.fromkeys(("found_rows", "row_count", "last_insert_id"), "asks for what the session did before"),
}
_LOCKED = {("for", "update"), ("for", "share"), ("lock", "in")}
_SIGNS = {
    "@": "it asks for a variable of the session or the server",
    "into": "it writes what it reads elsewhere (INTO)",
    "/*": "it has a comment that one server reads as SQL and another one does not",
}
_CLOCK = {
    *("now", "curdate", "current_date", "curtime", "current_time", "current_timestamp", "localtime", "localtimestamp"),
    *("sysdate", "utc_date", "utc_time", "utc_timestamp"),
}
_CHANCE = {"rand", "uuid", "uuid_short", "random_bytes"}
_WITHOUT_BRACKETS = {
    "current_date",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "utc_date",
    "utc_time",
    "utc_timestamp",
}
_MONTHS = re.compile(r"\$__(time|unixEpoch)Group(Alias)?\([^),]*,\s*['\"]?\d+[My]\b", re.ASCII)
"""As long as the month, or the year, that begins when a Grafana is asked."""


def unfit(sql: str, mode: str = "") -> str | None:
    """Return why a question is not asked, or None.

    sql: as it would be sent, its macros filled in. mode: the session's `sql_mode`, which says where a text ends
    """
    words = _words(sql, mode)
    first = next((word for word in words if word != "("), "")
    if first not in _READS:
        return f"it is no question to data, but begins with {first[:40].upper() or 'nothing'}"
    return next(filter(None, (_why_not(words, at) for at in range(len(words)))), None)


def _why_not(words: Sequence[str], at: int) -> str | None:
    """Return why a statement with this word at this place is not asked."""
    before, word, after = words[at - 1] if at else "", words[at], words[at + 1] if at + 1 < len(words) else ""
    if word in _OF_THE_SERVER and after == "." and before != ".":
        return f"it asks the server about itself ({word}), which every copy answers otherwise"
    if word == "max_execution_time" and after == "(":
        return "it gives itself another time (MAX_EXECUTION_TIME) than a question has, and a copy may be slower"
    if word in _NOT_READ and after == "(":
        return f"it {_NOT_READ[word]} ({word.upper()})"
    if (word, after) == ("next", "value"):
        return f"it {_NOT_READ['nextval']} (NEXT VALUE)"
    if (word, after) in _LOCKED:
        return "it locks the rows that it reads"
    return _SIGNS.get(word)


def names(sql: str, mode: str, tables: Collection[str]) -> str | None:
    """Return why a question is not asked in whose session these tables are found without a database, or None."""
    words = ["", *_words(sql, mode), ""]
    for before, word, after in zip(words, words[1:], words[2:], strict=False):
        if word.strip("`") in tables and "." not in (before, after):
            return f"it names {word} without a database, and its data source has none"
    return None


def moves(sql: str) -> str | None:
    """Return by what a question is answered otherwise each time, a function mostly, or None.

    That both askings had one answer proves little of it: what is due within a week is none tonight, and one on Friday.
    """
    if _MONTHS.search(sql):
        return "an interval of months or years"
    words = _words(sql, "")
    for at, word in enumerate(words):
        called = words[at + 1 : at + 2] == ["("]
        if word in _CLOCK | _CHANCE and (called or word in _WITHOUT_BRACKETS):
            return word.upper()
        if word == "unix_timestamp" and words[at + 1 : at + 3] == ["(", ")"]:
            return "UNIX_TIMESTAMP"
    return None


def _words(sql: str, mode: str) -> list[str]:
    """Names and signs in lower case. A keyword in quotes is none; the name of a database or of a function is itself in them."""
    escaped = _NOT_ESCAPED if "NO_BACKSLASH_ESCAPES" in mode else _ANSI if "ANSI_QUOTES" in mode else _ESCAPED
    words = list(_read(sql, escaped))
    return [word.strip("`") if words[at + 1 : at + 2] == ["("] else word for at, word in enumerate(words)]


def _read(sql: str, tokens: re.Pattern[str]) -> Iterator[str]:
    for found in tokens.finditer(sql):
        if found["name"] is not None:
            name = found["name"].lower()
            bare = name.strip('`"')
            yield bare if bare == name or bare in _OF_THE_SERVER else f"`{bare}`"
        elif found["variable"] is not None:
            yield "@"
        elif found["hint"] is not None:
            # Where a hint that is none ends, servers do not agree on.
            yield from _read(found["hint"][3:-2], tokens) if _PLAIN_HINT.fullmatch(found["hint"]) else ["/*"]
        elif found["executable"] is not None:
            # What is for another version is passed over as text, quotes and all.
            yield "/*"
        elif found["other"] is not None:
            yield found["other"]
