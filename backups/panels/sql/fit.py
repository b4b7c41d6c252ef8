"""Says which of a dashboard's SQL is asked: what reads data, and would be answered alike by a copy of them.

Lifeboat's account may read more than Grafana's, accounts and their passwords among it, and it is a person with a browser who
writes a panel. What a server says of itself is answered otherwise by every copy, however good.
"""

import re
from collections.abc import Iterator, Sequence

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|\#[^\n]*|--(?=[\s\x00-\x1f]|\Z)[^\n]*|/\*(?![!+M]).*?(\*/|\Z))
    | (?P<string>'(?:[^'\\]|\\.|'')*(?:'|\Z))
    | (?P<name>`(?:[^`]|``)*(?:`|\Z)|"(?:[^"\\]|\\.|"")*(?:"|\Z)|[\w$\x80-\uffff]+)
    | (?P<variable>@@?)
    | (?P<other>/\*M?!\d*|/\*\+|\*/|.)
    """,
    re.VERBOSE | re.DOTALL,
)
MOST_SECONDS = 10
"""For one question."""
_READS = {"select", "with", "table", "values"}
_OF_THE_SERVER = {"mysql", "performance_schema", "information_schema", "sys"}
_LOCKS = ("get_lock", "release_lock", "release_all_locks", "is_free_lock", "is_used_lock")
_NOT_READ = {
    **dict.fromkeys(_LOCKS, "takes or asks for a lock that is not of rows"),
    **dict.fromkeys(("sleep", "benchmark"), "only takes time"),
    **dict.fromkeys(("master_pos_wait", "source_pos_wait", "wait_for_executed_gtid_set"), "waits for what the server replicates"),
    "load_file": "reads a file of the server's machine",
    "set_var": "sets variables by itself",
    **dict.fromkeys(
        ("connection_id", "user", "current_user", "session_user", "system_user", "current_role"), "asks who is asking"
    ),
    **dict.fromkeys(("found_rows", "row_count", "last_insert_id"), "asks for what the session did before"),
}
_LOCKED = {("for", "update"), ("for", "share"), ("lock", "in")}
_SIGNS = {
    "@": "it asks for a variable of the session or the server",
    "into": "it writes what it reads elsewhere (INTO)",
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
_SESSION_ONLY = {"sysdate"} | _CHANCE
"""What another clock of the session does not move."""
_MONTHS = re.compile(r"\$__(time|unixEpoch)Group(Alias)?\([^),]*,\s*['\"]?\d+[My]\b", re.ASCII)
"""As long as the month, or the year, that begins when a Grafana is asked."""


def unfit(sql: str) -> str | None:
    """Return why a question is not asked, or None. sql: as it would be sent, its macros filled in."""
    words = list(_words(sql))
    first = next((word for word in words if word != "("), "")
    if first not in _READS:
        return f"it is no question to data, but begins with {first[:40].upper() or 'nothing'}"
    return next(filter(None, (_why_not(words, at) for at in range(len(words)))), None)


def _why_not(words: Sequence[str], at: int) -> str | None:
    """Return why a statement with this word at this place is not asked."""
    before, word, after = words[at - 1] if at else "", words[at], words[at + 1] if at + 1 < len(words) else ""
    if word in _OF_THE_SERVER and after == "." and before != ".":
        return f"it asks the server about itself ({word}), which every copy answers otherwise"
    if word == "max_execution_time" and after == "(" and not _short(words[at + 2 : at + 3]):
        return f"it gives itself more time (MAX_EXECUTION_TIME) than the {MOST_SECONDS} s that a question has"
    if word in _NOT_READ and after == "(":
        return f"it {_NOT_READ[word]} ({word.upper()})"
    if (word, after) in _LOCKED:
        return "it locks the rows that it reads"
    return _SIGNS.get(word)


def _short(number: Sequence[str]) -> bool:
    """Whether a statement's own limit is one, and not longer than ours: it goes before that of the session."""
    return bool(number) and number[0].isdecimal() and 0 < int(number[0]) <= MOST_SECONDS * 1000


def moves(sql: str, *, shifted: bool = False) -> str | None:
    """Return by what a question is answered otherwise each time, a function mostly, or None.

    shifted: it is asked again under another clock of the session, which tells all that hangs on that
    """
    if _MONTHS.search(sql):
        return "an interval of months or years"
    words = list(_words(sql))
    for at, word in enumerate(words):
        called = words[at + 1 : at + 2] == ["("]
        if word in (_SESSION_ONLY if shifted else _CLOCK | _CHANCE) and (called or word in _WITHOUT_BRACKETS):
            return word.upper()
        if not shifted and word == "unix_timestamp" and words[at + 1 : at + 3] == ["(", ")"]:
            return "UNIX_TIMESTAMP"
    return None


def _words(sql: str) -> Iterator[str]:
    """Yield names and signs in lower case; what stands in comments for MySQL alone is SQL, too."""
    for found in _TOKEN.finditer(sql):
        if found["name"] is not None:
            name = found["name"].lower()
            bare = name.strip('`"')
            # A keyword in quotes is none; a database's name is itself.
            yield bare if bare == name or bare in _OF_THE_SERVER else f"`{bare}`"
        elif found["variable"] is not None:
            yield "@"
        elif found["other"] is not None and not found["other"].startswith(("/*", "*/")):
            yield found["other"]
