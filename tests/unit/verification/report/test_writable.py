"""A directory that can take no report is refused before anything is drilled, and nothing is made to find out."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from backups.errors import LifeboatError
from verification.damage.run import drill_verifier
from verification.report import files
from verification.verify import Steps, carry_out, verify


def test_one_that_can_be_made_is_taken_and_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.require_writable(tmp_path)
    files.require_writable(tmp_path / "a" / "b")
    monkeypatch.chdir(tmp_path)
    files.require_writable(Path("lifeboat-report"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(LifeboatError, match=r"is no directory|Not a directory") as told:
            files.require_writable(out)
        assert told.value.hint == "name another directory by --out"


def as_nobody(work: Callable[[], None]) -> int:
    """Do some work in a process that has no rights; 7 where it raises LifeboatError."""
    if not (child := os.fork()):
        code = 1
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            work()
            code = 0
        except LifeboatError as error:
            code = 7 if "may not be written by this user" in error.message or "Permission denied" in error.message else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.skipif(os.geteuid() != 0, reason="gives up the rights of root")
def test_one_that_this_user_may_not_write_or_see_is_refused(tmp_path: Path) -> None:
    assert as_nobody(lambda: files.require_writable(tmp_path / "report")) == 7
    assert as_nobody(lambda: files.require_writable(Path("/root/report"))) == 7
    assert as_nobody(lambda: files.require_writable(Path("/tmp/report"))) == 0


def refused(*_: object, **__: object) -> Any:
    raise AssertionError("it has begun")


def test_whatever_drills_for_hours_looks_there_first(tmp_path: Path) -> None:
    out, site, now = tmp_path / "file" / "out", cast("Any", None), lambda: datetime.now(UTC)
    (tmp_path / "file").touch()
    for begin in (
        lambda: carry_out(site, Steps(refused, refused, refused), out, now=now),
        lambda: verify(site, ["agama"], out=out, now=now),
        lambda: drill_verifier(site, ["agama"], 1, seed=1, out=out, now=now),
    ):
        with pytest.raises(LifeboatError, match="the report cannot be written into"):
            begin()  # type: ignore[no-untyped-call]
