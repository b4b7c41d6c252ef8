"""Names of files that are not UTF-8, as Linux allows them: no manifest can hold one."""

from collections.abc import Iterable


def keepable(paths: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the paths that a manifest can hold, and the others, as `shown` writes them."""
    kept: list[str] = []
    odd: list[str] = []
    for path in paths:
        try:
            path.encode()
        except UnicodeEncodeError:
            odd.append(shown(path))
        else:
            kept.append(path)
    return kept, odd


def shown(path: str) -> str:
    r"""Return a path as a person can read it, whatever its bytes are: `\xff bad`."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def limit(odd: str, place: str) -> str:
    """Say of a file, as `keepable` returned it, that it is not in the backup."""
    return f"the file {odd} of {place}: its name is not UTF-8, which no manifest can hold; rename it"
