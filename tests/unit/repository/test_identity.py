"""A repository that is not the known one: what is the matter, and what to type; never to begin anew where one is only away."""

from pathlib import Path

import pytest

from backups.errors import ConfigError
from backups.repository import identity

KNOWN, OTHER = "a" * 64, "b" * 64


@pytest.mark.parametrize(
    ("name", "found", "hint"),
    [
        (
            None,
            None,
            "mount it, or correct repository.url; if it is lost, this begins a new one without any backup: lifeboat backup --init",
        ),
        (
            "offsite",
            None,
            (
                "mount it, or correct repositories.offsite.url; if it is lost, this begins a new one without any backup: "
                "lifeboat copy --to offsite --init"
            ),
        ),
        (
            None,
            OTHER,
            (
                "mount it, or correct repository.url; if what is there is meant from now on: lifeboat backup --init "
                "(verify, restore and prune have --init, too)"
            ),
        ),
        (
            "offsite",
            OTHER,
            "mount it, or correct repositories.offsite.url; if what is there is meant from now on: lifeboat copy --to offsite --init",
        ),
    ],
)
def test_where_none_is_the_hint_does_not_speak_of_what_is_there(
    tmp_path: Path, name: str | None, found: str | None, hint: str
) -> None:
    file = tmp_path / identity.file(name)
    identity.remember(file, KNOWN)
    with pytest.raises(ConfigError, match=f"known here is {KNOWN}, found is {found or 'none'}") as refused:
        identity.require(file, found, "/backup")
    assert refused.value.hint == hint
    assert identity.known(file) == KNOWN
