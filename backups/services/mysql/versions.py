"""Knows which servers Lifeboat can back up, which version may be cloned to which, and how their SQL differs.

Pure.
"""

import re
from dataclasses import dataclass

_OLDEST = (8, 0, 17)
_OLDEST_MARIADB = (10, 5, 0)
_SAME_RELEASE_FROM = (8, 0, 26)
_SAME_SERIES_FROM = (8, 0, 37)
_NEW_STATUS_FROM = (8, 2, 0)


@dataclass(frozen=True)
class Version:
    """A server's version: `text` as it says it (`8.0.36-0ubuntu0.22.04.1`), `number` its release, `comment` who built it."""

    text: str
    number: tuple[int, int, int]
    comment: str = ""

    @classmethod
    def parse(cls, text: str, comment: str = "") -> "Version":
        """Read `@@version`, or what `mysqld --version` prints; raises ValueError when it holds no version."""
        found = re.search(r"(?<![\w.])(\d+)\.(\d+)\.(\d+)\S*", text)
        if found is None:
            raise ValueError(f"{text!r} holds no version")
        return cls(found.group(0), (int(found[1]), int(found[2]), int(found[3])), comment)

    @property
    def series(self) -> str:
        """The release series: `8.0`, `8.4`, `9.7`."""
        return f"{self.number[0]}.{self.number[1]}"

    @property
    def release(self) -> str:
        """The release without its packager's suffix: `8.0.36`."""
        return ".".join(map(str, self.number))

    @property
    def mariadb(self) -> bool:
        """Whether this is MariaDB, which has neither CLONE nor MySQL's GTIDs."""
        return "mariadb" in f"{self.text} {self.comment}".lower()

    @property
    def status_statement(self) -> str:
        """The statement that shows the position in the binary log."""
        return "SHOW BINARY LOG STATUS" if self.number >= _NEW_STATUS_FROM else "SHOW MASTER STATUS"


def dump_refusal(version: Version) -> str | None:
    """Return why Lifeboat cannot back this server up by a dump, or None."""
    if version.mariadb:
        if version.number < _OLDEST_MARIADB:
            return f"MariaDB {version.text} is older than {'.'.join(map(str, _OLDEST_MARIADB))}, the oldest that is known"
        return None
    if version.number < _OLDEST:
        return f"MySQL {version.text} is older than {'.'.join(map(str, _OLDEST))}, the oldest that is known"
    return None


def dump_mismatch(source: Version, image: Version) -> str | None:
    """Return why a dump of the source cannot be brought back on the image's version, or None. The same series always can."""
    if source.mariadb == image.mariadb and source.number[:2] == image.number[:2]:
        return None
    kind = "MariaDB" if source.mariadb else "MySQL"
    return f"the source runs {source.text}, the image {image.text}; a dump needs an image of {kind} {source.series}"


def clone_refusal(version: Version) -> str | None:
    """Return why Lifeboat cannot back this server up by CLONE, or None."""
    if version.mariadb:
        return "MariaDB has no CLONE, which a full backup is taken with unless `method: dump` is set"
    if version.number < _OLDEST:
        return f"MySQL {version.text} has no CLONE, which a full backup is taken with; it came with {'.'.join(map(str, _OLDEST))}"
    return None


def clone_mismatch(source: Version, image: Version) -> str | None:
    """Return why a server of the image's version may not clone from the source, as the operator should read it, or None.

    The same series always. Inside it: any release from 8.0.37 on; the same release from 8.0.26 on, whatever the packager's
    suffix; the very same version string before.
    """
    if source.number[:2] == image.number[:2]:
        oldest = min(source.number, image.number)
        if oldest >= _SAME_SERIES_FROM or source.text == image.text:
            return None
        if oldest >= _SAME_RELEASE_FROM and source.number == image.number:
            return None
        wanted = source.release
    else:
        wanted = source.series if source.number >= _SAME_SERIES_FROM else source.release
    return f"the source runs {source.text}, the image {image.text}; CLONE needs an image of MySQL {wanted}"
