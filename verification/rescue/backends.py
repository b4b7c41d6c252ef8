"""Finds what restic's backends take from around Lifeboat: variables and files that lifeboat.yaml does not name, or only names."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template

from backups.config.settings import RepositorySettings, Settings
from backups.machine import environment
from backups.secret import Secret

_WITHOUT_KEYS = ("", "sftp", "rest")
"""A directory; one whose keys are told elsewhere; one whose password, if it has one, is in its url."""
_BEGINNINGS: Mapping[str, tuple[str, ...]] = {
    "s3": ("AWS_",),
    "b2": ("B2_",),
    "azure": ("AZURE_",),
    "gs": ("GOOGLE_",),
    "swift": ("OS_", "ST_"),
    "rclone": ("RCLONE_CONFIG",),
}
_A_KEY = re.compile(r"KEY|TOKEN|SECRET|PASS|CREDENTIAL|SAS|CONFIG")
_OF_THE_SYSTEM = ("/etc/ssl/certs/", "/etc/pki/")
"""Certificates that a bare machine has, too."""
_ENDING = "SESSION"
"""In the name of a variable that is good for some hours."""


def inherited(settings: Settings, around: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that reach a backend without a word of them in lifeboat.yaml; nothing where no backend reads any."""
    if all(_scheme(each, around) in {"", "sftp"} for each in settings.every_repository.values()):
        return {}
    return {name: value for name, value in environment.of_backends(around).items() if value and _ENDING not in name}


def not_carried(settings: Settings, around: Mapping[str, str]) -> Iterator[str]:
    """Say, a sentence each, what a repository's backend needs and no kit can carry from here."""
    found = inherited(settings, around)
    for name, value in found.items():
        yield from _file(f"the environment variable {name}", value)
    for place, repository in settings.every_repository.items():
        for name, secret in repository.environment.items():
            yield from _file(f"environment.{name} of the repository {place}", _value(secret, around))
        for name, value in repository.options.items():
            yield from _file(f"options.{name} of the repository {place}", value)
        scheme = _scheme(repository, around)
        beginning = _BEGINNINGS.get(scheme, ("",))
        names = (*repository.environment, *found)
        if scheme not in _WITHOUT_KEYS and not any(each.startswith(beginning) and _A_KEY.search(each) for each in names):
            yield (
                f"the keys of the repository {place} ({scheme}): neither lifeboat.yaml nor the environment has any that last; "
                "name them under its environment: to have them carried"
            )


def _scheme(repository: RepositorySettings, around: Mapping[str, str]) -> str:
    """Return how restic reaches it; empty for a directory."""
    url = Template(repository.url).safe_substitute(around)
    found = re.match(r"([a-z][a-z0-9]*):", url)
    return found[1] if found else ""


def _value(secret: Secret, around: Mapping[str, str]) -> str:
    """Return a value as it is in that environment; empty where a variable that it names is not set."""
    return secret.reveal_in(around) if all(around.get(name) for name in secret.variables) else ""


def _file(what: str, value: str) -> Iterator[str]:
    """Name a file that is meant by a value: what is no path of a file here may be a secret, and is not shown."""
    if value.startswith(("/", "~/")) and not value.startswith(_OF_THE_SYSTEM) and "CACHE" not in what:
        try:
            there = Path(value).expanduser().exists()
        except (OSError, RuntimeError, ValueError):
            there = False
        if there:
            yield f"{what} names {value}, which is not carried: put what is in it into variables, or keep it with the kit"
