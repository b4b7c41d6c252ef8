"""Takes along what a source's settings name beside its configuration's own files: directories of dashboards, and single files.

Of a provider's directory only files of dashboards are taken, as its server reads no others: whoever may write a provisioning
file could otherwise have any directory of the machine in a backup. Other files go along from below `config_place` alone.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from backups import foreign
from backups.errors import LifeboatError
from backups.hosts import Hosts
from backups.machine import disk
from backups.machine.docker import Docker
from backups.places import links, names
from backups.places.base import Place
from backups.places.parse import parse
from backups.services.grafana import server
from backups.services.grafana.files.in_force import InForce
from backups.services.grafana.files.named_files import CONFIG_INSIDE, named_files
from backups.services.grafana.files.provisioned import PROVISIONING, providers, value_files
from backups.services.grafana.settings import GrafanaSettings

DIRECTORIES = "directories"
"""Where a backup has them, each below its whole path."""
_MOST = 256 << 20
"""Bytes of all such directories together."""
_LARGEST_FILE = 1 << 20


@dataclass(frozen=True)
class Source:
    """A source's settings, and what is in force there."""

    settings: GrafanaSettings
    found: InForce
    docker: Docker
    hosts: Hosts

    def views(self) -> dict[str, str]:
        """Where Grafana sees its data and its configuration, and the places that lifeboat.yaml names for them."""
        named = self.found.outside.config() or ""
        config = str(PurePosixPath(named).parent) if named.startswith("/") else CONFIG_INSIDE
        views = {_data(self.found): self.settings.place, config: self.settings.config_place}
        # A server of the machine itself sees what the places name.
        own = {place.rpartition(":")[2].rstrip("/"): place for place in views.values() if place}
        return {view: place for view, place in (own | views).items() if place}

    def place(self, path: str) -> Place:
        """The directory that Grafana sees at `path`; raises LifeboatError where it is not to be had."""
        named = PurePosixPath(path)
        if not named.is_absolute() or ".." in named.parts:
            raise LifeboatError(f"{path} is no absolute path", hint="write the whole path")
        for view, place in sorted(self.views().items(), key=lambda item: -len(item[0])):
            if named.is_relative_to(view):
                below = named.relative_to(view).as_posix()
                return parse(place.rstrip("/") + ("" if below == "." else f"/{below}"), self.docker, self.hosts)
        places = [place for place in (self.settings.place, self.settings.config_place) if place]
        where = next((place for place in places if place.startswith("docker:")), places[0])
        machine = "local:" if where.startswith("local:") else ":".join(where.split(":")[:2]) + ":"
        return parse(f"{machine}{named}", self.docker, self.hosts)


def provisioning(source: Source) -> str | None:
    """The directory of provisioning files, where it is another than the configuration's own; None where it is that."""
    setting = source.found.setting("paths", PROVISIONING)
    path = setting.readings[0].rstrip("/") if setting and setting.readings else ""
    own = {f"{view}/{PROVISIONING}" for view, place in source.views().items() if place == source.settings.config_place}
    return path if path.startswith("/") and path not in own else None


def plugins(source: Source) -> str | None:
    """The directory of plugins, where it is not `plugins` of the data directory; None where it is."""
    setting = source.found.setting("paths", "plugins")
    path = setting.readings[0].rstrip("/") if setting and setting.readings else ""
    return path if path.startswith("/") and path != f"{_data(source.found)}/plugins" else None


def take(source: Source, config: Path, into: Path, work: Path) -> Iterator[str]:
    """Copy what the configuration in `config` names into the backup's directory `into`; yields what could not be taken.

    work: a directory for the way, which may not be there yet
    """
    if source.settings.config_place is None:
        # What the environment names; nothing else is seen.
        yield from _take_files(source, config)
        return
    work.mkdir(exist_ok=True)
    if other := provisioning(source):
        yield from _take_provisioning(source, other, config, work / PROVISIONING)
    yield from _take_files(source, config)
    yield from _take_directories(source, config, into, work)


def _take_provisioning(source: Source, path: str, config: Path, work: Path) -> Iterator[str]:
    """Put the provisioning files that are elsewhere where a restored server reads them."""
    try:
        place = source.place(path)
        place.check()
        _, odd = fetch_tree(place, work, lambda path: path.lower().endswith((".yaml", ".yml", ".json")), most=_MOST)
    except LifeboatError as error:
        yield f"the provisioning files in {path}: {error.message}"
        return
    yield from odd
    shutil.rmtree(config / PROVISIONING, ignore_errors=True)
    if work.is_dir():
        config.mkdir(exist_ok=True)
        shutil.move(work, config / PROVISIONING)


def _take_files(source: Source, config: Path) -> Iterator[str]:
    """Take the files that settings name and that are below `config_place`; yields the others."""
    for setting, path in _files_of(source, config):
        below = _below_config(source, path)
        if below is None:
            yield f"the file {path}, which {setting} names: it is not below config_place"
            continue
        if (config / below).is_file():
            continue
        try:
            place = parse(str(source.settings.config_place), source.docker, source.hosts)
            listed = place.files(below)
            if [file.path for file in listed] == [below] and listed[0].size <= _LARGEST_FILE:
                place.fetch([below], config)
            else:
                yield f"the file {path}, which {setting} names: it is no file of at most {disk.size(_LARGEST_FILE)}"
        except LifeboatError as error:
            yield f"the file {path}, which {setting} names: {error.message}"


def _files_of(source: Source, config: Path) -> Iterator[tuple[str, str]]:
    """What names a file by its whole path, and that path: the settings, and the provisioning files."""
    yield from named_files(source.found)
    yield from (("a provisioning file", path) for path in value_files(config))


def _take_directories(source: Source, config: Path, into: Path, work: Path) -> Iterator[str]:
    """Take the directories of providers of dashboards."""
    left = _MOST
    for number, one in enumerate(providers(config)):
        what = f"the directory {one.path} of the provider of dashboards {one.name!r}"
        target = into / DIRECTORIES / one.path.lstrip("/")
        if target.exists():
            continue
        if below_provisioning(one.path, source):
            continue
        try:
            place = source.place(one.path)
            place.check()
            size, odd = fetch_tree(place, work / f"{number}", _is_dashboard, most=left)
        except LifeboatError as error:
            yield f"{what}: {error.message}"
            continue
        left -= size
        yield from odd
        if (work / f"{number}").is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(work / f"{number}", target)


def of_dashboards(config: Path) -> list[str]:
    """The directories that the providers of a configuration read, as Grafana sees them."""
    return list(dict.fromkeys(one.path for one in providers(config)))


def examine(source: Source, config: Path, work: Path) -> Iterator[str]:
    """Say what a backup could not take along of what the configuration in `config` names; `take` without most of the files.

    work: a directory for the provisioning files, where they are elsewhere
    """
    if source.settings.config_place and (other := provisioning(source)):
        yield from _take_provisioning(source, other, config, work)
    for one in providers(config):
        try:
            source.place(one.path).check()
        except LifeboatError as error:
            yield f"the directory {one.path} of the provider of dashboards {one.name!r}: {error.message}"
    for setting, path in _files_of(source, config):
        if _below_config(source, path) is None:
            yield f"the file {path}, which {setting} names: it is not below config_place"


def _below_config(source: Source, path: str) -> str | None:
    """The path below config_place of a file that Grafana sees at `path`; None where it is elsewhere."""
    at = PurePosixPath(path)
    views = [view for view, place in source.views().items() if place == source.settings.config_place]
    view = next((view for view in views if at.is_relative_to(view)), None)
    return None if view is None or ".." in at.parts else at.relative_to(view).as_posix()


def below_provisioning(path: str, source: Source) -> bool:
    """Whether a path is below the provisioning directory, all of which is taken anyway."""
    at = {f"{view}/{PROVISIONING}" for view, place in source.views().items() if place == source.settings.config_place}
    other = provisioning(source)
    return other is None and any(PurePosixPath(path).is_relative_to(one) for one in at)


def fetch_tree(place: Place, into: Path, wanted: Callable[[str], bool], *, most: int) -> tuple[int, list[str]]:
    """Copy the wanted files below a place, also where links lead to them; returns their bytes, and what was left out.

    Raises LifeboatError for more than `most` bytes.
    """
    there = place.links()
    files = [file for file in place.files() if wanted(file.path)]
    size = sum(file.size for file in files)
    if size > most:
        raise LifeboatError(
            f"{disk.size(size)} are in {place}, and at most {disk.size(most)} are taken along", hint="back it up by other means"
        )
    disk.require(into.parent, size, f"the files of {place}")
    paths, odd = names.keepable(file.path for file in files)
    place.fetch(paths, into)
    named, odd_links = names.keepable(there)
    lost = links.follow({path: there[path] for path in named}, into) if into.is_dir() else list(named)
    # What a ConfigMap's links lead to is hidden from a server, too.
    for hidden in [path for path in into.glob("..*") if path.is_dir()]:
        shutil.rmtree(hidden)
    unfollowed = [path for path in lost if wanted(path) or there.get(path) is None]
    return size, [
        *(names.limit(path, str(place)) for path in (*odd, *odd_links)),
        *(f"{path} of {place}, a link that leads to nothing below it" for path in unfollowed),
    ]


def kept(data: Path, config: Path) -> dict[str, Path]:
    """The directories of providers that a backup has, by their paths as Grafana sees them; those within others left out."""
    result: dict[str, Path] = {}
    for one in providers(config):
        tree = data / DIRECTORIES / one.path.strip("/")
        within = any(PurePosixPath(one.path).is_relative_to(other) for other in result)
        if within or not tree.is_dir() or tree.is_symlink():
            continue
        try:
            path = foreign.directory_path(one.path.rstrip("/"))
        except ValueError:
            # No capture takes one: somebody else has put it there.
            continue
        # Nor any other file than a dashboard's: in a new container the directory may lie over one of the image's own.
        for file in [file for file in tree.rglob("*") if not file.is_dir() and not _is_dashboard(file.name)]:
            file.unlink()
        result[path] = tree
    return result


def _is_dashboard(path: str) -> bool:
    return path.lower().endswith(".json")


def data_directory(found: InForce) -> str:
    """Where the source's server has its data, as far as the backup knows: the image's own directory else."""
    return _data(found)


def _data(found: InForce) -> str:
    setting = found.setting("paths", "data")
    value = setting.readings[0].rstrip("/") if setting and setting.readings else ""
    return value if value.startswith("/") else server.INSIDE
