"""Inspects a root on another machine, in one script, before files are put there."""

from dataclasses import dataclass

from backups.errors import LifeboatError
from backups.places.remote.shell import RemoteRoot, fields, quoted


@dataclass(frozen=True)
class RootState:
    """The root as it is.

    real: its path without links; names: what is directly below it, None when it does not exist; owner: user, group and mode
    ourselves: the user id that scripts run as; user, group: the ids of the names asked about, None when not known there
    free: bytes free on its disk
    """

    real: str
    names: list[str] | None
    mounted: bool
    owner: tuple[int, int, int]
    ourselves: int
    user: int | None
    group: int | None
    free: int


def inspect(remote: RemoteRoot, names: str = ":") -> RootState:
    """Read the state of the root; `names` is `user:group`, looked up on the machine."""
    user, _, group = names.partition(":")
    result = remote.run_script(
        f"""
        r=$(realpath -m -- {quoted(remote.root)} && echo .) || exit; r=${{r%??}}
        printf '%s\\0' "$r"
        if [ -d "$r" ]; then printf 'directory\\0'; elif [ -e "$r" ]; then printf 'file\\0'; else printf 'absent\\0'; fi
        if mountpoint -q -- "$r"; then printf 'mounted\\0'; else printf '\\0'; fi
        if [ -d "$r" ]; then stat -c '%u %g %a' -- "$r"; fi; printf '\\0'
        id -u; printf '\\0'
        id -u -- {quoted(user)} 2>/dev/null; printf '\\0'
        getent group {quoted(group)} | cut -d: -f3; printf '\\0'
        d=$r; while [ ! -d "${{d:-/}}" ]; do d=${{d%/*}}; done
        df -B1 --output=avail -- "${{d:-/}}" | tail -n 1; printf '\\0'
        if [ -d "$r" ]; then find "$r/" -mindepth 1 -maxdepth 1 -printf '%f\\0'; fi
        """
    )
    found = fields(result.output)
    if result.code != 0 or len(found) < 8:
        raise remote.fault(f"{remote.name} cannot be listed", result)
    if found[1] == "file":
        raise LifeboatError(f"{remote.name} cannot be listed: Not a directory", hint="a place has to be a directory")
    uid, gid, mode = (found[3].split() or ["0", "0", "0"])[:3]
    return RootState(
        real=found[0],
        names=None if found[1] == "absent" else found[8:],
        mounted=found[2] == "mounted",
        owner=(int(uid), int(gid), int(mode, 8)),
        ourselves=int(found[4]),
        user=_number(user, found[5]),
        group=_number(group, found[6]),
        free=int(found[7]),
    )


def _number(name: str, found: str) -> int | None:
    if name.isdecimal():
        return int(name)
    return int(found) if name and found.strip() else None
