"""Which image a copy runs on: the configured one, or another tag of it that this machine has; no other without being asked for."""

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backups.errors import ConfigError, LifeboatError
from backups.machine.docker import Docker, Image
from backups.manifest import Source
from verification.drill import images

HERE = {"mysql:9.6": "sha256:96", "mysql:9.7": "sha256:97", "attacker/evil:3": "sha256:666", "mirror:5000/mysql:9.7": "sha256:97"}


def present(name: str) -> Image | None:
    return Image(name, HERE[name]) if name in HERE else None


def chosen(named: str, configured: str = "mysql:9.7", *, image_id: str | None = None, asked: str | None = None) -> str:
    return images.choose("agama", configured, Source(version="9.7.4", image=named, image_id=image_id), asked, present)


@pytest.mark.parametrize(
    ("named", "runs"),
    [
        ("mysql:9.7", "mysql:9.7"),
        ("docker.io/library/mysql:9.7", "mysql:9.7"),
        # Before an upgrade of the tag: as yesterday, while this machine has it.
        ("mysql:9.6", "mysql:9.6"),
        # Never pulled for it: the configured one runs, or is refused by its version.
        ("mysql:9.5", "mysql:9.7"),
        ("mysql", "mysql:9.7"),
        ("mysql@sha256:0123", "mysql:9.7"),
    ],
)
def test_the_configured_image_runs_or_another_tag_of_it_that_is_here(named: str, runs: str) -> None:
    assert chosen(named) == runs


@pytest.mark.parametrize(
    "named",
    ["attacker/evil:3", "attacker/mysql:9.7", "evil/../mysql:9.7", "docker.io/attacker/mysql:9.7", "mysql.evil:9.7", "sha256:97", "97",
     "mirror:5000/mysql:9.7", "mysql/mysql:9.7", "library/evil:9.7", "", ":9.7", "@sha256:97", "MYSQL:9.7", " mysql:9.7"],
)  # fmt: skip
def test_an_image_that_only_the_repository_names_never_runs(named: str) -> None:
    with pytest.raises(LifeboatError, match=r"lifeboat\.yaml names mysql:9\.7 for agama") as refused:
        chosen(named)
    assert refused.value.hint == f"if you know that image: --image {named} allows it, this time"


def test_the_same_image_by_its_id_is_the_configured_one_under_its_configured_name() -> None:
    """A registry that was renamed."""
    assert chosen("mirror:5000/mysql:9.7", image_id="sha256:97") == "mysql:9.7"
    with pytest.raises(LifeboatError):
        chosen("mirror:5000/mysql:9.7", image_id="sha256:666")
    with pytest.raises(LifeboatError):
        chosen("attacker/evil:3", "absent:1", image_id="sha256:666")


def test_whoever_restores_may_name_any() -> None:
    assert chosen("attacker/evil:3", asked="attacker/evil:3") == "attacker/evil:3"
    assert chosen("mysql:9.7", asked="percona:8") == "percona:8"


@pytest.mark.parametrize(
    ("named", "configured", "same"),
    [
        ("host:5000/a/b:1", "host:5000/a/b:2", True), ("host:5000/b", "host:5001/b", False), ("host/b:1", "b:1", False),
        ("index.docker.io/prom/prometheus:v3", "prom/prometheus:v3.5", True), ("b@sha256:1", "b:2@sha256:2", True),
    ],
)  # fmt: skip
def test_names_are_compared_with_their_registry(named: str, configured: str, same: bool) -> None:
    if same:
        assert chosen(named, configured) == configured
    else:
        with pytest.raises(LifeboatError):
            chosen(named, configured)


@given(st.text(max_size=30), st.sampled_from([None, "sha256:666"]))
def test_by_property_nothing_but_the_configured_image_s_own_tags_runs(named: str, image_id: str | None) -> None:
    try:
        runs = chosen(named, image_id=image_id)
    except LifeboatError:
        return
    assert runs.partition(":")[0] == "mysql"
    assert runs == "mysql:9.7" or runs in HERE


def test_a_plan_shows_the_image_and_its_id_and_what_will_be_pulled() -> None:
    class Machine:
        def present(self, name: str) -> Image | None:
            if name == "down":
                raise LifeboatError("Docker does not answer")
            return present(name)

    shown = [images.described(name, cast("Docker", Machine())) for name in ("mysql:9.7", "mysql:9.9", "down")]
    assert shown == [
        "mysql:9.7 (sha256:97)",
        "mysql:9.9 (not on this machine: it is pulled first)",
        "down (Docker does not answer, so its id is not known)",
    ]


def test_what_cannot_be_an_image_ends_a_plan_as_it_would_end_the_work() -> None:
    """It was said that Docker does not answer, and exit code 0."""

    class Machine:
        def present(self, name: str) -> Image | None:
            raise ConfigError(f"{name!r} is no name of an image")

    with pytest.raises(ConfigError, match="is no name of an image"):
        images.described("two:tags:here", cast("Docker", Machine()))
