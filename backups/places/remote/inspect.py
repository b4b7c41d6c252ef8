"""What is at a root of another machine before anything is put there: one question."""

from dataclasses import dataclass

from backups.errors import LifeboatError
from backups.places.remote.shell import Far, quoted, words


@dataclass(frozen=True)
class Look:
    """The root as it is: its real path, names below it (None: it is not there), its owner and mode, who we are there,
    the numbers of whom was asked for (None: not known there), and room in bytes.
    """

    real: str
    names: list[str] | None
    mounted: bool
    owner: tuple[int, int, int]
    ourselves: int
    user: int | None
    group: int | None
    free: int


def look(far: Far, names: str = ":") -> Look:
    """See what is there; `user:group` of `names` become numbers, where the machine knows them."""
    user, _, group = names.partition(":")
    said = far.ask(
        f"""
        r=$(realpath -m -- {quoted(far.root)} && echo .) || exit; r=${{r%??}}
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
    found = words(said.output)
    if said.code != 0 or len(found) < 8:
        raise far.fault(f"{far.name} cannot be listed", said)
    if found[1] == "file":
        raise LifeboatError(f"{far.name} cannot be listed: Not a directory", hint="a place is a directory")
    uid, gid, mode = (found[3].split() or ["0", "0", "0"])[:3]
    return Look(
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
