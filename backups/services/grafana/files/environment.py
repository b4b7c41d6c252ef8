"""Keeps what a source's container had in its environment, and says what the environment of a restored one must be.

Of the source's environment only Grafana's own settings are kept, and the variables that its files take values from.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from backups.errors import LifeboatError
from backups.services.grafana import server
from backups.services.grafana.files import in_force
from backups.services.grafana.files.in_force import InForce, Outside
from backups.services.grafana.files.named import SQLITE
from backups.services.grafana.files.named_files import CONFIG_INSIDE, has_file
from backups.services.grafana.files.provisioned import PROVISIONING, value_files, variables

NOTED = "environment.json"
"""The file of a backup that keeps it."""
KEY_FILE = "GF_SECURITY_SECRET_KEY__FILE"
"""By which the official image's start script takes the key from a file."""
INI_PATH = "GF_PATHS_CONFIG"
"""By which that script is told which ini file Grafana reads."""
NO_INI = "lifeboat-no-settings.ini"
"""The ini file of a configuration that has none: a Grafana that does not find the file that it is told to read ends."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_OWN = re.compile(r"GF_[A-Z0-9_]+")
_REFERRED = re.compile(r"\$(?:__env)?\{([A-Za-z_][A-Za-z0-9_]*)\}")
_NOT_CARRIED = re.compile(
    r"GF_PATHS_\w+|GF_SECURITY_SECRET_KEY(__FILE)?|GF_SERVER_(HTTP_PORT|HTTP_ADDR|PROTOCOL|SOCKET)|GF_DATABASE_\w+|"
    r"GF_INSTALL_(IMAGE_RENDERER_)?PLUGINS?|GF_PLUGINS_PREINSTALL\w*|GF_UNIFIED_ALERTING_HA_\w+"
)
"""Of the image and the place it ran at: a new container has its own, and is no part of its source's cluster. And what would fetch
programs, which a person does."""
_CLUSTER = ("ha_peers", "ha_redis_address")
_THE_SYSTEMS = re.compile(r"PATH|HOME|USER|SHELL|PWD|IFS|ENV|BASH_ENV|LD_\w+|PYTHON\w*|GO\w+|MALLOC_\w+")
_LARGEST = 1 << 20


@dataclass(frozen=True)
class Start:
    """How a new container starts on a restored Grafana. unready: why it must not be started; notes: what is otherwise."""

    environment: Mapping[str, str] = field(default_factory=dict)
    unready: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def note(beyond: Outside, config: Path, into: Path) -> None:
    """Keep what a restored server needs of it, in a file that only its owner reads; nothing where nobody can see it.

    Which ini file the server was told to read is kept as if its environment said so, also where its command line does.
    """
    environment = beyond.environment
    if environment is None:
        return
    named = set(variables(config)) | _referred(config)
    wanted = {name: value for name, value in environment.items() if _OWN.fullmatch(name) or name in named}
    wanted |= {INI_PATH: ini} if (ini := beyond.config()) else {}
    kept = {name: value for name, value in sorted(wanted.items()) if not _THE_SYSTEMS.fullmatch(name)}
    path = into / NOTED
    path.touch(mode=0o600)
    path.write_text(json.dumps(kept), encoding="ascii")


def noted(data: Path) -> dict[str, str] | None:
    """What a backup has kept of it; None where nobody saw it."""
    path = data / NOTED
    if not path.is_file() or path.stat().st_size > _LARGEST:
        return None
    try:
        found = json.loads(path.read_text(encoding="ascii"))
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    return {
        name: value
        for name, value in found.items()
        if _NAME.fullmatch(name) and not _THE_SYSTEMS.fullmatch(name) and isinstance(value, str) and "\0" not in value
    }


def told(data: Path) -> Outside:
    """Which ini file the source's server was told to read, as far as a backup knows, and nothing else of its environment."""
    path = (noted(data) or {}).get(INI_PATH)
    return Outside(arguments=(f"--config={path}",)) if path else Outside()


def start(
    found: InForce, config: Path, seen: Mapping[str, str] | None, *, file: str | None, configured: bool, key_file: str | None
) -> Start:
    """Say how a new container starts.

    file: the path of the database below its data directory; None where its database is on a server, which the settings name
    found: the settings, as far as the backup knows them. seen: what `noted` returned. configured: whether it has a configuration
    key_file: the name of the file in its configuration that has its secret_key, where grafana.ini has it not
    """
    environment = {name: value for name, value in (seen or {}).items() if not _NOT_CARRIED.fullmatch(name)}
    environment |= {
        "GF_PATHS_DATA": server.INSIDE,
        "GF_SERVER_HTTP_PORT": str(server.PORT),
        # Whoever can write to the repository does not choose what is installed: the plugins are named to the operator.
        "GF_PLUGINS_PREINSTALL_DISABLED": "true",
    }
    if file is None:
        environment |= {name: value for name, value in (seen or {}).items() if name.startswith("GF_DATABASE_")}
    else:
        environment |= {"GF_DATABASE_TYPE": "sqlite3", "GF_DATABASE_PATH": f"{server.INSIDE}/{file}"}
        if found.setting("database", "connection_string"):
            # It goes before the path.
            environment["GF_DATABASE_CONNECTION_STRING"] = f"file:{server.INSIDE}/{quote(file)}?cache=private&mode=rwc"
    notes: list[str] = []
    if configured:
        own = in_force.own_file(config, Outside(seen))
        environment["GF_PATHS_PROVISIONING"] = f"{CONFIG_INSIDE}/{PROVISIONING}"
        environment[INI_PATH] = f"{CONFIG_INSIDE}/{own.name if own else NO_INI}"
    if key_file:
        environment[KEY_FILE] = f"{CONFIG_INSIDE}/{key_file}"
    if found.setting("server", "http_addr"):
        environment["GF_SERVER_HTTP_ADDR"] = "0.0.0.0"  # noqa: S104 - the container's own address, no port is published
    protocol = found.setting("server", "protocol")
    if protocol and protocol.readings and protocol.readings[0] not in ("", "http"):
        environment["GF_SERVER_PROTOCOL"] = "http"
        notes.append(
            f"its source spoke {protocol.readings[0]}: the new container speaks http, until GF_SERVER_PROTOCOL is taken away"
        )
    notes += _cluster(found, seen)
    unready = [*_names_another(found, file), *_unready(found, config, seen, environment)]
    return Start(environment, tuple(unready), tuple(notes))


def _cluster(found: InForce, seen: Mapping[str, str] | None) -> Iterable[str]:
    """Say what becomes of a source's cluster: whoever joins it shares its silences, and what it has told whom."""
    for key in _CLUSTER:
        name = f"GF_UNIFIED_ALERTING_{key.upper()}"
        if found.setting("unified_alerting", key):
            yield f"its grafana.ini has [unified_alerting] {key}: the new container joins that cluster, if it reaches it"
        elif (seen or {}).get(name):
            yield f"its source was in the cluster of {name}: the new container is alone"


def _names_another(found: InForce, file: str | None) -> Iterable[str]:
    url = found.setting("database", "url") if file is not None else None
    # An SQLite's says nothing of the file.
    if url and not all(value.startswith(f"{SQLITE}:") for value in url.readings or ("",)):
        yield "[database] url of its configuration names another database than the restored file"


def _unready(found: InForce, config: Path, seen: Mapping[str, str] | None, environment: Mapping[str, str]) -> Iterable[str]:
    if found.fault:
        yield found.fault
    inside = replace(found, outside=_inside(config, seen, environment))
    for section, key in found.names():
        setting = inside.setting(section, key)
        name = "_".join(("GF", *(re.sub("[.-]", "_", part).upper() for part in (section, key))))
        if setting and setting.unknown and not {name, f"{name}__FILE"} & set(environment):
            yield f"[{section}] {key}: {setting.unknown}"
    for path in value_files(config):
        if not has_file(config, path):
            yield f"provisioning files take a value from the file {path}, which is not in the backup"
    if seen is None and (named := variables(config)):
        yield (
            f"provisioning files take {', '.join(named)} from Grafana's environment, which the backup has not: "
            "without it a data source's password would be sealed anew as an empty one"
        )


def _inside(config: Path, seen: Mapping[str, str] | None, environment: Mapping[str, str]) -> Outside:
    """What a new container has outside its ini files: the variables of its environment, and the files of its configuration.

    A variable that the source's environment had not is empty there as it was; of files only whether they are there is told.
    """

    def read(path: str) -> bytes:
        if not has_file(config, path):
            raise LifeboatError("it is not in the backup", hint="make that file in the new container")
        return b""

    return Outside(None if seen is None else environment, read)


def _referred(config: Path) -> set[str]:
    """The variables that the ini files take values from."""
    return {
        name
        for path in sorted(config.glob("*.ini"))
        if path.is_file() and not path.is_symlink()
        for name in _REFERRED.findall(path.read_text(encoding="utf-8", errors="replace"))
    }
