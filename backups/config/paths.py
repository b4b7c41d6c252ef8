"""Makes the paths of a configuration absolute, and refuses references to the environment where none are read."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from backups.errors import ConfigError

_SCHEMES = ("sftp", "rest", "s3", "swift", "b2", "azure", "gs", "rclone")
_REFERENCE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
_REPOSITORIES = (("repository",), ("repositories",))
_OWN = frozenset({"stop", "start"})
"""Commands of a shell, which reads what it names itself."""

Model = TypeVar("Model", bound=BaseModel)
At = Callable[[tuple[str, ...]], str]
"""Where a key is written: `/etc/lifeboat/lifeboat.yaml:7: services.agama.host`."""


def repository_url(url: str, base: Path, place: tuple[str, ...], at: At) -> str:
    """Make a directory absolute, which is written at `place`; to restic, anything without a scheme is one."""
    if not url.removeprefix("local:").strip():
        raise ConfigError(f"{at(place)} is empty", hint="name a directory, or sftp:, rest: or s3: and a place")
    if url.partition(":")[0] in _SCHEMES or url.startswith("${"):
        return url
    return str(base / _expanded(Path(url.removeprefix("local:")), place, at))


def absolute(model: Model, base: Path, at: At) -> Model:
    """Return the model with each of its paths, at any depth, made absolute: `~` is the home, a relative path starts at `base`.

    Raises ConfigError for a home that nobody has, and for `${NAME}` in a text that is used as it is written.
    """
    return _absolute(model, base, (), at)  # type: ignore[no-any-return]


def _absolute(value: Any, base: Path, place: tuple[str, ...], at: At) -> Any:
    if isinstance(value, (Path, str)) and place[-1] not in _OWN and (found := _REFERENCE.search(str(value))):
        raise ConfigError(
            f"{at(place)} holds {found[0]}, and is no key in which the environment is read",
            hint="write it out; ${NAME} is for password, token, passphrase, and the url and environment of a repository",
        )
    if isinstance(value, Path):
        return base / _expanded(value, place, at)
    if isinstance(value, BaseModel):
        # The url of a repository may hold references, and was made absolute before.
        members = ((name, each) for name, each in value if not (name == "url" and place[:1] in _REPOSITORIES))
        return value.model_copy(update={name: _absolute(each, base, (*place, name), at) for name, each in members})
    if isinstance(value, tuple):
        return tuple(_absolute(item, base, (*place, str(number)), at) for number, item in enumerate(value))
    if isinstance(value, dict):
        return {key: _absolute(item, base, (*place, str(key)), at) for key, item in value.items()}
    return value


def _expanded(path: Path, place: tuple[str, ...], at: At) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:
        raise ConfigError(f"{at(place)}: this machine knows no home of {path.parts[0]}", hint="write the whole path") from None
