"""A Prefect server that is configured and does not answer: said at once, and nothing is begun."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("verb", ["backup", "verify", "watch"])
def test_it_is_told_with_what_to_do(tmp_path: Path, verb: str) -> None:
    """Exit code 2, the address, a hint, no traceback; and no backup is taken behind the server's back."""
    (tmp_path / "lifeboat.yaml").write_text(
        "state: state\nrepository: {url: repository, password: correct horse}\n"
        "services: {agama: {type: mysql, image: 'mysql:9.7', host: 127.0.0.1, port: 1, user: lifeboat, password: x}}\n"
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("LIFEBOAT_", "RESTIC_", "PREFECT_"))}
    said = subprocess.run(
        [Path(sys.executable).parent / "lifeboat", verb],
        env={**clean, "PREFECT_API_URL": "http://127.0.0.1:9/api", "PREFECT_HOME": str(tmp_path / "prefect")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 2, said.stderr
    assert "the Prefect server at http://127.0.0.1:9/api does not answer" in said.stderr
    assert "hint: is it running, and PREFECT_API_URL its address?" in said.stderr
    assert "Traceback" not in said.stderr
    assert not (tmp_path / "repository").exists()
