"""Groups checks by the kind of thing that they are about, so that a person can read thousands of them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backups.witness import Check

_KIND = re.compile(r"(?:org \d+ )?(?P<first>[a-z][a-z-]*) (?:(?P<second>[a-z]+) )?\S")


@dataclass(frozen=True)
class Group:
    """Checks about things of one kind."""

    name: str
    checks: Sequence[Check]

    @property
    def failures(self) -> list[Check]:
        """Those that did not pass."""
        return [check for check in self.checks if not check.passed]

    @property
    def subjects(self) -> int:
        """How many things they are about."""
        return len({check.subject for check in self.checks})


def grouped(checks: Sequence[Check]) -> list[Group]:
    """Group checks by kind; groups with failures first, otherwise in the checks' order."""
    of = kinds(check.subject for check in checks)
    members: dict[str, list[Check]] = {}
    for check in checks:
        members.setdefault(of[check.subject], []).append(check)
    groups = [Group(name, inside) for name, inside in members.items()]
    return sorted(groups, key=lambda group: not group.failures)


def kinds(subjects: Iterable[str]) -> dict[str, str]:
    """Find what kind of thing each subject is, by its name alone: services name their subjects, this module knows none of them.

    `dashboard abc` is a dashboard, `org 1 dashboard abc` too, `agama.client` is in agama. `library panel abc` is a library
    panel when no library is anything else here; otherwise it is a library.
    """
    parsed = {subject: _KIND.match(subject) for subject in subjects}
    seconds: dict[str, set[str | None]] = {}
    for match in parsed.values():
        if match:
            seconds.setdefault(match["first"], set()).add(match["second"])
    return {
        subject: " ".join(filter(None, match.groups() if len(seconds[match["first"]]) == 1 else [match["first"]]))
        if match
        else subject.partition(".")[0]
        for subject, match in parsed.items()
    }
