"""Finds the files that a Grafana's settings name by their whole paths, in its ini files and in its environment."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from backups.services.grafana.files.in_force import InForce

CONFIG_INSIDE = "/etc/grafana"
"""Where a new container has its configuration."""
_FILE = re.compile(r"(^|_)(file|path|cert|key|ca|metadata|set)$")
_SECRET = re.compile(r"(secret|access|account|api|signing|encryption)_key$")
"""A key that is written there itself, and may well begin with a slash: no message tells it."""
_OTHER_VARIABLES = (
    "GF_PATHS_", "GF_LOG_", "GF_DATABASE_PATH", "GF_USERS_", "GF_LIVE_", "GF_REMOTE_CACHE_", "GF_SECURITY_SECRET_KEY",
    "GF_SECURITY_ADMIN_",
)  # fmt: skip
"""Of the environment, like `_ELSEWHERE`; of the secret_key's own file other words are said, and an account is made of
the administrator's in an empty database alone."""
_ELSEWHERE = frozenset({"paths", "log", "log.file", "database", "users", "live", "remote_cache"})
"""Sections whose paths are not read as files that a person has made."""
_ON = frozenset({"1", "t", "T", "true", "TRUE", "True", "YES", "yes", "Yes", "y", "ON", "on", "On"})


def named_files(found: InForce) -> Iterator[tuple[str, str]]:
    """The settings that name a file by its whole path, as they are written, and that path, once: certificates, ldap.toml …"""
    told: set[str] = set()
    for name, path in (*_named_by_ini(found), *_named_by_environment(found.outside.environment or {})):
        if path not in told:
            yield name, path
        told.add(path)


def _named_by_ini(found: InForce) -> Iterator[tuple[str, str]]:
    for section, key in found.names():
        if section in _ELSEWHERE or not _names_file(key) or _off(found, section):
            continue
        setting = found.setting(section, key)
        for value in (setting.readings if setting else ())[:1]:
            if value.startswith("/") and not value.endswith("/") and "\n" not in value:
                yield f"[{section}] {key}", value
    for section, key in found.names():
        setting = found.setting(section, key)
        if setting and setting.path and (section, key) != ("security", "secret_key"):
            yield f"[{section}] {key}", setting.path


def _named_by_environment(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The same of the variables that set what no ini file does, most of a container's: by the variables' names."""
    for name, value in sorted(environment.items()):
        key = name.removesuffix("__FILE").lower()
        if not name.startswith("GF_") or name.startswith(_OTHER_VARIABLES) or not (name.endswith("__FILE") or _names_file(key)):
            continue
        words = name.split("_")
        switches = ("_".join((*words[:length], "ENABLED")) for length in range(2, len(words)))
        if all(environment.get(switch, "true") in _ON for switch in switches) and value.startswith("/") and value[-1] != "/":
            yield f"{name} of the environment", value


def _names_file(key: str) -> bool:
    return _FILE.search(key) is not None and not _SECRET.search(key)


def has_file(config: Path, path: str) -> bool:
    """Whether a configuration of a backup has the file that Grafana sees at a whole path."""
    at = PurePosixPath(path)
    own = PurePosixPath(CONFIG_INSIDE)
    there = config / at.relative_to(own) if at.is_relative_to(own) and ".." not in at.parts else None
    return there is not None and there.is_file() and not there.is_symlink()


def _off(found: InForce, section: str) -> bool:
    if not section.startswith(("auth.", "smtp", "grpc")):
        return False
    enabled = found.setting(section, "enabled")
    return not (enabled and enabled.readings and enabled.readings[0] in _ON)
