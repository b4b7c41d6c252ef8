"""Joins logs that follow one another to one: of each log file one segment, where its bytes follow one another."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from backups.errors import Damaged
from backups.services.mysql.details import LOG, LogSegment, MySQLDetails


def join(parts: Sequence[tuple[MySQLDetails, Path]], into: Path) -> MySQLDetails:
    """Write the segments of all parts (details, and the directory that their paths are below) below `into`, and describe them.

    The parts stay as they are. Raises Damaged where one does not begin where the one before it ends.
    """
    (into / LOG).mkdir()
    segments: list[LogSegment] = []
    for number, (details, data) in enumerate(parts):
        if number and details.start != parts[number - 1][0].end:
            before = parts[number - 1][0].end
            raise Damaged(
                f"the log has a gap: nothing holds {before.file}:{before.offset} to {details.start.file}:{details.start.offset}",
                hint="restore a moment before it, or that of a backup: lifeboat list",
            )
        for segment in details.segments:
            last = segments[-1] if segments else None
            if last is not None and (last.file, last.end) == (segment.file, segment.start):
                segments[-1] = last.model_copy(update={"end": segment.end})
            else:
                segments.append(segment.model_copy(update={"path": f"{LOG}/{segment.file}@{segment.start}"}))
            with (data / segment.path).open("rb") as more, (into / segments[-1].path).open("ab") as out:
                shutil.copyfileobj(more, out, 1 << 20)
    limits = tuple(dict.fromkeys(limit for details, _ in parts for limit in details.limits))
    return parts[-1][0].model_copy(update={"start": parts[0][0].start, "segments": tuple(segments), "limits": limits})
