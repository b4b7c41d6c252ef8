"""What is logged while a command works can be typed as it stands there, as a command's results can."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.commands import progress, verbosity


@pytest.fixture
def chosen() -> Iterator[None]:
    verbosity.reset()
    yield
    verbosity.reset()


@pytest.mark.usefixtures("chosen")
@pytest.mark.parametrize("name", ["backups.backup", "verification.copying", "verification.fleet"])
def test_a_warning_names_the_configuration_that_was_named(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    verbosity.take_config(Path("/etc/a b/lifeboat.yaml"))
    with progress.progress([]):
        logging.getLogger(name).warning(
            "%s is damaged: lifeboat backup agama --kind full; `lifeboat list` is only named", "agama-1"
        )
    told = capsys.readouterr().err
    assert told.endswith(
        "agama-1 is damaged: lifeboat -c '/etc/a b/lifeboat.yaml' backup agama --kind full; `lifeboat list` is only named\n"
    )


@pytest.mark.usefixtures("chosen")
def test_without_one_it_stays_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.progress([]):
        logging.getLogger("backups").warning("lifeboat list shows all")
    assert capsys.readouterr().err.endswith(" lifeboat list shows all\n")
