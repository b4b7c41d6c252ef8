"""Finds the settings that a Grafana runs on: those of its ini files, of its environment, and of files that these name.

In Grafana's order: defaults.ini; `cfg:default.section.key=` of the command line; grafana.ini, or custom.ini where there is none,
without its empty values; GF_SECTION_KEY of the environment; `cfg:section.key=` of the command line; then `${NAME}`,
`$__env{NAME}` and `$__file{PATH}`, wherever they stand in a value; last `%(key)s`. The official image's start script also fills
GF_SECTION_KEY from the file that GF_SECTION_KEY__FILE names.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from backups.errors import LifeboatError
from backups.services.grafana.files import ini

DEFAULTS = "defaults.ini"
FILES = ("grafana.ini", "custom.ini")
"""The names of Grafana's own file: packages and images have the first, archives the second. The first that is there counts."""

_EXPANDER = re.compile(r"\$(|__\w+)\{([^}]+)\}")
_MACHINE = "HOSTNAME"
"""The name of the server's machine, which a defaults.ini takes: every machine has one, and nothing of a backup hangs on it."""
_DEFAULT = re.compile(r"cfg:default\.(.+)\.([^.=]+)=([^=]*)", re.DOTALL)
_CONFIG = re.compile(r"--?config=(.+)", re.DOTALL)


@dataclass(frozen=True)
class Outside:
    """What is not in the configuration directory.

    environment: of Grafana's process; None where nobody can see it. file: reads a file as that process would, or raises
    LifeboatError; None where nobody can. arguments: of its command line, those that are seen
    """

    environment: Mapping[str, str] | None = None
    file: Callable[[str], bytes] | None = None
    arguments: tuple[str, ...] = ()

    def argument(self, section: str, key: str) -> str | None:
        """What the command line says of a setting, above all else; None where it says nothing."""
        begin = f"cfg:{section}.{key}=" if section != ini.TOP else f"cfg:{key}="
        said = [argument.removeprefix(begin) for argument in self.arguments if argument.startswith(begin)]
        return said[-1] if said else None

    def config(self) -> str | None:
        """The path of Grafana's own ini file, where its command line or its environment names one."""
        following = zip(self.arguments, self.arguments[1:], strict=False)
        named = [
            *(found[1] for argument in self.arguments if (found := _CONFIG.fullmatch(argument))),
            *(value for flag, value in following if flag in ("-config", "--config")),
        ]
        return (named[-1] if named else None) or (self.environment or {}).get("GF_PATHS_CONFIG") or None


@dataclass(frozen=True)
class Setting:
    """A setting: its value, in each way that the file may be read; none where it is not known, and then `unknown` says why.

    origin: where it is from, a few words. outside: whether any of it is from outside the configuration directory.
    path: the file outside that holds it, where it is one
    """

    readings: tuple[str, ...] = ()
    origin: str = ""
    outside: bool = False
    path: str | None = None
    unknown: str = ""


class _Unknown(Exception):
    """Says why a value is not known."""


@dataclass(frozen=True)
class InForce:
    """The settings in force.

    readings: the ini files, in each way that they may be read. known: what the backup has noted. fault: why there is no reading
    """

    readings: tuple[ini.Settings, ...] = ({},)
    outside: Outside = Outside()
    known: Mapping[tuple[str, str], Setting] = field(default_factory=dict)
    fault: str = ""

    def names(self) -> list[tuple[str, str]]:
        """Section and key of everything that is set, without what only the environment sets."""
        return sorted({*self.known, *(name for settings in self.readings for name in settings)})

    def setting(self, section: str, key: str) -> Setting | None:
        """What is set; None where nothing is, so that Grafana's default counts."""
        if (section, key) in self.known:
            return self.known[section, key]
        if self.fault:
            return Setting(unknown=self.fault)
        found = [self._read(settings, section, key) for settings in self.readings]
        several = [one for one in found if one is not None]
        if not several:
            return None
        readings = tuple(dict.fromkeys(value for one in several for value in one.readings))
        return Setting(readings, several[0].origin, several[0].outside, several[0].path, several[0].unknown)

    def _read(self, settings: ini.Settings, section: str, key: str) -> Setting | None:
        name = "_".join(("GF", *(re.sub("[.-]", "_", part).upper() for part in (section, key))))
        environment = self.outside.environment or {}
        origin, path, outside = f"[{section}] {key} of the configuration", None, False
        raw = settings.get((section, key))
        try:
            if (argument := self.outside.argument(section, key)) is not None:
                raw, origin, outside = argument, f"cfg:{section}.{key} of the command line", True
            elif environment.get(name):
                raw, origin, outside = environment[name], f"{name} of the environment", True
            elif environment.get(f"{name}__FILE"):
                path, outside = environment[f"{name}__FILE"], True
                raw, origin = self._file(path).rstrip("\n"), f"the file {path}, which {name}__FILE names"
            if raw is None:
                return None
            value, used = self._expanded(raw)
        except _Unknown as why:
            return Setting(unknown=str(why), path=path, outside=True)
        if used:
            outside, path = True, next((named for kind, named in used if kind == "file"), path)
            origin = f"{origin}, which takes it from {' and '.join(f'the {kind} {named}' for kind, named in used)}"
        try:
            return Setting((ini.referred(settings, section, value),), origin, outside, path)
        except ValueError as error:
            return Setting(unknown=str(error))

    def _expanded(self, value: str) -> tuple[str, list[tuple[str, str]]]:
        """Fill in the expanders, the environment's before the files'; returns also which there were, by kind and name."""
        used = []
        for kind, names in (("variable", ("", "__env")), ("file", ("__file",))):
            for found in list(_EXPANDER.finditer(value)):
                if found[1] in names:
                    filled = self._variable(found[2]) if kind == "variable" else self._file(found[2]).strip()
                    value = value.replace(found[0], filled, 1)
                    used.append((kind, found[2]))
        foreign = next((found for found in _EXPANDER.finditer(value) if found[1] not in ("", "__env", "__file")), None)
        if foreign:
            raise _Unknown(f"${foreign[1]}{{…}} takes it from where only Grafana can read")
        return value, used

    def _variable(self, name: str) -> str:
        if self.outside.environment is None and name != _MACHINE:
            raise _Unknown(f"it comes from the variable {name} of Grafana's environment, which Lifeboat does not see")
        return (self.outside.environment or {}).get(name, "")

    def _file(self, path: str) -> str:
        if self.outside.file is None:
            raise _Unknown(f"it comes from the file {path}, which is not in the configuration's directory")
        try:
            return self.outside.file(path).decode("utf-8", "surrogateescape")
        except LifeboatError as error:
            raise _Unknown(f"it comes from the file {path}, which cannot be read: {error.message}") from error


def read(config: Path, outside: Outside | None = None, known: Mapping[tuple[str, str], Setting] | None = None) -> InForce:
    """Read the ini files of a configuration's directory, of a source or of a backup. A file that cannot be read is a `fault`."""
    own = own_file(config, outside)
    readings: list[ini.Settings] = []
    for cut_in_quotes in (False, True):
        settings: ini.Settings = {}
        for path in (config / DEFAULTS, own):
            if path == own:
                settings |= _defaults(outside)
            try:
                found = ini.read(path.read_bytes(), cut_in_quotes=cut_in_quotes) if path and path.is_file() else {}
            except (OSError, ValueError) as error:
                fault = f"{path.name if path else DEFAULTS} cannot be read: {error}"
                return InForce(outside=outside or Outside(), known=known or {}, fault=fault)
            settings |= {name: value for name, value in found.items() if value}
        readings.append(settings)
    return InForce(tuple(readings), outside or Outside(), known or {})


def own_file(config: Path, outside: Outside | None = None) -> Path | None:
    """Grafana's own ini file in its configuration's directory: the one that its environment names, else the first of FILES."""
    return next((config / name for name in candidates(outside) if (config / name).is_file()), None)


def candidates(outside: Outside | None = None) -> list[str]:
    """The names that Grafana's own ini file may have, the likelier first."""
    named = outside.config() if outside else None
    return [*([Path(named).name] if named else []), *FILES]


def _defaults(outside: Outside | None) -> ini.Settings:
    """What the command line puts in the place of defaults.ini's values: the file and the environment still go before it."""
    said = (_DEFAULT.fullmatch(argument) for argument in (outside.arguments if outside else ()))
    return {(found[1], found[2]): found[3] for found in said if found}


def expands(value: str) -> bool:
    """Whether Grafana would put something else in the place of a part of this value."""
    return _EXPANDER.search(value) is not None or ini.refers(value)
