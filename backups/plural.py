"""Writes a count with its noun: `1 backup`, `2 backups`."""


def plural(count: int, noun: str) -> str:
    """The count and its noun, in the plural (an added `s`) unless there is exactly one."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
