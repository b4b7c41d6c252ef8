"""Holds passwords named in lifeboat.yaml: read when they are used, never shown.

A verification machine without the sources' passwords reads the same lifeboat.yaml: an unset `${NAME}` is an error when the
password is used, not when the file is loaded.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, GetCoreSchemaHandler, model_validator
from pydantic_core import CoreSchema, core_schema

from backups.errors import ConfigError

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

named: set[str] = set()
"""The environment variables that passwords of this process's configurations are read from."""


@dataclass(frozen=True, repr=False)
class Secret:
    """A password as it is written in the configuration: text in which `${NAME}` stands for an environment variable."""

    _text: str

    def reveal(self) -> str:
        """Return the password itself; raises ConfigError when a variable that it names is not set, or empty."""

        return self.reveal_in(os.environ)

    def reveal_in(self, environment: Mapping[str, str]) -> str:
        """Return what the password is in another environment than this process's; raises ConfigError as `reveal` does."""

        def value(match: re.Match[str]) -> str:
            name = match.group(1)
            if not environment.get(name):
                how = "empty" if name in environment else "not set"
                raise ConfigError(
                    f"the environment variable {name}, named in lifeboat.yaml, is {how}",
                    hint=f"export {name}=… before the command, or put the password in a file and use password_file",
                )
            return environment[name]

        return _REFERENCE.sub(value, self._text)

    def __post_init__(self) -> None:
        named.update(self.variables)

    @property
    def variables(self) -> list[str]:
        """The names of the environment variables that it is read from."""
        return _REFERENCE.findall(self._text)

    @property
    def is_written_out(self) -> bool:
        """Whether (a part of) the password itself stands in the configuration, and not only where to read it."""
        return bool(_REFERENCE.sub("", self._text).strip())

    def __repr__(self) -> str:
        names = self.variables
        return f"Secret({', '.join(f'${{{name}}}' for name in names)})" if names else "Secret(****)"

    __str__ = __repr__

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let pydantic read a Secret from a string, and write only what may be shown."""
        return core_schema.no_info_plain_validator_function(
            cls._accept, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def _accept(cls, value: object) -> "Secret":
        if isinstance(value, cls):
            return value
        if not isinstance(value, str):
            raise ValueError("a password is text: put it in quotes")  # noqa: TRY004 - pydantic reports only ValueErrors
        return cls(value)


class OneOfEach(BaseModel):
    """A section in which no secret is given twice: as itself, and in a file. One would be read, and nobody would know which."""

    @model_validator(mode="after")
    def _given_once(self) -> Self:
        for name in type(self).model_fields:
            stem = name.removesuffix("_file")
            if stem != name and getattr(self, name) is not None and getattr(self, stem, None) is not None:
                raise ValueError(f"{stem} and {name} are both given: leave one of them out")
        return self


def read(password: Secret | None, password_file: Path | None, owner: str) -> str:
    """Return the password of `owner` (named so in messages) from whichever of the two is configured.

    Raises ConfigError when neither is, or when the file cannot be read or is empty. White space around the password in a file
    is ignored, as restic does.
    """
    if password is not None:
        return password.reveal()
    if password_file is None:
        raise ConfigError(f"{owner} has no password", hint="set password: ${NAME} or password_file: /path in lifeboat.yaml")
    try:
        text = password_file.expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        denied = isinstance(error, PermissionError)
        raise ConfigError(
            f"the password file of {owner} cannot be read: {password_file}: {reason}",
            # Whoever made it meant it for one user: no hint to open it to others, or to write another one.
            hint="run Lifeboat as the user that owns it"
            if denied
            else "create it with mode 0600 and the password on its only line",
        ) from None
    if not text:
        raise ConfigError(
            f"the password file of {owner} is empty: {password_file}",
            hint="write the password into it, on its only line",
        )
    return text
