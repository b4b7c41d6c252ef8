"""Reads what asks out of a backup's grafana.db: dashboards of both layouts, library panels, alert rules, data sources."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from backups.errors import Damaged
from backups.panels.boards import AlertRule, Board, Boards, DataSource, LibraryPanel
from backups.services.grafana.canonical import parse
from backups.services.grafana.files import alerting, objects
from backups.services.grafana.files.database import FILE, Database, Lacking, opened
from backups.services.grafana.files.objects import Objects


def boards(data: Path, backup: str) -> Boards:
    """Read them; raises Damaged, naming the backup, when its database is not there, or cannot be read."""
    file = data / FILE
    if not file.is_file():
        raise Damaged(f"{FILE} is not in backup {backup}", hint="verify another backup, and take a full")
    try:
        with opened(file) as database:
            return read(database)
    except Lacking as error:
        raise Damaged(f"{FILE} of backup {backup} cannot be read: {error.message}", hint=error.hint) from error
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        # A row holds what Grafana writes into no such column.
        raise Damaged(f"{FILE} of backup {backup} is no Grafana's: {error}", hint="verify another backup") from error


def read(database: Database) -> Boards:
    """Read them out of an open database; what the server does not serve (its bin, another layout's copies) asks nothing."""
    found = objects.read(database)
    folders = {(folder.organisation, folder.uid): str(folder.title) for folder in found.folders if found.served(folder)}
    return Boards(
        sources=tuple(_sources(found)),
        boards=tuple(
            Board(
                _number(one.organisation),
                one.uid,
                str(one.title or ""),
                "v2" if one.version.startswith("v2") or _has_elements(spec) else "classic",
                spec,
            )
            for one in found.dashboards
            if found.served(one) and isinstance(spec := one.spec, Mapping)
        ),
        library=tuple(
            LibraryPanel(_number(one.organisation), str(one.uid), str(one.name or ""), _mapping(one.model))
            for one in found.library_panels
        ),
        rules=tuple(
            AlertRule(
                _number(rule.organisation),
                str(rule.uid),
                str(rule.title or ""),
                folders.get((rule.organisation, rule.folder), str(rule.folder or "")),
                _list(rule.row.get("data")),
            )
            for rule in alerting.rules(database)
        ),
    )


def _sources(found: Objects) -> Iterator[DataSource]:
    for one in found.data_sources:
        row, settings = one.row, _mapping(parse(one.row.get("json_data")))
        yield DataSource(
            organisation=_number(one.organisation),
            uid=one.uid,
            name=str(one.name or ""),
            type=str(row.get("type") or ""),
            url=str(row.get("url") or ""),
            default=bool(row.get("is_default")),
            user=str(row.get("user") or ""),
            database=str(row.get("database") or settings.get("database") or ""),
            settings=settings,
        )


def _number(value: Any) -> int:
    """An organisation's number; 0 where a damaged row holds something else."""
    return value if isinstance(value, int) and value >= 0 else 0


def _has_elements(spec: Mapping[str, Any]) -> bool:
    return isinstance(spec.get("elements"), Mapping) and "panels" not in spec


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> tuple[Mapping[str, Any], ...]:
    return tuple(one for one in value if isinstance(one, Mapping)) if isinstance(value, list) else ()
