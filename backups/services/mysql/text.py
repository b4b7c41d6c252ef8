"""Prepares what a server or a program printed for a message: one line, not too long, without secrets of statements."""

import re

from backups.text import without_password

_STATEMENT = re.compile(r"(.*?Query: ')(.*?)(?:'(?:, Error_code: \S+)?)?$", re.DOTALL)
"""How a server that replays quotes the statement at which it stopped: to the end, which may be cut off."""
_NEAR = re.compile(r"\bnear '.*?(?=on query\. Default database: |$)", re.DOTALL)
"""How a parser quotes where it stopped."""
_LITERAL = re.compile(r"""['"]|\b0x[0-9a-f]|/\*|--|\#""", re.IGNORECASE)
"""Where text, bytes or a comment may begin, in which a statement may hold a password."""
_HIDDEN = "… (not shown: it may hold secrets)"


def one_line(text: str | None, limit: int | None = None) -> str:
    """Return the text on one line; with `limit`, its last so many characters."""
    line = " ".join(without_password(text or "").split())
    return line[-limit:] if limit else line


def without_statement(message: str) -> str:
    """Return a server's message with a quoted statement up to its first text, number in hexadecimal, or comment.

    What follows may hold a password, a connection with one, or somebody's data: where a text ends depends on the session's modes.
    """
    if found := _STATEMENT.match(message):
        before, statement = found[1], found[2]
        cut = _LITERAL.search(statement)
        shown = f"{statement[: cut.start()]}{_HIDDEN}" if cut else statement
        return f"{_NEAR.sub(rf'near {_HIDDEN} ', before)}{shown}'"
    return _NEAR.sub(f"near {_HIDDEN}", message)
