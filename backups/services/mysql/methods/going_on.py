"""Finds where an incremental's log goes on: at the source, or in what was followed of it on this machine and purged there."""

from collections.abc import Callable

from backups.errors import ChainBroken, Damaged
from backups.services.base import Job
from backups.services.mysql.binlog import coverage, joined, pull
from backups.services.mysql.details import LogSegment, MySQLDetails
from backups.services.mysql.source.connection import Session


def find(job: Job, connect: Callable[[], Session], parent: MySQLDetails) -> tuple[MySQLDetails, tuple[LogSegment, ...], int]:
    """Return from where on the log is to be pulled: the details of the chain's end, or of where it was followed to.

    Then the segments up to there, which are in the job's directory, and about how many bytes there are since the chain's end.
    Raises ChainBroken when the source's log goes on at neither.
    """
    version = job.chain[-1].source.version
    try:
        return parent, (), pull.require_continuation(connect, parent, version)
    except ChainBroken as broken:
        kept = _followed(job, parent, broken)
        try:
            size = pull.require_continuation(connect, kept, version)
        except ChainBroken as also:
            if also.message == broken.message:
                raise broken from also
            raise ChainBroken(f"{broken.message}; and where it was followed to: {also.message}") from also
        job.say(f"{broken.message}; what was followed of it is here, up to {kept.end.file}:{kept.end.offset}")
        return kept, kept.segments, size + sum(segment.end - segment.start for segment in kept.segments)


def _followed(job: Job, parent: MySQLDetails, broken: ChainBroken) -> MySQLDetails:
    """Write what was followed of the log since the chain's end into the job's directory; raises `broken` where nothing was."""
    try:
        steps = [(coverage.log_details(step.manifest), step.data) for step in job.followed()]
        if not steps or steps[0][0].start != parent.end:
            raise broken
        return joined.join(steps, job.directory)
    except Damaged as damage:
        raise ChainBroken(f"{broken.message}; and what was followed of it is not whole: {damage.message}") from damage
    except (FileNotFoundError, PermissionError) as error:
        # The follower works meanwhile, and begins anew when it finds another machine's backup; or it is another user's.
        raise ChainBroken(f"{broken.message}; and what was followed of it cannot be read: {error.strerror}") from error
