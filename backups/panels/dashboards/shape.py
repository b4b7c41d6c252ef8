"""Takes parts of foreign JSON in the shape that is expected there, or as absent."""

from collections.abc import Mapping
from typing import Any, Literal

Json = Mapping[str, Any]
Kind = Literal["not-protected", "cannot-be-asked", "asks-nothing", "not-asked"]


class Unaskable(Exception):
    """Something of a dashboard is not asked. kind: see `NotAsked`; why: in words."""

    def __init__(self, why: str, kind: Kind = "cannot-be-asked") -> None:
        super().__init__(why)
        self.why = why
        self.kind = kind


def mapping(value: Any) -> Json:
    """An object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def objects(value: Any) -> list[Json]:
    """The objects of a list."""
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list | tuple) else []


def text(value: Any) -> str:
    """Text, or a number as text, else nothing; half a surrogate pair, which no UTF-8 holds, becomes `?`."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).encode("utf-8", "replace").decode()


def texts(value: Any) -> tuple[str, ...]:
    """The texts of a list, or of one alone; booleans as JSON has them."""
    listed = value if isinstance(value, list | tuple) else () if value is None else (value,)
    return tuple(
        ("true" if one else "false") if isinstance(one, bool) else text(one)
        for one in listed
        if isinstance(one, str | int | float)
    )
