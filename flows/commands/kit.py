"""`lifeboat kit`: writes the recovery kit, from which `lifeboat rescue` brings everything back on a bare machine."""

import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from backups.config import file
from backups.errors import LifeboatError
from backups.machine import disk
from backups.site import Site
from flows.commands import console
from flows.commands.console import Text
from flows.commands.options import Config, Json
from flows.commands.progress import progress

PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        help="The file with the kit's passphrase. Default: $LIFEBOAT_KIT_PASSPHRASE, else it is asked for.",
        show_default=False,
    ),
]


def kit(
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file. Default: lifeboat-kit-HOST.age, here.", show_default=False)
    ] = None,
    passphrase_file: PassphraseFile = None,
    recipients: Annotated[
        list[str] | None,
        typer.Option(
            "--recipient",
            help="Instead of a passphrase: a recipient of age, age1…, or a public key of SSH. May be given more than once.",
            show_default=False,
        ),
    ] = None,
    for_python: Annotated[
        list[str] | None,
        typer.Option(
            "--for-python",
            help="Also carry all that Lifeboat needs for this version of Python (3.13), for a machine without a registry. May be "
            "given more than once; some 120 MB each.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Write the recovery kit: all that a bare machine needs to bring everything back, in one encrypted file of age's format.

    It holds lifeboat.yaml as it is written and every file that it names, the values of the environment variables that it reads,
    the key that signs evidence, the repositories' ids, and Lifeboat itself. What should be in it and is not here is named. Beside
    it is a page to print, FILE.md, which says what to type. Keep the two, and the passphrase, away from this machine.

    Examples: lifeboat kit | lifeboat kit --out /mnt/safe/lifeboat.age --for-python 3.13 | lifeboat kit --recipient age1…

    Exit code: 0 written, 1 written, and something that should be in it is not, 2 not written.
    """
    from verification.rescue import kit as making
    from verification.rescue.sealed import Keys

    path = file.find(config)
    site = Site.open(path)
    into = out or Path(f"lifeboat-kit-{platform.node() or 'here'}.age")
    making.require_own(into)
    if recipients and passphrase_file:
        raise LifeboatError("--recipient and --passphrase-file are two ways to seal the kit", hint="give one of them")
    keys = Keys(recipients=recipients) if recipients else Keys(passphrase=_new(passphrase_file))
    with progress([]):
        made = making.make(site, path, into, keys, now=datetime.now(UTC), pythons=for_python or ())
    missing = made.contents.missing
    if as_json:
        console.print_json(
            {
                "file": str(made.file),
                "page": str(made.page),
                "bytes": made.size,
                "sha256": made.sha256,
                "made_at": made.contents.made_at.isoformat(),
                "files": [each.path for each in made.contents.files],
                "variables": sorted(made.contents.environment),
                "repositories": {name: told.id for name, told in made.contents.repositories.items()},
                "missing": list(missing),
            }
        )
    else:
        console.result(lambda: _show(made.file, made.page, made.size, missing), well=not missing)
    raise typer.Exit(1 if missing else 0)


def _show(out: Path, page: Path, size: int, missing: tuple[str, ...]) -> None:
    console.out.print(f"the recovery kit: {out}, {disk.size(size)}", soft_wrap=True)
    console.out.print(f"print this page, it holds no secret: {page}", soft_wrap=True)
    console.out.print("keep both away from this machine, and the passphrase away from both", soft_wrap=True)
    for each in missing:
        console.out.print(Text(f"not in it: {each}", style="bold yellow"), soft_wrap=True)


def _new(given: Path | None) -> str:
    from verification.rescue import sealed

    found = sealed.passphrase(given)
    if found is None:
        found = ask("Passphrase of the kit")
        if ask("The same again") != found:
            raise LifeboatError("the two passphrases differ; nothing was written", hint="start again")
    return sealed.require_strong(found)


def ask(title: str) -> str:
    """Ask for a passphrase on the terminal, without showing it; raises LifeboatError where there is none."""
    import getpass
    import sys

    if not sys.stdin.isatty():
        raise LifeboatError(
            "there is no terminal to ask for the passphrase on",
            hint="--passphrase-file FILE, or export LIFEBOAT_KIT_PASSPHRASE=…",
        )
    return getpass.getpass(f"{title}: ")
