"""`lifeboat clone`: which moment is asked for, out of which repository."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from backups.errors import LifeboatError
from backups.services.base import Point
from backups.site import Site
from verification.clone.cloned import CloneOrder

GTID = "3e11fa47-71ca-11e1-9e33-c80aa9429562:23"


@pytest.mark.parametrize(
    ("words", "repository", "at"),
    [
        ((), "first", None),
        (("--from", "offsite"), "offsite", None),
        (("--from", "offsite", "--at", "2026-11-22T14:03:20"), "offsite", datetime(2026, 11, 22, 13, 3, 20, tzinfo=UTC)),
        (("--at", GTID), "first", Point(position=GTID)),
        (("--before", GTID, "--from", "first"), "first", Point(position=GTID, before=True)),
    ],
)
def test_a_moment_and_a_repository_are_those_of_a_restore(
    lifeboat: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    repository: str,
    at: object,
) -> None:
    config = tmp_path / "lifeboat.yaml"
    config.write_text(
        "timezone: Europe/Berlin\nrepository: {url: repository, password: word}\nrepositories: {offsite: {url: offsite, password: word}}\n"
        "services: {agama: {type: mysql, host: db, image: 'mysql:9.7', password: word}}\n"
    )
    asked: list[object] = []

    def make(site: Site, order: CloneOrder) -> None:
        asked.append((site.repository_name, order.at))
        raise LifeboatError("that is all")

    monkeypatch.setattr("verification.clone.clone.clone", make)
    said = lifeboat("clone", "agama", "--to", "docker:dev", *words, "--config", str(config))
    assert "that is all" in said.err
    assert asked == [(repository, at)]
