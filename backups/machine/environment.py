"""Chooses what a child process inherits of this process's environment: what it needs, and no password.

The environment of a worker holds every password that lifeboat.yaml names, and Prefect's. A command that stops a service, and
whatever it starts, has no use for them.
"""

from collections.abc import Collection, Mapping
from pathlib import PurePath

_COMMON = (
    *(
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "LANG",
        "LANGUAGE",
        "LC_*",
        "TZ",
        "TMPDIR",
        "XDG_*",
        "DBUS_SESSION_BUS_ADDRESS",
    ),
    *("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "DOCKER_API_VERSION"),
)
"""Where programs and files are, in which language and zone to speak, and where the daemons are."""

_SSH = ("SSH_AUTH_SOCK", "KRB5CCNAME")
_PROXY = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")
_PROXIES = (*_PROXY, *(name.upper() for name in _PROXY))
_BACKENDS = ("AWS_*", "AZURE_*", "B2_*", "GOOGLE_*", "OS_*", "ST_*", "RCLONE_*", "RESTIC_*", "SSL_CERT_*")
_GO = ("GOMAXPROCS", "GOGC", "GOMEMLIMIT", "GODEBUG")

_OF_A_PROGRAM = {
    "restic": (*_BACKENDS, *_GO, *_SSH, *_PROXIES),
    "ssh": _SSH,
    "build.sh": _PROXIES,
}
"""What one program needs besides; restic starts ssh and rclone."""


def of_backends(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what restic's backends read of `environment`: where a repository is, and its keys."""
    beginnings = tuple(name.removesuffix("*") for name in _BACKENDS)
    return {name: value for name, value in environment.items() if name.startswith(beginnings)}


def of(program: str, environment: Mapping[str, str], *, without: Collection[str] = ()) -> dict[str, str]:
    """Return what `program` gets of `environment`. `without`: names that hold a password, which no pattern lets through."""
    wanted = [*_COMMON, *_OF_A_PROGRAM.get(PurePath(program).name, ())]
    names = {name for name in wanted if not name.endswith("*")}
    beginnings = tuple(name.removesuffix("*") for name in wanted if name.endswith("*"))
    return {
        name: value
        for name, value in environment.items()
        if name in names or (name.startswith(beginnings) and name not in without)
    }
