"""Writes the page that is printed and kept with a recovery kit: what to type on a bare machine, and no secret."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from backups.text import markdown
from verification.rescue.contents import Contents

PACKAGES = ("age", "ca-certificates", "docker.io", "openssh-client", "python3-venv", "restic")
"""Of Debian: what a bare machine needs besides the kit."""
PROGRAM = "/opt/lifeboat"
_TITLE = "# Lifeboat: bring everything back"
_FINGERPRINT = 16
_ELSEWHERE = "local:/srv/restored"
"""Below it services come back that have no restore.to."""


def commands(kit: str, *, identity: bool = False, to: str = "") -> list[tuple[str, str]]:
    """Return what is typed, line by line, and what each line is for.

    kit: the name of the file. identity: it was made for recipients, and is opened by a file `identity.txt`
    to: options of the last two lines
    """
    # A name that begins with - would be an option.
    kit = shlex.quote(f"./{kit}" if kit.startswith("-") else kit)
    by = "--identity identity.txt " if identity else ""
    opened = f"{PROGRAM}/bin/lifeboat rescue {kit} {by}{to}".rstrip()
    return [
        ("apt-get update", "the package lists"),
        (f"apt-get install -y --no-install-recommends {' '.join(PACKAGES)}", "tools"),
        (f"umask 077; age --decrypt {by}{kit} | tar -x program", "the program, no secret"),
        ("sh program/install.sh", "Lifeboat"),
        (f"{opened} --dry-run", "what there is"),
        (opened, "brings it back"),
    ]


def is_page(file: Path) -> bool:
    """Return whether a file is a page that was written by `page`."""
    try:
        with file.open("rb") as opened:
            return opened.read(len(_TITLE)) == _TITLE.encode()
    except OSError:
        return False


def page(contents: Contents, kit: Path, sha256: str, recipients: Sequence[str]) -> str:
    """Return the page as Markdown."""
    typed = commands(kit.name, identity=bool(recipients), to=f"--to-base {_ELSEWHERE}" if contents.unplaced else "")
    needs = (
        f"the dependencies for Python {', '.join(contents.pythons)} are in the kit"
        if contents.pythons
        else "Python's packages come from the registry that the machine reaches (pip)"
    )
    opened = (
        [f"- It opens with the identity of one of: {', '.join(recipients)}."]
        if recipients
        else ["- Its passphrase is in: ______________________________ (not on this page, and not beside the kit)."]
    )
    return "\n".join(
        [
            f"{_TITLE} ({contents.host}, {contents.made_at:%Y-%m-%d})",
            "",
            f"On a bare Debian machine, as root, in the folder where `{kit.name}` lies:",
            "",
            "```",
            *(f"{line}   # {why}" for line, why in typed),
            "```",
            "",
            "Where no registry of images is in reach, first load the images of the services (`docker load`), or build them.",
            "",
            f"- The kit: `{kit.name}`, SHA-256 `{sha256[:_FINGERPRINT]}…`, by Lifeboat {contents.lifeboat}; {needs}.",
            *opened,
            f"- Services, in this order: {', '.join(contents.services)}.",
            *(
                [f"- No restore.to in lifeboat.yaml says where {', '.join(contents.unplaced)} shall be: hence --to-base."]
                if contents.unplaced
                else []
            ),
            *(
                f"- Repository {name}: {markdown(told.url)}, id {(told.id or 'not known')[:_FINGERPRINT]}."
                for name, told in contents.repositories.items()
            ),
            *(f"- **Not in the kit**: {markdown(each)}." for each in contents.missing),
            "- More: docs/rescue.md. Without Lifeboat: `restic` and the passwords in the kit, docs/restore.md.",
            "",
        ]
    )
