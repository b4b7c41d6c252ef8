"""Writes a number with its noun: `1 backup`, `2 backups`, `1,204 entries`."""


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Return the number, thousands parted by commas, and the noun in the form that goes with it.

    plural: the noun's plural where it is not the noun and an s
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
