"""Prepares what a server or a program printed for a message: one line, not too long."""


def one_line(text: str | None, limit: int | None = None) -> str:
    """Return the text on one line; with `limit`, its last so many characters."""
    line = " ".join((text or "").split())
    return line[-limit:] if limit else line
