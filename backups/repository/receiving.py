"""Copies snapshots from one restic repository to another: what is new there is read, encrypted anew, and written."""

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from backups.errors import ConfigError, Damaged, LifeboatError
from backups.machine.processes import Completed
from backups.repository import restic_errors

if TYPE_CHECKING:
    from backups.repository.repository import Repository

log = logging.getLogger(__name__)

_MISSING = re.compile(r"blob <?\S+ not found")


class Receiving:
    """The part of a `Repository` that is about copies; see there for what is raised."""

    known: Path | None

    def recognise(self) -> str | None:
        """See `Repository`."""
        raise NotImplementedError

    @property
    def shown_url(self) -> str:
        """See `Repository`."""
        raise NotImplementedError

    def require_writable(self, verb: str) -> None:
        """See `Repository`."""
        raise NotImplementedError

    def _run(self, arguments: Sequence[str], *, source: "Repository | None" = None) -> Completed:
        raise NotImplementedError

    def _fault(self, completed: Completed, verb: str) -> LifeboatError:
        raise NotImplementedError

    def require_whole(self, snapshots: Sequence[str]) -> None:
        """Raise Damaged when something that one of these snapshots is made of is in no index of the repository.

        restic 0.14 would copy such a snapshot without it, and call that well. Reads no data.
        """
        completed = self._run(["stats", "--mode", "raw-data", "--no-lock", *snapshots])
        if completed.code == 0:
            return
        if found := _MISSING.search(restic_errors.error_text(completed)):
            raise Damaged(
                f"the repository {self.shown_url} does not hold all of snapshot {', '.join(each[:8] for each in snapshots)}: "
                f"{found[0]}",
                hint="it is not copied; restic check lists what is missing; take a full: lifeboat backup --kind full",
            )
        raise self._fault(completed, "read")

    def receive(self, source: "Repository", snapshots: Sequence[str]) -> None:
        """Copy these snapshots of `source`, by their full ids, in this order; each is there whole, or not at all.

        Raises Damaged when `source`, or this repository, cannot give what they are made of.
        """
        self.require_writable("copy to")
        unlocked = [] if source.is_writable() else ["--no-lock"]
        completed = self._run(["copy", *unlocked, *snapshots], source=source)
        if completed.code == 0:
            return
        if restic_errors.is_damaged(completed):
            raise restic_errors.fault(completed, f"cannot copy from the repository {source.shown_url} to {self.shown_url}")
        raise self._fault(completed, "copy to")

    def ensure_for_copies_of(self, source: "Repository") -> None:
        """Raise ConfigError unless this is the repository that this machine knows, and another one than `source`.

        Where there is none yet, and none is known, it is made such that it cuts data into the same pieces as `source`.
        """
        first = source.recognise()
        if first is None:
            raise LifeboatError(f"there is no repository at {source.shown_url}", hint="the first `lifeboat backup` makes it")
        found = self.recognise()
        if found is None:
            self.make_for_copies_of(source)
        elif found == first:
            raise ConfigError(
                f"the repositories at {source.shown_url} and {self.shown_url} are the same one, by their id {first}",
                hint="one that was copied by rsync is none of its own: remove it, and `lifeboat copy` makes another one there",
            )
        self.require_writable("copy to")

    def make_for_copies_of(self, source: "Repository") -> None:
        """Make the repository for copies of `source` where there is none, and none is known."""
        raise NotImplementedError
