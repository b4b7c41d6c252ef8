"""Reads from a PyMySQL session what Grafana's driver is sent: each column's type and flags, each value as bytes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .columns import Column


@contextmanager
def raw(session: Any) -> Iterator[None]:
    """Have the values of a session's answers come as they are sent, within the block. session: PyMySQL's"""
    before = session.use_unicode, session.decoders
    session.use_unicode, session.decoders = False, {}
    try:
        yield
    finally:
        session.use_unicode, session.decoders = before


def columns(cursor: Any) -> list[Column]:
    """Return the columns of a cursor's answer; none where the statement has none. Only its result knows their flags."""
    result = cursor._result  # noqa: SLF001
    described = result is not None and result.description
    return [Column(each.name, each.type_code, each.flags) for each in result.fields] if described else []
