"""The toy service, a Prefect server for the flows, and the command line as a function."""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from flows.commands.main import main
from tests import side_by_side
from tests.contract.toy_site import toy, toy_template

__all__ = ["toy", "toy_template"]


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """A Prefect server of the tests' own, on a database of its own."""
    from prefect.testing.utilities import prefect_test_harness

    os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
    with side_by_side.until_their_end("prefect_server") as stack:
        stack.enter_context(prefect_test_harness(server_startup_timeout=120))
        # Which write to what pytest has closed by now.
        stack.callback(logging.getLogger("prefect").handlers.clear)
        yield


@dataclass(frozen=True)
class Said:
    """How a command ended: its exit code, its standard output and its error output."""

    code: int
    out: str
    err: str


@pytest.fixture
def lifeboat(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Call the command line as an operator would, in this process."""

    def call(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["lifeboat", *arguments])
        monkeypatch.setattr("signal.signal", lambda *_: None)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return Said(int(ended.value.code or 0), said.out, said.err)

    return call
