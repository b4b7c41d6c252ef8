"""Knows which servers Lifeboat can back up, which version may be cloned to which, and how their SQL differs.

Pure.
"""

import re
from dataclasses import dataclass

Number = tuple[int, int, int]

_OLDEST = (8, 0, 17)
_OLDEST_MARIADB = (10, 5, 0)
LONG_TERM = ((8, 0), (8, 4), (9, 7))
"""MySQL's series of long-term support, 8.0 among them, none of which an upgrade may pass over."""
_SAME_RELEASE_FROM = (8, 0, 26)
_SAME_SERIES_FROM = (8, 0, 37)


@dataclass(frozen=True)
class Version:
    """A server's version: `text` as it says it (`8.0.36-0ubuntu0.22.04.1`), `number` its release, `comment` who built it."""

    text: str
    number: Number
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
    def maker(self) -> str:
        """The name of who makes it: the numbers of two makers say nothing about one another."""
        return "MariaDB" if self.mariadb else "MySQL"

    def since(self, *, mysql: Number | None, mariadb: Number | None) -> bool:
        """Return whether it is at least that release of its own maker's; None: no release of that maker's is."""
        oldest = mariadb if self.mariadb else mysql
        return oldest is not None and self.number >= oldest

    def older_than(self, other: "Version") -> bool:
        """Return whether it is an older release than another one of the same maker's."""
        return self.maker == other.maker and self.number < other.number

    @property
    def status_statement(self) -> str:
        """The statement that shows the position in the binary log. Every MariaDB knows the old one."""
        return "SHOW BINARY LOG STATUS" if self.since(mysql=(8, 2, 0), mariadb=None) else "SHOW MASTER STATUS"

    @property
    def keeps_history(self) -> bool:
        """Whether the history of a table with system versioning can be written into it."""
        return self.since(mysql=None, mariadb=(10, 11, 0))


def passed_over(before: Version, after: Version) -> list[str]:
    """Return the series of MySQL's that an upgrade in one step would pass over: its maker wants a stop at each."""
    return [".".join(map(str, series)) for series in LONG_TERM if before.number[:2] < series < after.number[:2]]


def dump_refusal(version: Version) -> str | None:
    """Return why Lifeboat cannot back this server up by a dump, or None."""
    if version.since(mysql=_OLDEST, mariadb=_OLDEST_MARIADB):
        return None
    oldest = ".".join(map(str, _OLDEST_MARIADB if version.mariadb else _OLDEST))
    return f"{version.maker} {version.text} is older than {oldest}, the oldest that is known"


def dump_mismatch(source: Version, image: Version) -> str | None:
    """Return why a dump of the source cannot be brought back on the image's version, or None. The same series always can."""
    if (source.maker, source.series) == (image.maker, image.series):
        return None
    return f"the source runs {source.text}, the image {image.text}; a dump needs an image of {source.maker} {source.series}"


def clone_refusal(version: Version) -> str | None:
    """Return why Lifeboat cannot back this server up by CLONE, or None."""
    if version.mariadb:
        return "MariaDB has no CLONE, which a full backup is taken with unless `method: dump` is set"
    if not version.since(mysql=_OLDEST, mariadb=None):
        return f"MySQL {version.text} has no CLONE, which a full backup is taken with; it came with {'.'.join(map(str, _OLDEST))}"
    return None


def clone_mismatch(source: Version, image: Version) -> str | None:
    """Return why a server of the image's version may not clone from the source, as the operator should read it, or None.

    The same series always. Inside it: any release from 8.0.37 on; the same release from 8.0.26 on, whatever the packager's
    suffix; the very same version string before.
    """
    if (source.maker, source.series) == (image.maker, image.series):
        oldest = min(source.number, image.number)
        if oldest >= _SAME_SERIES_FROM or source.text == image.text:
            return None
        if oldest >= _SAME_RELEASE_FROM and source.number == image.number:
            return None
        wanted = source.release
    else:
        wanted = source.series if source.number >= _SAME_SERIES_FROM else source.release
    return f"the source runs {source.text}, the image {image.text}; CLONE needs an image of MySQL {wanted}"
