"""Backs up the configuration and rule files: finds them, hashes them, and has promtool check them."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from backups import foreign
from backups.errors import ConfigError
from backups.machine.docker import Container, Docker, Image
from backups.places.base import Place
from backups.services.base import Sandbox
from backups.services.prometheus.blocks import digest
from backups.services.prometheus.details import CONFIG, Configuration
from backups.witness import Fact

_DEFAULT_DIRECTORY = "/etc/prometheus"
_ACCEPTED = "accepted"
CHECK = "promtool check config"


def locate(flags: dict[str, str], place: Place) -> Configuration:
    """Find the main file, named by the source's `--config.file`, at the place; raises ConfigError when it is not there."""
    main = PurePosixPath(flags.get("config.file", "prometheus.yml"))
    place.check()
    # The place may be a directory above the main file's: the longest common end of both paths tells.
    parts = main.parts[2:] if main.is_absolute() else main.parts
    ends = [PurePosixPath(*parts[start:]) for start in range(len(parts))]
    found = next((end for end in ends if place.exists(str(end))), None)
    if found is None:
        raise ConfigError(
            f"{main.name}, the configuration that the source runs with ({main}), is not in {place}",
            hint=f"set `config_place` to the directory that the source calls {main.parent}",
        )
    directory = str(main.parents[len(found.parts) - 1]) if main.is_absolute() else _DEFAULT_DIRECTORY
    try:
        foreign.directory_path(directory)
    except ValueError:
        # No container can have it there, as below / or /etc, where the image's own files are.
        directory = _DEFAULT_DIRECTORY
    return Configuration(main=str(found), directory=directory, checked=False)


def facts(data: Path) -> Iterator[Fact]:
    """Yield the sha256 of each configuration file below a backup's `data/`."""
    root = data / CONFIG
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield Fact(f"configuration {path.relative_to(root).as_posix()}", "sha256", digest(path))


def verdict(configuration: Configuration, result: tuple[int, str]) -> Fact:
    """Return promtool's result (exit code, output) as a fact: `accepted`, or its reason."""
    code, output = result
    lines = (line.strip() for line in output.splitlines() if "SUCCESS" not in line and not line.startswith("Checking "))
    reasons = " ".join(line.replace("FAILED:", "").strip() for line in lines)
    value = _ACCEPTED if code == 0 else f"refused: {' '.join(reasons.split())[:400]}"
    return Fact(f"configuration {configuration.main}", CHECK, value)


def accepted(fact: Fact) -> bool:
    """Return whether promtool accepted the configuration."""
    return fact.value == _ACCEPTED


def check(runner: Docker | Sandbox, name: str, image: Image, data: Path, configuration: Configuration) -> tuple[int, str]:
    """Check the configuration with the image's promtool, in a container without network; returns exit code and output.

    The files are mounted where the source has them, so that rule files named by absolute paths are found.
    """
    for path in (data / CONFIG, *(data / CONFIG).rglob("*")):
        # A link is nothing that Lifeboat captures, and leads elsewhere.
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)
    container: Container = runner.run(
        name,
        image,
        entrypoint=["/bin/promtool"],
        command=["check", "config", f"{configuration.directory.rstrip('/')}/{configuration.main}"],
        mounts={data / CONFIG: configuration.directory},
        user="65534",
    )
    try:
        return container.wait(), container.logs(50)
    finally:
        container.remove()
