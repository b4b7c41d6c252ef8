"""Writes the text of a lifeboat.yaml from what the services said: commented, passwords only as references to variables."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from flows.commands.found import Found

_PLAIN = re.compile(r"[A-Za-z0-9/][A-Za-z0-9/._:@-]*|\$\{\w+\}")
_TODO = "TODO"


@dataclass(frozen=True)
class Key:
    """A line of the file: a key, its value (None: only its comment is written), and the comment."""

    name: str
    value: str | int | None
    comment: str = ""


@dataclass(frozen=True)
class Section:
    """A service's section: its name in the file, its lines, and what the server did not say."""

    name: str
    keys: Sequence[Key]
    fault: str | None = None

    @property
    def unknown(self) -> list[Key]:
        """The lines that a person has to fill in."""
        return [key for key in self.keys if key.comment.startswith(_TODO)]


def mysql(name: str, host: str, port: int, user: str, variable: str, found: Found) -> Section:
    """The section of a MySQL service; `variable` names the environment variable of its password."""
    dump = [Key("method", "dump", "MariaDB has no CLONE: each backup is a dump, see README")] if found.mariadb else []
    return Section(
        name,
        [
            Key("type", "mysql"),
            Key("image", found.image, _image_comment(found)),
            *dump,
            Key("host", host),
            Key("port", port),
            Key("user", user, "`lifeboat doctor` prints the SQL that makes it"),
            Key("password", f"${{{variable}}}"),
        ],
        found.fault,
    )


def prometheus(name: str, url: str, user: str | None, variable: str | None, found: Found) -> Section:
    """The section of a Prometheus service."""
    account = [Key("user", user), Key("password", f"${{{variable}}}")] if user and variable else []
    return Section(
        name,
        [
            Key("type", "prometheus", "started with --web.enable-admin-api"),
            Key("image", found.image, _image_comment(found)),
            Key("url", url),
            *_places(found, "the directory of its --storage.tsdb.path", "its configuration and rules, which travel along"),
            *account,
        ],
        found.fault,
    )


def grafana(name: str, url: str, token: str | None, found: Found) -> Section:
    """The section of a Grafana service; `token` names the environment variable of a service account's token: then by its API."""
    keys = [Key("type", "grafana"), Key("image", found.image, _image_comment(found)), Key("url", url)]
    if token:
        keys += [
            Key("method", "api", "without its files"),
            Key("token", f"${{{token}}}", "of a service account with the role Admin"),
        ]
    else:
        keys += _places(found, "the directory that holds grafana.db", "the directory of grafana.ini and provisioning/")
    return Section(name, keys, found.fault)


def text(*, timezone: str, state: str | None, repository: str, password: Key, services: Sequence[Section]) -> str:
    """The whole file. What could not be found out is marked TODO, and is what `lifeboat doctor` names."""
    lines = [
        "# Written by `lifeboat init`; deployments/example/lifeboat.yaml explains every key, `lifeboat doctor` what is missing.",
        "# ${NAME} stands for an environment variable, which is read when it is used.",
        "",
        *_lines([Key("timezone", timezone, "of times in reports")], ""),
        *(_lines([Key("state", state, "locks, caches, and the space to restore in")], "") if state else []),
        "",
        "repository: # a restic repository; the first backup makes it",
        *_lines([Key("url", repository), password], "  "),
        "",
        "objectives:",
        *_lines([Key("rto", "2h", "how long a restore may take"), Key("rpo", "26h", "how old the newest backup may be")], "  "),
        "",
        "retention: # of whole chains; what is proven stays until something newer is proven",
        *_lines([Key("keep", "21d", "younger stays in any case"), Key("delete_after", "31d", "older is deleted")], "  "),
        "",
        "services:",
    ]
    for section in services:
        lines += ["", f"  {_scalar(section.name)}:"]
        if section.fault:
            lines.append(
                f"    # {_TODO}: {' '.join(section.fault.split())}; check what stands here, the image's version above all"
            )
        lines += _lines(section.keys, "    ")
    return "\n".join(lines) + "\n"


def _places(found: Found, files: str, configuration: str) -> list[Key]:
    missing = f"{_TODO}: {files}: local:/…, docker:NAME:/…, ssh:HOST:/…"
    place = Key("place", found.place or f"local:/{_TODO}", files if found.place else missing)
    return [place, Key("config_place", found.config_place, configuration)]


def _image_comment(found: Found) -> str:
    return f"the source runs {found.version}" if found.version else "the version that the source runs"


def _lines(keys: Sequence[Key], indent: str) -> list[str]:
    width = max(len(_written(key)) for key in keys)
    return [f"{indent}{_written(key):<{width}} # {key.comment}" if key.comment else f"{indent}{_written(key)}" for key in keys]


def _written(key: Key) -> str:
    if key.value is None:
        return f"# {key.name}: …"
    return f"{key.name}: {_scalar(key.value) if isinstance(key.value, str) else key.value}"


def _scalar(text: str) -> str:
    """Write text so that YAML reads text: in quotes where it would read a number, a date, or yes and no, or something else."""
    plain = _PLAIN.fullmatch(text) is not None and yaml.safe_load(text) == text
    return text if plain else json.dumps(text, ensure_ascii=False)
