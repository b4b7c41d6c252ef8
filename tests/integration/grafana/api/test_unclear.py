"""Connections that are cut while a restore writes: it looks whether the write was carried out, and nothing is made twice or lost."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backups.errors import Transient
from backups.services.grafana import client as module
from backups.services.grafana.api import facts, kinds
from backups.services.grafana.api import put as putting
from backups.services.grafana.api.objects import Objects
from backups.services.grafana.api.read import read
from backups.services.http.answer import Answer
from backups.services.http.line import Line
from tests.integration.grafana.api.harness import admin, built, empty, first


@contextmanager
def cut(when: Callable[[str, str], str]) -> Iterator[list[str]]:
    """Cut connections: `when` says of each call "" (not at all), "before" it is carried out, or "after". Gives what was cut."""
    done: list[str] = []

    class Cutting(Line):
        def ask(self, method: str, path: str, *arguments: Any, **options: Any) -> Answer:
            how = when(method, path)
            if how:
                done.append(f"{how} {method} {path}")
            if how != "before":
                answer = super().ask(method, path, *arguments, **options)
            if how:
                raise Transient("the connection ended before an answer came")
            return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "Line", Cutting)
        yield done


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Objects:
    with built(tmp_path_factory.mktemp("cut")) as url:
        return read(admin(url))


@pytest.mark.parametrize("how", ["before", "after"])
def test_each_write_may_be_cut_once(how: str, backup: Objects, tmp_path: Path) -> None:
    """Of each method and path the first call is cut: of what is made as well as of what is changed."""
    seen: set[tuple[str, str]] = set()

    def once(method: str, path: str) -> str:
        known = (method, path) in seen
        seen.add((method, path))
        return "" if known or method == "GET" else how

    with empty(tmp_path) as url:
        with cut(once) as done:
            target = putting.put(backup, first(url))
        assert len(done) > 30
        assert putting.unequal(facts.facts(backup), putting.present(target, ())) == []
        now = read(first(url))
        assert now.organisations == backup.organisations
        for organisation in backup.organisations:
            for kind in (kinds.ANNOTATION, kinds.PLAYLIST, kinds.DATA_SOURCE, kinds.FOLDER, kinds.TEAM, kinds.SERVICE_ACCOUNT):
                assert now.of(organisation, kind).keys() == backup.of(organisation, kind).keys()


def test_each_read_may_be_cut_once(backup: Objects, tmp_path: Path) -> None:
    seen: set[tuple[str, str]] = set()

    def once(method: str, path: str) -> str:
        known = (method, path) in seen
        seen.add((method, path))
        return "" if known or method != "GET" else "after"

    with built(tmp_path) as url, cut(once) as done:
        assert read(replace(admin(url), pause=lambda _: None)).different(backup) == []
    assert len(done) > 30


def test_a_write_that_fails_for_ever_is_given_up(backup: Objects, tmp_path: Path) -> None:
    def always(method: str, path: str) -> str:
        return "before" if (method, path) == ("POST", "/api/teams") else ""

    with empty(tmp_path) as url, cut(always) as done, pytest.raises(Transient, match="connection ended"):
        putting.put(backup, first(url))
    assert 2 <= len(done) <= 5
