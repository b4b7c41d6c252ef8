"""Nothing is written under a running server, and only the service's own place is stopped and started."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from backups.errors import LifeboatError
from backups.machine.docker.mounts import Mounted
from backups.places.local.place import LocalPlace
from backups.services.base import Problem
from verification.restore import files_in_use, plan
from verification.restore.target.beside import beside
from verification.restore.target.own import is_own
from verification.restore.target.place import PlaceTarget

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root sees the files of every process")


class Engine:
    """Docker with one container `box`, which has /data of this machine at /var/lib/x, a volume at /var/lib/v, and a layer."""

    def __init__(self, bind: Path, *, running: bool = False, mounting: tuple[str, ...] = ()) -> None:
        self.bind, self.running, self.others, self.volumes = bind, running, mounting, set[str]()

    def mounted(self, container: str, path: str) -> Mounted | None:
        for at, source, volume in (("/var/lib/x", self.bind, None), ("/var/lib/v", Path("/docker/v/_data"), "vol")):
            if Path(path).is_relative_to(at):
                return Mounted(source / Path(path).relative_to(at), volume, whole=path == at)
        return None

    def host_path(self, container: str, path: str) -> Path:
        if container != "box":
            raise LifeboatError(f"there is no container {container}")
        found = self.mounted(container, path)
        return found.path if found else Path("/docker/layer") / path.lstrip("/")

    def runs(self, container: str) -> bool:
        return self.running

    def mounting(self, directory: Path) -> list[str]:
        return list(self.others) if directory == self.bind else []

    def has_volume(self, name: str) -> bool:
        return name in self.volumes


def service(*, to: str | None = None, place: str | None = None, stop: str | None = None, problems: Any = ()) -> Any:
    restore = SimpleNamespace(to=to, stop=stop, start=None, owner=None)
    return SimpleNamespace(name="graf", settings=SimpleNamespace(restore=restore, place=place), health=lambda *_: iter(problems))


def target(engine: Engine, text: str, of: Any, *, own: bool) -> PlaceTarget:
    site = SimpleNamespace(hosts=None, settings=SimpleNamespace(watch=SimpleNamespace(collapse=0.5)))
    directory = engine.host_path("box", text.split(":")[2]) if text.startswith("docker:") else Path(text[6:])
    return PlaceTarget(LocalPlace(directory, text), text, cast("Any", site), of, cast("Any", engine), own)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    directory = tmp_path / "a place; of 'some' $(name)"
    directory.mkdir()
    (directory / "grafana.db").write_text("x")
    return directory


OWN = [
    ("local:/srv/x", "local:/srv/x", None, True),
    ("local:/srv/x/", "local:/srv/./x", None, True),
    ("local:/srv/x", None, "local:/srv/x", True),
    ("local:{data}", None, "docker:box:/var/lib/x", True),
    ("docker:box:/var/lib/x/", None, "local:{data}", True),
    ("docker:box:/var/lib/x", None, "docker:box:/var/lib/x", True),
    ("ssh:one:/srv/x", "ssh:one:/srv/x/", None, True),
    ("ssh:one:/srv/x", "ssh:two:/srv/x", "local:/srv/x", False),
    ("local:/srv/x", None, None, False),
    ("local:/srv/xy", "local:/srv/x", None, False),
    ("local:/srv", "local:/srv/x", "local:/srv/x", False),
    ("docker:box:/var/lib/v", None, "docker:box:/var/lib/x", False),
    ("docker:gone:/var/lib/x", None, "docker:box:/var/lib/x", False),
    ("docker:new", None, "docker:box:/var/lib/x", False),
    ("docker:new", "docker:new", None, True),
]


@pytest.mark.parametrize(("text", "to", "place", "own"), OWN)
def test_a_place_is_the_services_own_however_it_is_written(
    data: Path, text: str, to: str | None, place: str | None, own: bool
) -> None:
    text, to, place = (each and each.format(data=data) for each in (text, to, place))
    assert is_own(str(text), service(to=to, place=place), cast("Any", Engine(data)), cast("Any", None)) is own


def test_a_link_to_the_services_own_place_is_that_place(data: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(data)
    assert is_own(f"local:{tmp_path}/link", service(place=f"local:{data}"), cast("Any", Engine(data)), cast("Any", None))


@needs_root
@pytest.mark.parametrize("how", ["open", "open and deleted", "its container runs", "another has it mounted", "it answers"])
def test_a_place_in_use_is_refused_whoever_uses_it(data: Path, how: str) -> None:
    engine = Engine(data, running=how == "its container runs", mounting=("other",) if how.startswith("another") else ())
    text = "docker:box:/var/lib/x"
    down = Problem("down", "graf", "it is down")
    of = service(place=f"local:{data}", problems=() if how == "it answers" else (down,))
    holder = None
    if how.startswith("open"):
        code = f"f = open({str(data / 'grafana.db')!r}); print('open', flush=True); input()"
        holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        if how == "open and deleted":
            (data / "grafana.db").unlink()
    try:
        with pytest.raises(LifeboatError, match="is in use: ") as refused:
            plan.require_at_rest(cast("Any", target(engine, text, of, own=True)), plan.ANYWAY)
    finally:
        if holder:
            holder.kill()
            holder.wait()
    named = {
        "its container runs": "container box runs",
        "another has it mounted": "container other runs",
        "it answers": "answers",
    }
    assert named.get(how, f"process {holder.pid if holder else ''} of its machine") in refused.value.message
    assert "--anyway" in str(refused.value.hint)


@needs_root
def test_a_place_at_rest_is_taken_and_so_is_one_that_a_command_stops(data: Path) -> None:
    down = (Problem("down", "graf", "it is down"),)
    assert target(Engine(data), f"local:{data}", service(place=f"local:{data}", problems=down), own=True).in_use() is None
    busy = Engine(data, running=True, mounting=("other",))
    assert target(busy, "docker:box:/var/lib/x", service(place=f"local:{data}", stop="true"), own=True).in_use() is None


@needs_root
def test_that_the_service_answers_says_nothing_of_another_directory(data: Path) -> None:
    assert target(Engine(data), f"local:{data}", service(place="local:/srv/elsewhere"), own=False).in_use() is None
    # Nor of a standby's, which restore.to names beside the place.
    standby = service(place="local:/srv/elsewhere", to=f"local:{data}")
    assert target(Engine(data), f"local:{data}", standby, own=True).in_use() is None


def test_a_stop_that_stops_nothing_is_found_before_anything_is_moved(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verification.restore.target.place._ENDING", 0.0)
    engine = Engine(data, running=True)
    steps = SimpleNamespace(begin_step=lambda *_: None, note=lambda *_: None, stopped=False)
    delivery = SimpleNamespace(data=data)
    stopping = target(engine, "docker:box:/var/lib/x", service(place="docker:box:/var/lib/x", stop="true"), own=True)
    with pytest.raises(LifeboatError, match=r"restore\.stop succeeded, and 0 s later container box runs"):
        stopping.make_way(cast("Any", delivery), ["grafana.db"], cast("Any", steps))
    assert (data / "grafana.db").exists()


@pytest.mark.parametrize(
    ("path", "running", "stop", "taken"),
    [
        ("/var/lib/x", False, None, True),
        ("/var/lib/v", True, "true", True),
        ("/opt/data", True, None, True),
        ("/opt/data", True, "true", False),
        ("/opt/data", False, None, False),
    ],
)
def test_what_is_in_a_containers_layer_is_taken_only_while_it_runs(
    data: Path, path: str, running: bool, stop: str | None, taken: bool
) -> None:
    """The path of a stopped container's layer is a directory of this machine that no container ever has."""
    found = target(Engine(data, running=running), f"docker:box:{path}", service(stop=stop), own=True)
    if taken:
        found.require_takes(cast("Any", SimpleNamespace()), cast("Any", None))
    else:
        with pytest.raises(LifeboatError, match="it is nowhere while container box is stopped"):
            found.require_takes(cast("Any", SimpleNamespace()), cast("Any", None))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("local:/srv/x", "local:/srv/x-configuration"),
        ("local:/srv/x/", "local:/srv/x-configuration"),
        ("docker:box:/var/lib/x", "local:{data}-configuration of this machine"),
        ("docker:box:/var/lib/x/below", "docker:box:/var/lib/x/below-configuration"),
        ("docker:box:/var/lib/v", "docker volume vol-configuration"),
        ("docker:box:/var/lib/v/below/", "docker:box:/var/lib/v/below-configuration"),
        ("docker:box:/opt/data", "docker:box:/opt/data-configuration"),
    ],
)
def test_a_configuration_lands_where_it_still_is_when_the_container_is_stopped_or_started(
    data: Path, text: str, shown: str
) -> None:
    takes, said = beside(text, "-configuration", cast("Any", Engine(data)), cast("Any", None))
    assert said == shown.format(data=data)
    assert not takes.entries()


@needs_root
def test_who_looks_names_the_process_that_has_a_file_open_by_another_name(data: Path, tmp_path: Path) -> None:
    os.link(data / "grafana.db", tmp_path / "other")
    with (tmp_path / "other").open():
        assert files_in_use.look(LocalPlace(data)).process == os.getpid()
    assert files_in_use.look(LocalPlace(data)).process is None
