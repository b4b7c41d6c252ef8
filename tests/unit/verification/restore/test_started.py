"""What is said of a server that a restore has started, or has not started, and why."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from backups.errors import LifeboatError
from backups.machine.docker import Image
from backups.machine.docker.mounts import Mounted
from backups.places.base import Ownership
from backups.services.base import Asked, Beside, Delivery, Problem
from backups.witness import Check
from verification.restore.target.base import ask
from verification.restore.target.container import ContainerTarget
from verification.restore.target.lacking import files, lacking


def check(subject: str, expected: Any, observed: Any) -> Check:
    return Check(subject=subject, metric="m", expected=expected, observed=observed, passed=expected == observed)


def noted() -> Any:
    return SimpleNamespace(
        started=None, notes=[], note=lambda _: None, image=Image("toy:1", "sha256:1"), delivered=None, configuration=None
    )


class First:
    """A FirstStart with this answer."""

    def __init__(self, answer: Asked | LifeboatError) -> None:
        self.answer = answer

    def ready(self, address: str) -> bool:
        return True

    def ask(self, place: Any, address: str | None, settings: Any) -> Asked:
        if isinstance(self.answer, LifeboatError):
            raise self.answer
        return self.answer


EQUAL = check("one", 1, 1)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "the started server was not asked: what was delivered to it was compared before, in the sandbox"),
        (LifeboatError("it is away"), "the started server was not compared with the witness: it is away"),
        (Asked((EQUAL,)), "of the started server 1 fact is equal to the witness"),
        (
            Asked((EQUAL, EQUAL), ("its passwords",)),
            "of the started server 2 facts are equal to the witness; not asked: its passwords",
        ),
        (Asked((), ("all",)), "of the started server nothing was compared; not asked: all"),
    ],
)
def test_what_was_asked_and_what_was_not_is_said(answer: Asked | LifeboatError | None, said: str) -> None:
    steps = noted()
    ask(First(answer) if answer else None, cast("Any", "a place"), None, cast("Any", None), steps)
    assert steps.started == said


def test_what_is_gone_comes_first_and_the_others_are_counted() -> None:
    steps, wrong = (
        noted(),
        [check("number", 9, 8), check("a", 1, None), check("a", 2, None), check("b", 1, None), check("c", 1, 2)],
    )
    with pytest.raises(
        LifeboatError, match=r"a place is not what was delivered: a is gone; b is gone; number m: expected 9, obs"
    ) as told:
        ask(First(Asked((EQUAL, *wrong))), cast("Any", "a place"), None, cast("Any", None), steps)
    assert told.value.message.endswith("(and 1 more)")
    assert steps.started == "of the started server 5 of 6 facts differ from the witness"


def test_in_its_own_place_what_differs_is_told_and_what_is_gone_is_a_fault() -> None:
    """Whoever uses the service writes there as soon as it is back; a new container nobody knows yet."""
    steps, more = noted(), check("agama.client", 120, 121)
    ask(First(Asked((EQUAL, more))), cast("Any", "a place"), None, cast("Any", None), steps)
    assert steps.started.startswith(
        "of the started server 1 of 2 facts differ from the witness, as by somebody's work since: agama.cl"
    )
    with pytest.raises(LifeboatError, match=r"is not what was delivered: agama\.client m: expected 120, observed 121"):
        ask(First(Asked((EQUAL, more))), cast("Any", "a place"), "172.17.0.2", cast("Any", None), noted())
    with pytest.raises(LifeboatError, match=r"a is gone; agama\.client"):
        ask(First(Asked((more, check("a", 1, None)))), cast("Any", "a place"), None, cast("Any", None), noted())


class Made:
    """`docker:NAME`, which notes how its container was made."""

    name, volume, configuration = "n", "n-data", "n-configuration"

    def __init__(self) -> None:
        self.made: list[tuple[dict[str, str], bool]] = []
        self.options: list[str] = []

    def __str__(self) -> str:
        return "docker:n"

    def begin(self, image: Any, volumes: Any, options: Any, environment: dict[str, str], *, start: bool) -> Any:
        self.made.append((environment, start))
        self.options = list(options)
        return SimpleNamespace(running=lambda: True, address=lambda: "127.0.0.1")

    def files(self) -> str:
        return "volume n-data"


def begun(problems: Sequence[Problem] | LifeboatError, **more: Any) -> tuple[Made, Any]:
    def health(*_: object) -> Any:
        if isinstance(problems, LifeboatError):
            raise problems
        return iter(problems)

    made, steps = Made(), noted()
    beside = Beside("it would be told twice", {"QUIET": "true"}, ["--quiet"])
    delivery = Delivery(Path("/d"), Ownership("", 0, 0), "/data", environment={"A": "b"}, options=["--a"], beside=beside, **more)
    service = SimpleNamespace(settings=None, health=health)
    ContainerTarget(cast("Any", made), cast("Any", service), cast("Any", None)).begin(
        delivery, cast("Any", SimpleNamespace(witness=())), steps
    )
    return made, steps


@pytest.mark.parametrize(
    ("problems", "quiet"),
    [([], True), ([Problem("loss", "x", "y")], True), (LifeboatError("no password"), True), ([Problem("down", "x", "y")], False)],
)
def test_beside_a_source_that_lives_a_new_container_keeps_quiet_and_says_so(problems: Any, quiet: bool) -> None:
    made, steps = begun(problems)
    assert made.made == [({"A": "b"} | ({"QUIET": "true"} if quiet else {}), True)]
    assert made.options == ["--a", *(["--quiet"] if quiet else [])]
    assert ("it would be told twice" in steps.notes) is quiet


def test_a_server_that_a_start_would_ruin_is_made_and_not_started() -> None:
    made, steps = begun([], unready=("it has no key", "nor a home"), port=1)
    assert [start for _, start in made.made] == [False]
    assert steps.started == "container n was made and not started: it has no key; nor a home"
    assert steps.delivered == "docker:n"
    assert "when that is mended, start it: docker start n" in steps.notes


class Engine:
    """Docker, with a container whose /etc/x is a directory of this machine, and whose /opt is in its layer."""

    def __init__(self, etc: Path, *, running: bool = False) -> None:
        self.etc, self.running = etc, running

    def mounted(self, container: str, path: str) -> Mounted | None:
        return Mounted(self.etc, None, whole=True) if path == "/etc/x" else None

    def host_path(self, container: str, path: str) -> Path:
        return self.etc if path == "/etc/x" else Path("/nowhere")

    def runs(self, container: str) -> bool:
        return self.running


@pytest.mark.parametrize(
    ("config_place", "text", "running", "said"),
    [
        ("local:{etc}", "local:/d", False, "local:{etc} lacks gone.ini and 1 more of its configuration"),
        ("docker:box:/etc/x", "docker:box:/d", False, "docker:box:/etc/x lacks gone.ini and 1 more of its configuration"),
        ("docker:box:/etc/x", "local:/d", False, "docker:box:/etc/x lacks gone.ini and 1 more of its configuration"),
        # Nobody sees a stopped container's layer, another machine's is not looked at, and some services have none.
        ("docker:box:/opt", "docker:box:/d", False, None),
        ("docker:box:/opt", "docker:box:/d", True, "docker:box:/opt lacks gone.ini and 2 more of its configuration"),
        ("ssh:one:/etc/x", "ssh:two:/d", False, None),
        ("ssh:one:/etc/x", "local:/d", False, None),
        (None, "local:/d", False, None),
    ],
)
def test_what_the_configuration_lacks_is_told_before_a_start(
    tmp_path: Path, config_place: str | None, text: str, running: bool, said: str | None
) -> None:
    etc, delivered = tmp_path / "etc", tmp_path / "delivered"
    etc.mkdir()
    (etc / "there.ini").touch()
    for path in ("there.ini", "gone.ini", "provisioning/gone.yaml", "lifeboat-secret-key", "directories/srv/x.json"):
        (delivered / path).parent.mkdir(parents=True, exist_ok=True)
        (delivered / path).touch()
    names = files(delivered)
    assert names == ["gone.ini", "provisioning/gone.yaml", "there.ini"]
    place = config_place and config_place.format(etc=etc)
    service = SimpleNamespace(settings=SimpleNamespace(config_place=place))
    found = lacking(text, cast("Any", service), names, cast("Any", Engine(etc, running=running)), cast("Any", None))
    assert found == (said and said.format(etc=etc))


@pytest.mark.parametrize("config_place", ["local:{etc}", "docker:box:/etc/x"])
@pytest.mark.parametrize("there", [True, False])
def test_what_is_read_elsewhere_is_looked_for_there(tmp_path: Path, config_place: str, there: bool) -> None:
    """And not in `config_place`, where the source never had it: its service would never be started again."""
    etc, more = tmp_path / "etc", tmp_path / "more"
    etc.mkdir()
    more.mkdir()
    (etc / "grafana.ini").touch()
    if there:
        (more / "a.yaml").touch()

    class Elsewhere(Engine):
        def mounted(self, container: str, path: str) -> Mounted | None:
            return Mounted(more, None, whole=True) if path == str(more) else super().mounted(container, path)

        def host_path(self, container: str, path: str) -> Path:
            return more if path == str(more) else super().host_path(container, path)

    place = config_place.format(etc=etc)
    service = cast("Any", SimpleNamespace(settings=SimpleNamespace(config_place=place)))
    names, docker = ["grafana.ini", "provisioning/a.yaml"], cast("Any", Elsewhere(etc))
    text = "docker:box:/d" if place.startswith("docker:") else "local:/d"
    found = lacking(text, service, names, docker, cast("Any", None), {"provisioning": str(more)})
    assert found == (None if there else f"{place.rpartition(':')[0]}:{more} lacks a.yaml of its configuration")
