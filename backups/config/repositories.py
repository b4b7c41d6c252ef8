"""Checks the repositories of a configuration against one another: each in a place of its own, and restic reaches any two."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from backups.config import paths
from backups.config.paths import At
from backups.config.settings import FIRST, RepositorySettings, Settings
from backups.errors import ConfigError
from backups.repository import two_places


def place(settings: Settings, name: str) -> tuple[str, ...]:
    """Return the keys below which the repository of that name is written."""
    return ("repositories", name) if name in settings.repositories else ("repository",)


def with_places(settings: Settings, base: Path, at: At) -> Settings:
    """Return the settings with the directory of each repository made absolute; see `paths.repository_url`."""

    def url(section: RepositorySettings, where: tuple[str, ...]) -> dict[str, str]:
        return {"url": paths.repository_url(section.url, base, (*where, "url"), at)}

    first = settings.repository and settings.repository.model_copy(update=url(settings.repository, ("repository",)))
    further = {
        name: section.model_copy(update=url(section, ("repositories", name))) for name, section in settings.repositories.items()
    }
    return settings.model_copy(update={"repository": first, "repositories": further})


def require_apart(settings: Settings, at: At) -> None:
    """Raise ConfigError for a name or a place that another repository has, and for what one `restic copy` cannot be given."""
    every = settings.every_repository
    first, *further = every
    if FIRST in list(settings.repositories)[0 if settings.repository else 1 :]:
        raise ConfigError(
            f"{at(place(settings, FIRST))} is not the first repository: {FIRST} is the name of the one that takes the backups",
            hint="give it another name, such as offsite",
        )
    for number, name in enumerate(further, start=1):
        if twin := next((other for other in list(every)[:number] if every[other].url == every[name].url), None):
            raise ConfigError(
                f"{at((*place(settings, name), 'url'))} is the place of the repository {twin}, too: a copy beside itself is none",
                hint="name another place, on other disks and better in another house",
            )
        _require_one_environment(every[first], every[name], place(settings, name), at)


def _require_one_environment(first: RepositorySettings, other: RepositorySettings, where: tuple[str, ...], at: At) -> None:
    # restic has one environment and one set of options, for the repository that it reads and for the one that it writes.
    for key, differ in (
        ("environment", differing(two_places.of_backend(first.environment), other.environment)),
        ("options", differing(two_places.shared(first.options), other.options)),
    ):
        for name in differ:
            raise ConfigError(
                f"{at((*where, key, name))} differs from that of the first repository: `restic copy` has one {name} for both",
                hint="give both the same account, or reach one of them as rclone:REMOTE:path: rclone keeps keys of its own",
            )


def differing(one: Mapping[str, object], other: Mapping[str, object]) -> Iterable[str]:
    """Return the names that both have, with another value each."""
    return [name for name in one if name in other and one[name] != other[name]]


def require_state_outside(settings: Settings, at: At) -> None:
    """Raise ConfigError for a state directory that is, or is in, the directory of a repository.

    Lifeboat's locks and keys would stand among restic's own, and go wherever the repository is copied to.
    """
    state = settings.state.resolve()
    for name, section in settings.every_repository.items():
        directory = Path(section.url)
        if directory.is_absolute() and (inside := directory.resolve()) in (state, *state.parents):
            raise ConfigError(
                f"{at(('state',))} is in the directory of the repository {name}: {inside}",
                hint="name another directory; the repository may be in it, and not it in the repository",
            )
