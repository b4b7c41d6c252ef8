"""What both layouts say about dashboards and folders."""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

CLASSIC = "dashboard.grafana.app/v1beta1"  # `panels`, `templating`, …: what every version before 13 writes


NEVER = "0001-01-01T00:00:00Z"
AVATAR = "/public/img/user_profile.png"  # everybody's, where pictures from elsewhere are off


class UidTakenError(Exception):
    """In the old tables folders and dashboards share their uids: the other kind has this one."""


@dataclass(frozen=True)
class Author:
    """Who saves: `id` for the old tables, `uid` for resources."""

    id: int
    uid: str


@dataclass(frozen=True)
class Folder:
    """A folder; `parent_uid` is "" at the top. Times are RFC 3339. `metadata` is the resource's own."""

    id: int
    uid: str
    title: str
    parent_uid: str = ""
    description: str = ""
    version: int = 1
    created: str = "1970-01-01T00:00:00Z"
    updated: str = "1970-01-01T00:00:00Z"
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Dashboard:
    """A dashboard; `folder_uid` is "" outside any folder. `spec` is the stored JSON as it is, `metadata` the resource's own."""

    id: int
    uid: str
    title: str
    folder_uid: str
    version: int
    spec: dict[str, Any]
    api_version: str = CLASSIC
    created: str = "1970-01-01T00:00:00Z"
    updated: str = "1970-01-01T00:00:00Z"
    metadata: dict[str, Any] = field(default_factory=dict)
    provisioned_from: str | None = None

    @property
    def classic(self) -> bool:
        """Whether the old API can show it: version 2 dashboards have `elements` and `layout` in place of `panels`."""
        return not self.api_version.rpartition("/")[2].startswith("v2")


class Store(Protocol):
    """Dashboards and folders of a database. Writes are part of the caller's transaction."""

    def folders(self, org_id: int, uid: str | None = None) -> list[Folder]:
        """All folders of an organisation, by title; or the one with this uid."""
        ...

    def dashboards(self, org_id: int, uid: str | None = None) -> list[Dashboard]:
        """All dashboards of an organisation, by title; or the one with this uid."""
        ...

    def deleted_dashboards(self, org_id: int) -> list[Dashboard]:
        """What is in the bin, which only 12.4 and newer have."""
        ...

    def save_folder(self, org_id: int, folder: Folder, author: Author, now: datetime) -> Folder:
        """Create a folder; `id`, `version` and times are the store's to give. Raises UidTakenError."""
        ...

    def change_folder(self, org_id: int, folder: Folder, author: Author, now: datetime) -> Folder:
        """Give a folder that is there another title, description or parent."""
        ...

    def save_dashboard(
        self,
        org_id: int,
        uid: str,
        spec: dict[str, Any],
        folder_uid: str,
        author: Author,
        now: datetime,
        message: str = "",
        api_version: str | None = None,
    ) -> Dashboard:
        """Create a dashboard or save a new version of the one with this uid, as the old API does where no version is given.

        Raises UidTakenError.
        """
        ...

    def delete_dashboard(self, org_id: int, uid: str, now: datetime) -> None:
        """Delete a dashboard. Raises KeyError when there is none."""
        ...


def slug(title: str) -> str:
    """The readable part of a dashboard's address."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def rfc3339(value: object) -> str:
    """A time of the old tables (`2026-03-11 07:49:10`, sometimes with nanoseconds and a zone; always UTC) as the API writes it."""
    text = str(value or "")
    return f"{text[:10]}T{text[11:19]}Z" if len(text) >= 19 else NEVER


def stamp(now: datetime) -> str:
    """A time as the old tables keep it."""
    return now.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
