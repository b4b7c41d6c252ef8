"""What the running source reads as configuration and a backup of `config_place` does not hold, by the source's own account."""

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from backups.services.prometheus import horizon
from backups.services.prometheus.api import Api
from backups.services.prometheus.details import Configuration

_LISTS = ("rule_files", "scrape_config_files", "files")
"""Keys of the configuration that hold lists of paths or patterns; `files` is that of file_sd_configs."""


def look(
    api: Api, configuration: Configuration, main: PurePosixPath, root: Path, unfollowed: Sequence[str], place: str
) -> Iterator[str]:
    """What is not in the backup, a line each: rule files that are loaded, other paths of the configuration, links.

    main: `--config.file`. root: the fetched copy of `config_place`. unfollowed: links below it that lead elsewhere
    """
    for link in unfollowed:
        yield f"what the link {link} in {place} leads to: it is outside of it, or nothing"
    base = PurePosixPath(configuration.directory)
    missing = sorted(file for file in api.rule_files() if not _held(file, main, base, root))
    yield from (f"the rule file {file}, which the source has loaded: it is not in {place} (config_place)" for file in missing)
    for key, path in sorted(set(_paths(horizon.parsed(api.configuration())))):
        below = _below(path, main, base)
        if below is None and path not in missing:
            yield f"{path} ({key} of the configuration): it is outside of {place} (config_place)"


def _held(file: str, main: PurePosixPath, base: PurePosixPath, root: Path) -> bool:
    below = _below(file, main, base)
    return below is not None and (root / below).is_file()


def _below(path: str, main: PurePosixPath, base: PurePosixPath) -> str | None:
    """The path below `config_place`, whose name at the source is `base`; None outside. A relative one is the main file's."""
    whole = PurePosixPath(path)
    if not whole.is_absolute():
        if not main.is_absolute():
            # Both are relative to where the source was started: what lies beside the main file is below the place.
            return _normal(whole.relative_to(main.parent) if whole.is_relative_to(main.parent) else whole)
        whole = main.parent / whole
    normal = _normal(whole)
    if normal is None or not PurePosixPath(normal).is_relative_to(base):
        return None
    return PurePosixPath(normal).relative_to(base).as_posix()


def _normal(path: PurePosixPath) -> str | None:
    """The path without `..`; None where that leads above its beginning."""
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            if not parts or parts[-1] == "/":
                return None
            parts.pop()
        else:
            parts.append(part)
    return str(PurePosixPath(*parts))


def _paths(content: Any) -> Iterator[tuple[str, str]]:
    """Every path that a configuration names, with its key, wherever it stands. What has several aliases is looked at once."""
    seen: set[int] = set()
    left = [content]
    while left:
        value = left.pop()
        if not isinstance(value, dict | list) or id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, list):
            left += value
            continue
        for key, inner in value.items():
            if key in _LISTS and isinstance(inner, list):
                yield from ((key, one) for one in inner if isinstance(one, str))
            elif str(key).endswith("_file") and isinstance(inner, str) and inner:
                yield key, inner
            else:
                left.append(inner)
