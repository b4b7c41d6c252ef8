"""Reads what provisioning files name that is not in them: directories of dashboards, and variables of Grafana's environment.

Grafana reads a file of JSON there as one of YAML. A file that cannot be read names nothing: the server skips it, too, or ends.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

PROVISIONING = "provisioning"
INTERVAL = 10
"""Seconds between two looks of a provider at its directory, unless it says another number: Grafana's default, and its least."""
_KINDS = (".yaml", ".yml", ".json")
_VARIABLE = re.compile(r"(?<!\$)\$(?:__env)?(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_FILE = re.compile(r"(?<!\$)\$__file\{([^}\n]+)\}")
_OTHERS = ("alerting", "dashboards", "notifiers", "access-control")
_FILLED = ("datasources", "plugins")
"""Kinds of files in whose every value Grafana fills in variables. In those of alerting `$labels` and `$values` are its own."""
_LARGEST = 4 << 20


@dataclass(frozen=True)
class Provider:
    """Makes dashboards of the files below `path`, as Grafana sees it; looks there every `interval` seconds."""

    name: str
    path: str
    interval: int


def providers(config: Path) -> list[Provider]:
    """The providers of dashboards from files, of a configuration's directory, sorted by path."""
    found = []
    for _, content in _files(config, ("dashboards",)):
        listed = content.get("providers") if isinstance(content, Mapping) else content
        for one in listed if isinstance(listed, list) else []:
            options = one.get("options") if isinstance(one, Mapping) else None
            path = (options.get("path") or options.get("folder")) if isinstance(options, Mapping) else None
            if isinstance(path, str) and path:
                found.append(Provider(str(one.get("name", "")), path, _interval(one.get("updateIntervalSeconds"))))
    return sorted(found, key=lambda one: (one.path, one.name))


def variables(config: Path) -> list[str]:
    """The variables of Grafana's environment that provisioning files take values from."""
    found: set[str] = set()
    for text, _ in _files(config, _FILLED):
        found |= {name for braced, bare in _VARIABLE.findall(text) if not (name := braced or bare).startswith("__")}
    for text, _ in _files(config, _OTHERS):
        found |= {name for braced, bare in _VARIABLE.findall(text) if (name := braced or bare).isupper()}
    return sorted(found)


def value_files(config: Path) -> list[str]:
    """The files that provisioning files take values from, as Grafana sees them: a server that does not find one may end."""
    return sorted({path for text, _ in _files(config, (*_FILLED, *_OTHERS)) for path in _FILE.findall(text)})


def apps(config: Path) -> list[str]:
    """The plugins that provisioning files configure: a server that has not installed one ends at its start."""
    found: set[str] = set()
    for _, content in _files(config, ("plugins",)):
        listed = content.get("apps") if isinstance(content, Mapping) else None
        found |= {str(one["type"]) for one in listed or () if isinstance(one, Mapping) and one.get("type")}
    return sorted(found)


def _files(config: Path, kinds: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """The text and the content of each file of these kinds that can be read."""
    for kind in kinds:
        directory = config / PROVISIONING / kind
        for path in sorted(directory.rglob("*")) if directory.is_dir() else ():
            if any(part.startswith("..") for part in path.relative_to(directory).parts):
                # What a ConfigMap's links lead to, once more: the links are read.
                continue
            if path.suffix.lower() in _KINDS[: 2 if kind == "dashboards" else 3] and path.is_file() and not path.is_symlink():
                if path.stat().st_size > _LARGEST:
                    continue
                text = path.read_text(encoding="utf-8", errors="replace")
                try:
                    yield text, yaml.safe_load(text)
                except (yaml.YAMLError, ValueError, RecursionError):
                    yield text, None


def _interval(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else INTERVAL
