"""What Docker's library has wrapped is told in the system's words."""

from itertools import pairwise

from backups.machine.docker.errors import system_words


def wrapped(*errors: Exception) -> Exception:
    """The first of them, each wrapped around the next one."""
    for outer, inner in pairwise(errors):
        outer.__context__ = inner
    return errors[0]


def test_the_innermost_that_says_it_is_told() -> None:
    outer = RuntimeError(
        "Error while fetching server API version: ('Connection aborted.', PermissionError(13, 'Permission denied'))"
    )
    assert system_words(wrapped(outer, ConnectionError("Connection aborted."), PermissionError(13, "Permission denied"))) == (
        "Permission denied"
    )


def test_where_the_system_said_nothing_the_first_line_is_told() -> None:
    assert system_words(wrapped(RuntimeError("no such version\nmore"), ValueError("x"))) == "no such version"
