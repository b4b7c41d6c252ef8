"""Output that nobody reads, that is closed or full, or in another encoding: no traceback, and the exit code that is meant."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
COMMAND = f"{sys.executable} -m flows.commands.main config show --config lifeboat.yaml"
CONFIGURATION = """
repository: {url: repository, password: '${NOT_SET}'}
services: {prometheus: {type: prometheus, url: 'http://127.0.0.1:1', place: 'local:/nowhere', image: a}}
"""


def ended(command: str, folder: Path, **environment: str) -> tuple[int, str, str]:
    """How a shell's command ended: its exit code, its output and its errors."""
    (folder / "lifeboat.yaml").write_text(CONFIGURATION)
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(folder), **environment},
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (f"{COMMAND} >&-", 0, ""),
        (f"{COMMAND} --json >&- 2>&-", 0, ""),
        (f"{COMMAND} | true; exit ${{PIPESTATUS[0]}}", 0, ""),
        (f"{COMMAND} --json | head -n 1; exit ${{PIPESTATUS[0]}}", 0, ""),
        (f"{COMMAND} >/dev/full", 2, "lifeboat: standard output cannot be written: No space left on device"),
        (f"{COMMAND} --json >/dev/full", 2, "lifeboat: standard output cannot be written: No space left on device"),
        (f"{COMMAND}s 2>/dev/full", 2, ""),
    ],
)
def test_what_cannot_be_printed_changes_no_exit_code_and_shows_no_traceback(
    tmp_path: Path, command: str, code: int, said: str
) -> None:
    found, _, errors = ended(command, tmp_path)
    assert found == code, errors
    assert errors.partition("\n")[0] == said
    assert "Traceback" not in errors
    assert "bug" not in errors


def test_what_an_encoding_lacks_is_printed_by_its_number(tmp_path: Path) -> None:
    script = "from flows import streams; streams.prepare(); from flows.commands import console; console.out.print('└ [x] ä')"
    code, output, errors = ended(f'{sys.executable} -c "{script}"', tmp_path, PYTHONIOENCODING="ascii")
    assert (code, output, errors) == (0, "\\u2514 [x] \\xe4\n", "")
