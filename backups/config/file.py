"""Finds, reads and checks lifeboat.yaml; an error names the file, the line, the key, and what to write instead."""

import difflib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from backups.config import paths, repositories
from backups.config.settings import Settings
from backups.errors import ConfigError
from backups.services.registry import SERVICE_TYPES
from backups.services.settings import ServiceSettings

SEARCHED = (Path("lifeboat.yaml"), Path("/etc/lifeboat/lifeboat.yaml"))

_EXAMPLE = "deployments/example/lifeboat.yaml shows every key"
_ASKED = ("mysql", "prometheus")
"""The types of services whose data dashboards show."""
_MOST = 100_000
"""Keys and items of a file. Sections that name others, which name others, would make more than anybody can count."""

Model = TypeVar("Model", bound=BaseModel)


def find(path: Path | None) -> Path:
    """Return the configuration file: the given one, else `$LIFEBOAT_CONFIG`, ./lifeboat.yaml, /etc/lifeboat/lifeboat.yaml."""
    named = path or (Path(os.environ["LIFEBOAT_CONFIG"]) if os.environ.get("LIFEBOAT_CONFIG") else None)
    if named is not None:
        if not named.is_file():
            raise ConfigError(f"there is no configuration file {named}", hint="check --config or LIFEBOAT_CONFIG")
        return named
    for candidate in SEARCHED:
        if candidate.is_file():
            return candidate
    raise ConfigError(
        f"no configuration found: neither {' nor '.join(map(str, SEARCHED))}",
        hint="lifeboat init --mysql HOST --prometheus URL --grafana URL writes one; --config or LIFEBOAT_CONFIG name another",
    )


def load(path: Path) -> Settings:
    """Read and check the file; raises ConfigError with file, line, key and hint. Relative paths start at the file's folder."""
    return load_as_written(path)[0]


def load_as_written(path: Path) -> tuple[Settings, Mapping[str, Any]]:
    """Read and check the file; returns its settings, and beside them its content as it is written. Raises as `load` does."""
    file = _read(path)
    content = dict(file.content)
    if not (content.get("repository") or content.get("repositories")):
        raise ConfigError(f"{path}:{file.line(('repository',))}: repository is missing", hint=_EXAMPLE)
    if isinstance(content.get("services"), dict):
        content["services"] = {name: file.service(str(name), section) for name, section in content["services"].items()}
    settings = file.checked(Settings, content)
    _require_databases(settings, file)
    _require_claimed(settings, file)
    base = path.resolve().parent
    settings = repositories.with_places(settings, base, file.at)
    repositories.require_apart(settings, file.at)
    settings = paths.absolute(settings, base, file.at)
    repositories.require_state_outside(settings, file.at)
    return settings, file.content


def read_model(path: Path, model: type[Model], *, example: str) -> Model:
    """Read another YAML file as its model; raises ConfigError with file, line, key and hint. example: the usual hint."""
    try:
        file = _read(path)
        return file.checked(model, file.content)
    except ConfigError as error:
        about_settings = error.hint is None or _EXAMPLE.split(maxsplit=1)[0] in error.hint
        raise ConfigError(error.message, hint=example if about_settings else error.hint) from None


@dataclass(frozen=True)
class _File:
    """A YAML file: its content, and the line of each of its keys."""

    path: Path
    content: Mapping[str, Any]
    lines: Mapping[tuple[str, ...], int]

    def service(self, name: str, section: Any) -> ServiceSettings:
        """Return a service's section as the model of its type."""
        where = ("services", name)
        kind = section.get("type") if isinstance(section, dict) else None
        if not isinstance(kind, str) or kind not in SERVICE_TYPES:
            fault = f"services.{name}.type is {kind!r}" if kind else f"services.{name} has no type"
            raise ConfigError(
                f"{self.path}:{self.line((*where, 'type'))}: {fault}", hint=f"write one of: {', '.join(SERVICE_TYPES)}"
            )
        return self.checked(SERVICE_TYPES[kind].settings, section, where)

    def checked(self, model: type[Model], section: Any, where: tuple[str, ...] = ()) -> Model:
        """Return a section as its model; raises ConfigError for the first error in it."""
        try:
            return model.model_validate(section)
        except ValidationError as error:
            raise self._first_error(error, model, where) from None

    def line(self, place: Sequence[str]) -> int:
        """Return the line of a key, or of the nearest key above it that is written."""
        return next((self.lines[key] for length in range(len(place), 0, -1) if (key := tuple(place[:length])) in self.lines), 1)

    def at(self, place: tuple[str, ...]) -> str:
        """Return where a key is written, and its name, for the beginning of a message."""
        return f"{self.path}:{self.line(place)}: {'.'.join(place)}"

    def _first_error(self, error: ValidationError, model: type[BaseModel], where: tuple[str, ...]) -> ConfigError:
        fault = error.errors(include_input=False)[0]
        inner = tuple(str(part) for part in fault["loc"] if part != "[key]")
        place = where + inner
        at = f"{self.path}:{self.line(place)}: "
        key = ".".join(place) or "the file"
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        if fault["type"] == "extra_forbidden":
            known = _keys(model, inner[:-1])
            near = difflib.get_close_matches(inner[-1], known, 1)
            hint = f"did you mean {near[0]}?" if near else f"known keys here: {', '.join(known)}"
            return ConfigError(f"{at}unknown key {key}{more}", hint=hint)
        if fault["type"] == "missing":
            return ConfigError(f"{at}{key} is missing{more}", hint=_EXAMPLE)
        message = str(fault["msg"]).removeprefix("Value error, ")
        # A word as URL keeps its capitals.
        begins = message[0] if message[1:2].isupper() else message[0].lower()
        return ConfigError(f"{at}{key}: {begins}{message[1:]}{more}", hint=_EXAMPLE)


def _require_databases(settings: Settings, file: _File) -> None:
    """Raise ConfigError for a service whose data shall be in the database of one that is not there, or is no database."""
    databases = [name for name, section in settings.services.items() if section.type == "mysql"]
    for name, section in settings.services.items():
        if section.data_in is None or section.data_in in databases:
            continue
        other = settings.services.get(section.data_in)
        fault = "which is not under services:" if other is None else f"which is of type {other.type}, and not mysql"
        hint = (
            f"services of type mysql: {', '.join(databases)}"
            if databases
            else "configure that database as a service of type mysql"
        )
        raise ConfigError(f"{file.at(('services', name, 'database'))} names {section.data_in}, {fault}", hint=hint)


def _require_claimed(settings: Settings, file: _File) -> None:
    """Raise ConfigError for a data source that shall be a service which is not there, or which no dashboard asks."""
    asked = [name for name, section in settings.services.items() if section.type in _ASKED]
    for name, section in settings.services.items():
        for source, service in section.claims.items():
            if service not in asked:
                raise ConfigError(
                    f"{file.at(('services', name, 'data_sources', source))} names {service}, which is no service of type "
                    f"{' or '.join(_ASKED)}",
                    hint=f"services of these types: {', '.join(asked) or 'none'}",
                )


def _read(path: Path) -> _File:
    try:
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
        document = loader.get_single_node()
        lines = dict(islice(_lines(document, path), _MOST))
        if len(lines) == _MOST:
            raise ConfigError(
                f"{path} holds {_MOST} keys and more, by aliases of aliases (*name)", hint="write it without aliases"
            )
        content = loader.construct_document(document) if document else None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", hint="check its mode and owner") from error
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not text in UTF-8", hint="save it as UTF-8") from None
    except yaml.YAMLError as error:
        bare = isinstance(error, yaml.MarkedYAMLError) and "{" in (error.problem or "") + (error.context or "") + _problem(error)
        hint = 'inside { } a reference needs quotes: {password: "${NAME}"}; quote values that hold a colon, too'
        raise ConfigError(
            f"{path}{_at(error)}: not valid YAML: {_problem(error)}",
            hint=hint if bare else "indent with spaces, quote values that hold a colon",
        ) from None
    except RecursionError:
        raise ConfigError(
            f"{path} is nested too deeply, or an alias (*name) holds itself", hint="write it without aliases"
        ) from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path} holds no settings", hint="copy deployments/example/lifeboat.yaml and adapt it")
    return _File(path, content, lines)


def _at(error: yaml.YAMLError) -> str:
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    return f":{mark.line + 1}" if mark else ""


def _problem(error: yaml.YAMLError) -> str:
    """Return what is wrong, without what it quotes of the file: that may be half a password."""
    problem = (error.problem if isinstance(error, yaml.MarkedYAMLError) else None) or "it holds characters that YAML forbids"
    return re.sub(r"'[^']{2,}'", "'…'", problem)


def _lines(node: yaml.Node | None, path: Path, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield each key of a YAML document with its line; raises ConfigError for a key that is written twice."""
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            here, line = (*at, str(key.value)), key.start_mark.line + 1
            if here[-1] in seen:
                raise ConfigError(
                    f"{path}:{line}: {'.'.join(here)} is written twice, first in line {seen[here[-1]]}", hint="remove one of them"
                )
            seen[here[-1]] = line
            yield here, line
            yield from _lines(value, path, here)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*at, str(index)), value.start_mark.line + 1
            yield from _lines(value, path, (*at, str(index)))


def _keys(model: type[BaseModel], place: Sequence[str]) -> list[str]:
    parts = iter(place)
    for part in parts:
        field = model.model_fields.get(part)
        inner = _without_none(field.annotation) if field else None
        if get_origin(inner) is dict:
            # The next part is the name of an entry, which may be any.
            next(parts, None)
            inner = get_args(inner)[1]
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    return list(model.model_fields)


def _without_none(annotation: Any) -> Any:
    """Return the model of a section that may be left out."""
    models = [each for each in get_args(annotation) if isinstance(each, type) and issubclass(each, BaseModel)]
    return models[0] if models and get_origin(annotation) is not dict else annotation
