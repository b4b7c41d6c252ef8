"""Says which settings a manifest may hand on to a server's command line: a closed list of names, each with a form for its value.

A manifest comes out of a repository, to which whoever has taken the source may add. What is on a server's command line decides
what it loads and where it writes, so everything that is not listed here is Damaged.

Pure.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from backups.errors import Damaged, LifeboatError
from backups.services.mysql.details import Installed, MySQLDetails
from backups.services.mysql.dump_details import DumpDetails
from backups.services.mysql.source import option_names, variables

_WORD = re.compile(r"[\w.,:+-]{0,128}", re.ASCII)
_TABLE = re.compile(r"[^/\\\x00-\x1f\x7f]{1,64}/[^/\\\x00-\x1f\x7f]{1,64}")
_FORMS: Mapping[str, re.Pattern[str]] = {
    # Where the files were is taken off (`variables.copy_value`): they are in the data directory, whatever else stands here.
    "innodb_data_file_path": re.compile(r"[\w.:;/ #$@%+~-]{1,1024}", re.ASCII),
    "ft_boolean_syntax": re.compile(r"[ -~]{14}"),
    "innodb_ft_server_stopword_table": _TABLE,
    "innodb_ft_user_stopword_table": _TABLE,
}
"""The form of a value that is not just a word or a number."""
_LIBRARY = re.compile(r"[A-Za-z0-9_][\w.-]{0,127}\.so", re.ASCII)
"""A server looks for it in its own plugin directory, since no path can be said."""
UNQUOTED = re.compile(r"[\w.,:;/+-]*", re.ASCII)
"""What a script of MariaDB's hands on without quoting."""
_PLUGIN = re.compile(r"[A-Za-z0-9_][\w. -]{0,127}", re.ASCII)
_COMPONENT = re.compile(r"file://[A-Za-z0-9_][\w.-]{0,127}", re.ASCII)
_FARTHEST = 26 * 3600
"""Seconds that a time zone can be from UTC, and some to spare."""


def require(details: MySQLDetails | DumpDetails, backup: str) -> None:
    """Raise Damaged when the details of that backup's manifest say anything about a command line that is not on the lists."""
    fault = next(faults(details), None)
    if fault is not None:
        raise Damaged(
            f"the manifest of {backup} would have a server started with what no backup of Lifeboat says: {fault}",
            hint="who could write to the repository? restore another backup; nothing of this one was run",
        )


def require_own(details: MySQLDetails | DumpDetails) -> None:
    """Raise LifeboatError when a backup of this source would be refused when it is brought back."""
    fault = next(faults(details), None)
    if fault is not None:
        raise LifeboatError(
            f"no copy may be started like this source: {fault}", hint="Lifeboat does not know such a setting: please report it"
        )


def faults(details: MySQLDetails | DumpDetails) -> Iterator[str]:
    """Yield what of a manifest's details may not be handed on to a server, one line each."""
    yield from _refused("variables", details.variables, carried)
    yield from (f"plugins: {library!r}" for library in details.plugins if not _LIBRARY.fullmatch(library))
    if isinstance(details, DumpDetails):
        yield from _refused("variables", details.variables, lambda _, value: bool(UNQUOTED.fullmatch(value)))
        return
    yield from _refused("others", details.others, told)
    yield from _refused("unknown", details.unknown, variables.may_be_given)
    yield from (f"changed: {name!r}" for name in details.changed or () if name not in details.variables)
    if details.installed:
        yield from _installed(details.installed)
    if any(abs(offset) > _FARTHEST for offset in (details.system_offset, *(offset for _, offset in details.zone))):
        yield "a time zone that is more than a day from UTC"
    if any(not -(1 << 62) < moment < 1 << 62 for moment, _ in details.zone):
        yield "a time zone that changes at no time there is"


def carried(name: str, value: str) -> bool:
    """Return whether a copy may be started with this variable, and a delivered server too."""
    return variables.is_carried(name) and _FORMS.get(name, _WORD).fullmatch(value) is not None


def told(name: str, value: str) -> bool:
    """Return whether an operator may be told to set this one."""
    return option_names.well_formed(name) and variables.is_told(name, value)


def _installed(installed: Installed) -> Iterable[str]:
    for name, library in installed.plugins.items():
        if not _PLUGIN.fullmatch(name) or not _LIBRARY.fullmatch(library):
            yield f"installed plugins: {name!r} from {library!r}"
    yield from (f"installed components: {urn!r}" for urn in installed.components if not _COMPONENT.fullmatch(urn))


def _refused(title: str, settings: Mapping[str, str], accepts: Callable[[str, str], bool]) -> Iterator[str]:
    yield from (f"{title}: {name!r} set to {value[:80]!r}" for name, value in settings.items() if not accepts(name, value))
