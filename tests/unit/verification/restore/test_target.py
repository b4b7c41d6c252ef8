"""What each kind of target does with what was brought back, and in which order; the rest is told by restores of real services."""

import json
import socket
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from backups.errors import LifeboatError
from backups.machine.docker import Image
from backups.manifest import Manifest, Source
from backups.places.base import Ownership
from backups.services.base import Delivery
from verification.restore.target.api import ApiTarget
from verification.restore.target.base import Target
from verification.restore.target.container import ContainerTarget
from verification.restore.target.place import PlaceTarget

NOW = datetime(2026, 11, 23, tzinfo=UTC)
MANIFEST = Manifest.model_construct(
    lifeboat="1", id="b", service="toy", type="toy", kind="full", chain="b", sequence=0, parent=None, started_at=NOW, taken_at=NOW,
    finished_at=NOW, source=Source(version="1", image="toy:1"), files=(), details={}, witness=(),
)  # fmt: skip


@dataclass
class Noted:
    """See Steps: what was begun, noted and called, in order."""

    calls: list[str] = field(default_factory=list)
    delivered: str | None = None
    aside: str | None = None
    configuration: str | None = None
    touched: bool = False
    stopped: bool = False
    started: str | None = None
    image: Image | None = None
    notes: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)

    def begin_step(self, phase: str, title: str) -> None:
        self.calls.append(f"phase {phase}")

    def note(self, line: str) -> None:
        """Not looked at."""


@dataclass
class Server:
    """A place, a container and a server with an API in one; each says what it is asked for."""

    steps: Noted
    free_bytes: int = 10**9
    code: int = 0
    container: Any = None

    def __str__(self) -> str:
        return "a server"

    def __getattr__(self, name: str) -> Any:
        answers: dict[str, Any] = {
            "free": self.free_bytes, "run": (self.code, "no"), "move_aside": "local:/data.old", "receive": ["a note"],
            "entries": ["here"], "image": "an image", "volume": "v", "name": "n", "begin": self.container,
            "lacking": ["a phrase"], "written": True,
        }  # fmt: skip
        if name in {"volume", "name", "lacking", "written"}:
            return answers[name]

        def call(*said: object, **__: object) -> Any:
            self.steps.calls.append("look" if "awk" in str(said) else name)
            if name == "keep":
                cast("Path", said[0]).mkdir(parents=True)
            return answers.get(name)

        return call


@pytest.fixture
def delivery(tmp_path: Path) -> Delivery:
    (tmp_path / "file").write_text("data")
    return Delivery(tmp_path, Ownership("", 0, 0), "/data")


def carried_out(target: Target, delivery: Delivery, steps: Noted, held: list[str]) -> list[str]:
    target.make_way(delivery, held, steps)
    target.deliver(delivery, MANIFEST, steps)
    target.begin(delivery, MANIFEST, steps)
    return [call for call in steps.calls if call not in {"free", "entries"}]


def place(server: Server, *, in_place: bool = True) -> PlaceTarget:
    commands = SimpleNamespace(stop="stop it", start="start it", owner=None)
    service = SimpleNamespace(settings=SimpleNamespace(restore=commands), health=lambda *_: iter(()))
    site = SimpleNamespace(hosts=None, settings=SimpleNamespace(watch=SimpleNamespace(collapse=0.5)))
    return PlaceTarget(cast("Any", server), "local:/data", cast("Any", site), cast("Any", service), cast("Any", server), in_place)


def test_a_place_is_cleared_after_its_service_has_stopped_and_started_when_all_is_there(delivery: Delivery) -> None:
    steps = Noted()
    calls = carried_out(place(Server(steps)), delivery, steps, ["old"])
    assert calls == ["phase stop", "run", "look", "phase deliver", "move_aside", "run", "put", "phase begin", "run"]
    assert (steps.aside, steps.delivered, steps.touched, steps.stopped) == ("local:/data.old", "a server", True, False)


def test_nothing_is_stopped_or_started_where_single_tables_go(delivery: Delivery) -> None:
    steps = Noted()
    assert carried_out(place(Server(steps), in_place=False), delivery, steps, []) == ["phase deliver", "put"]


@pytest.mark.parametrize(("server", "fault"), [({"free_bytes": 3}, "4 B, 3 B are free"), ({"code": 7}, "restore.stop failed")])
def test_a_place_without_room_or_whose_service_does_not_stop_is_left_as_it_is(
    delivery: Delivery, server: dict[str, int], fault: str
) -> None:
    steps = Noted()
    with pytest.raises(LifeboatError, match=fault):
        carried_out(place(Server(steps, **server)), delivery, steps, ["old"])
    assert not {"move_aside", "put"} & set(steps.calls)
    assert (steps.aside, steps.delivered, steps.touched, steps.stopped) == (None, None, False, False)


@pytest.mark.parametrize("kind", ["place", "container", "server"])
def test_a_target_whose_delivery_broke_off_is_known_to_have_been_changed(kind: str, delivery: Delivery, tmp_path: Path) -> None:
    """Whatever was put there by then is not undone: nobody may be told that it was not touched."""

    class Broken(Server):
        def __getattr__(self, name: str) -> Any:
            if name in {"put", "fill", "receive"}:
                raise LifeboatError("the connection broke")
            return super().__getattr__(name)

    steps = Noted()
    server = cast("Any", Broken(steps))
    service = cast("Any", SimpleNamespace(settings=SimpleNamespace(restore=SimpleNamespace(owner=None))))
    targets: dict[str, Target] = {
        "place": place(server),
        "container": ContainerTarget(server, service, server),
        "server": ApiTarget(server, tmp_path, "toy"),
    }
    target = targets[kind]
    assert not steps.touched
    target.make_way(delivery, [], steps)
    assert (steps.touched, steps.stopped) == (False, kind == "place"), steps.calls
    with pytest.raises(LifeboatError, match="the connection broke"):
        target.deliver(delivery, MANIFEST, steps)
    assert (steps.touched, steps.delivered) == (True, None)


def test_a_server_keeps_what_it_holds_before_anything_is_put_into_it(delivery: Delivery, tmp_path: Path) -> None:
    steps = Noted()
    target = ApiTarget(cast("Any", Server(steps)), tmp_path, "toy")
    assert carried_out(target, delivery, steps, ["old"]) == ["phase keep", "keep", "phase deliver", "receive"]
    assert (steps.delivered, steps.notes) == ("a server", ["a note"])
    assert str(steps.aside).startswith(f"{tmp_path}/restores/toy.before-restore-")


def test_a_server_to_which_nothing_was_sent_is_known_to_be_untouched(delivery: Delivery, tmp_path: Path) -> None:
    class Refusing(Server):
        def __getattr__(self, name: str) -> Any:
            if name == "receive":
                raise LifeboatError("two clashes")
            return False if name == "written" else super().__getattr__(name)

    steps = Noted()
    with pytest.raises(LifeboatError, match="two clashes"):
        carried_out(ApiTarget(cast("Any", Refusing(steps)), tmp_path, "toy"), delivery, steps, [])
    assert not steps.touched
    assert not list((tmp_path / "restores").iterdir()), "there is nothing to go on with"


@pytest.mark.parametrize("over", [True, False])
def test_the_only_copy_of_what_was_written_over_outlives_a_restore_that_is_gone_on_with(
    over: bool, delivery: Delivery, tmp_path: Path
) -> None:
    """By then the server holds nothing that is not the backup's any more."""

    class Dying(Server):
        def __getattr__(self, name: str) -> Any:
            if name == "receive":
                raise LifeboatError("killed")
            return super().__getattr__(name)

    begun = ApiTarget(cast("Any", Dying(Noted())), tmp_path, "toy")
    begun._backup = MANIFEST.id
    with pytest.raises(LifeboatError, match="killed"):
        carried_out(begun, delivery, Noted(), ["old"] if over else [])
    for last in (False, True):
        steps = Noted()
        again = ApiTarget(cast("Any", (Server if last else Dying)(steps)), tmp_path, "toy")
        again.first = again.unfinished(MANIFEST.id, datetime.now(UTC))
        assert again.first is not None
        with suppress(LifeboatError):
            carried_out(again, delivery, steps, [])
        assert steps.aside == (str(again.first) if over else None)
    assert again.first.is_dir() == over
    assert not list((tmp_path / "restores").rglob("unfinished.json"))


def test_what_a_kill_leaves_of_a_copy_is_nothing_to_go_on_with(delivery: Delivery, tmp_path: Path) -> None:
    class Dying(Server):
        def __getattr__(self, name: str) -> Any:
            def keep(directory: Path) -> None:
                directory.mkdir(parents=True)
                (directory / "half").touch()
                raise KeyboardInterrupt

            return keep if name == "keep" else super().__getattr__(name)

    begun = ApiTarget(cast("Any", Dying(Noted())), tmp_path, "toy")
    begun._backup = MANIFEST.id
    with pytest.raises(KeyboardInterrupt):
        carried_out(begun, delivery, Noted(), ["old"])
    again = ApiTarget(cast("Any", Server(Noted())), tmp_path, "toy")
    assert again.unfinished(MANIFEST.id, datetime.now(UTC)) is None
    carried_out(again, delivery, Noted(), ["old"])
    assert list((tmp_path / "restores").iterdir()) == [again.kept]
    assert not list(tmp_path.rglob("half"))


def test_only_the_same_restore_of_late_is_gone_on_with(tmp_path: Path) -> None:
    kept = tmp_path / "restores" / "toy.before-restore-x"
    kept.mkdir(parents=True)
    said = {"to": "a server", "backup": "b", "at": "2026-11-23T00:00:00+00:00"}

    def goes_on(hours: float = 1, **changed: str) -> bool:
        (kept / "unfinished.json").write_text(json.dumps(said | changed))
        target = ApiTarget(cast("Any", Server(Noted())), tmp_path, "toy")
        return target.unfinished("b", NOW + timedelta(hours=hours)) == kept

    assert goes_on()
    assert not goes_on(hours=25)
    assert not goes_on(to="another server")
    assert not goes_on(backup="a newer backup")
    (kept / "unfinished.json").write_text("half a li")
    assert ApiTarget(cast("Any", Server(Noted())), tmp_path, "toy").unfinished("b", NOW) is None


class Begun:
    """A container that begins to answer at this machine's port when it is looked at for the second time, or ends instead."""

    def __init__(self, listening: socket.socket, *, ends: bool = False) -> None:
        self.listening, self.ends, self.looks = listening, ends, 0

    def running(self) -> bool:
        self.looks += 1
        if self.looks == 2:
            self.listening.listen()
        return not (self.ends and self.looks > 2)

    def address(self) -> str:
        return "127.0.0.1" if not self.ends else "127.0.0.2"

    def log_line(self, lines: int) -> str:
        return f"the last {lines} lines"


@pytest.mark.parametrize("ends", [False, True])
def test_a_new_container_is_said_to_be_there_once_it_answers(delivery: Delivery, ends: bool) -> None:
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        begun, steps = Begun(listening, ends=ends), Noted(image=Image("toy:1", "sha256:1"))
        service = cast("Any", SimpleNamespace(settings=None))
        target = ContainerTarget(cast("Any", Server(steps, container=begun)), service, cast("Any", None))
        answering = replace(delivery, port=listening.getsockname()[1])
        if ends:
            with pytest.raises(LifeboatError, match="container n ended while it started: the last 8 lines"):
                target.begin(answering, MANIFEST, steps)
        else:
            target.begin(answering, MANIFEST, steps)
        where = f"it answers at 127.0.0.1:{answering.port}, from this machine alone: no port is published"
        assert (steps.delivered, begun.looks > 2, steps.notes) == ("a server", True, [] if ends else [where])


def test_a_new_container_is_delivered_once_it_runs_and_never_replaced(delivery: Delivery) -> None:
    steps = Noted(image=Image("toy:1", "sha256:1"))
    service = SimpleNamespace(settings=SimpleNamespace(restore=SimpleNamespace(owner=None)))
    running = SimpleNamespace(running=lambda: True, address=lambda: "127.0.0.1")
    target = ContainerTarget(cast("Any", Server(steps, container=running)), cast("Any", service), cast("Any", Server(steps)))
    assert target.replacement is None
    target.deliver(delivery, MANIFEST, steps)
    assert steps.delivered is None
    target.begin(delivery, MANIFEST, steps)
    assert steps.calls == ["phase deliver", "fill", "begin", "files"]
    assert steps.delivered == "a server"
    assert "the started server was not asked" in str(steps.started)
