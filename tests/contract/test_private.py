"""Nothing that a verb writes below the state directory can be read by another user, whatever the umask and the first verb are.

The toy looks while it is captured and while its copy is measured, so what is there for a moment only is seen as well.
"""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from backups.machine import private
from tests.contract.toy_site import ToySite

ROOT = Path(__file__).parents[2]

VERBS = """
import json, os, shutil, stat, subprocess, sys
from pathlib import Path
from backups.services import registry
from backups.services.registry import ServiceType
from flows.commands.main import main
from tests.contract.toy import ToyCopy, ToyService, ToySettings

folder = Path(sys.argv[1])
state, seen, open_to_others, read_by_nobody = folder / "state", set(), set(), set()

def look():
    paths = [state, *state.rglob("*")]
    for path in paths:
        mode = path.lstat().st_mode
        if mode & 0o077 and not stat.S_ISLNK(mode):
            open_to_others.add(f"{path.relative_to(folder)} {stat.filemode(mode)}")
    seen.update(str(path.relative_to(state).parts[0]) for path in paths[1:])
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c",
              'for path; do [ -r "$path" ] || [ -x "$path" ] || [ -w "$path" ] && echo "$path"; done; true', "sh"]
    read_by_nobody.update(subprocess.run([*nobody, *map(str, paths)], capture_output=True, text=True, check=True).stdout.split())

class Copy(ToyCopy):
    def observe(self):
        look()
        return super().observe()

class Service(ToyService):
    def capture(self, job):
        captured = super().capture(job)
        look()
        return captured
    def copy(self, chain, sandbox, *, for_restore=False):
        return Copy(chain, sandbox.directory / "tree")

registry.SERVICE_TYPES["toy"] = ServiceType(ToySettings, Service)
codes = []
for verb in (["backup", "--kind", "full"], ["verify", "-b", "latest", "-o", str(folder / "state" / "report")],
             ["restore", "toy", "--to", f"local:{folder}/again"], ["list"], ["prune"]):
    # Each verb is the first of its machine.
    shutil.rmtree(state, ignore_errors=True)
    os.umask(0)
    sys.argv = ["lifeboat", *verb, "--config", str(folder / "lifeboat.yaml")]
    try:
        main()
    except SystemExit as end:
        codes.append([verb[0], end.code])
    look()
print(json.dumps({"codes": codes, "seen": sorted(seen), "open": sorted(open_to_others), "read": sorted(read_by_nobody)}))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_no_other_user_reads_what_a_verb_writes(toy: ToySite, tmp_path: Path) -> None:
    # Nothing above the state directory keeps anybody out: that would hide what is looked for.
    for path in (toy.folder, *toy.folder.parents):
        if str(path).startswith("/tmp/"):
            path.chmod(path.stat().st_mode | 0o755)
    toy.configure(service=", restore: {}")
    script = tmp_path / "verbs.py"
    script.write_text(VERBS)

    run = subprocess.run(
        [sys.executable, str(script), str(toy.folder)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    found = json.loads(run.stdout.splitlines()[-1])
    assert {code for _, code in found["codes"]} == {0}, (found["codes"], run.stderr)
    assert {"cache", "locks", "repository.id", "restores", "runs", "report"} <= set(found["seen"])
    assert found["open"] == []
    assert found["read"] == []
    assert (toy.folder / "again" / "log.txt").is_file()


def test_a_state_directory_that_was_open_is_closed_and_said(toy: ToySite, caplog: pytest.LogCaptureFixture) -> None:
    state = toy.folder / "state"
    (state / "locks").mkdir(parents=True)
    state.chmod(0o755)

    toy.open()

    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert f"{state} was open to other users (mode 0755); it is closed to them now" in caplog.messages


def test_a_directory_that_holds_more_than_lifeboats_is_left_as_it_is_but_what_is_lifeboats_is_closed(tmp_path: Path) -> None:
    for name in ("www", "locks", "runs"):
        (tmp_path / name).mkdir()
    for path in (tmp_path, *tmp_path.iterdir()):
        path.chmod(0o755)

    private.narrow(tmp_path)

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path, *tmp_path.iterdir())}
    assert modes == {tmp_path.name: 0o755, "www": 0o755, "locks": 0o700, "runs": 0o700}


def test_a_directory_without_anything_of_lifeboats_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "www").mkdir()
    tmp_path.chmod(0o755)

    private.narrow(tmp_path)
    private.narrow(tmp_path / "www")

    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    shutil.rmtree(tmp_path / "www")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_directories_are_made_for_their_owner_whatever_the_umask_is(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        private.make(tmp_path / "one" / "two")
    finally:
        os.umask(before)
    assert [stat.S_IMODE((tmp_path / path).stat().st_mode) for path in ("one", "one/two")] == [0o700, 0o700]
