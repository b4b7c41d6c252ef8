"""`lifeboat rescue`: brings everything back from a recovery kit, on a machine that has nothing else."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from backups.errors import LifeboatError
from backups.site import Site
from flows.commands import console, rescued
from flows.commands.kit import PassphraseFile, ask
from flows.commands.options import Config, Json
from flows.commands.progress import progress
from verification.rescue.reach import Reached


def rescue(  # noqa: PLR0917 - options of a command line
    kit: Annotated[
        Path | None, typer.Argument(metavar="KIT", help="The file that lifeboat kit wrote.", show_default=False)
    ] = None,
    to: Annotated[
        Path, typer.Option("--to", help="The folder that the kit is unpacked into: a new one, or that of an earlier start.")
    ] = Path("lifeboat-rescue"),
    to_base: Annotated[
        str | None,
        typer.Option(
            "--to-base",
            help="Where services come back, instead of their restore.to: local:/srv/restored or ssh:HOST:/srv/restored, with a "
            "folder for each; docker:NAME, with a container NAME-SERVICE for each.",
            show_default=False,
        ),
    ] = None,
    passphrase_file: PassphraseFile = None,
    identities: Annotated[
        list[Path] | None,
        typer.Option("--identity", help="Of a kit for recipients: the file with an identity of age, or a private key of SSH."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what can be brought back and from where; leave nothing unpacked.")
    ] = False,
    no_report: Annotated[
        bool, typer.Option("--no-report", help="Keep no report in the repository, as a drill does, which keeps its own.")
    ] = False,
    drill: Annotated[
        bool,
        typer.Option(
            "--drill",
            help="A cold start: do all of it in a bare container, from the first command on; without KIT with one made now.",
        ),
    ] = False,
    for_python: Annotated[
        str | None,
        typer.Option(
            "--for-python",
            help="With --drill and no KIT: have the kit carry what the container's Python needs.",
            show_default=False,
        ),
    ] = None,
    image: Annotated[
        str | None,
        typer.Option(
            "--base", help="With --drill: the image of the bare container. Default: debian:stable-slim.", show_default=False
        ),
    ] = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Bring everything back from a recovery kit: needs the kit, its passphrase, and a repository that can be reached.

    The kit is unpacked into a folder of its own, in which its lifeboat.yaml works like the one that is gone. Each service comes
    from the first repository that has its newest backup, in the order of `rescue:` in lifeboat.yaml, and is compared with what
    its source held before it is delivered. One that fails does not stop the rest; started again, it goes on.

    Examples: lifeboat rescue lifeboat-kit.age --dry-run | lifeboat rescue lifeboat-kit.age |
    lifeboat rescue lifeboat-kit.age --to-base local:/srv/restored | lifeboat rescue --drill

    Exit code: 0 everything is back, and equal; 1 something is not equal, or a drill took longer than the RTO; 2 something is not
    back, or nothing could begin.
    """
    if drill:
        from flows.commands import cold_start

        raise typer.Exit(cold_start.run(kit, passphrase_file, for_python, image, config, as_json=as_json))
    if kit is None:
        raise LifeboatError("there is no kit to begin with: no KIT is named", hint="lifeboat rescue lifeboat-kit.age")
    from verification.rescue import reach, run, unpacked

    reach.require_base(to_base)
    opened = unpacked.opened(kit, *_keys(kit, passphrase_file, identities or []))
    unpacked.set_environment(opened)
    if dry_run:
        with tempfile.TemporaryDirectory(prefix="lifeboat-rescue-") as scratch:
            code = rescued.tell(
                _look(unpacked.unpack(opened, Path(scratch) / "kit"), to_base), opened.contents.missing, as_json=as_json
            )
        raise typer.Exit(code)
    path = unpacked.unpack(opened, to)
    reached = _look(path, to_base)
    with progress([each.service for each in reached.offers]):
        report = run.rescue(opened, Site.open(path), to, reached, kept=not no_report)
    if as_json:
        console.print_json(report.model_dump(mode="json"))
    else:
        console.result(lambda: rescued.show(report, to), well=report.exit_code == 0)
    raise typer.Exit(report.exit_code)


def _keys(kit: Path, passphrase_file: Path | None, identities: list[Path]) -> tuple[Any, bytes]:
    """Return what opens the kit, and its content: a passphrase is asked for once it is known to be a kit."""
    from verification.rescue import sealed

    content = sealed.read(kit)
    if not sealed.needs_passphrase(content):
        if not identities:
            raise LifeboatError(f"{kit} was made for recipients, and no identity is named", hint="--identity FILE")
        if passphrase_file:
            raise LifeboatError(f"{kit} was made for recipients, and no passphrase opens it", hint="leave --passphrase-file out")
        return sealed.Keys(identities=identities), content
    if identities:
        raise LifeboatError(f"{kit} was made with a passphrase, and no identity opens it", hint="leave --identity out")
    return sealed.Keys(passphrase=sealed.passphrase(passphrase_file) or ask(f"Passphrase of {kit}")), content


def _look(config: Path, to_base: str | None) -> Reached:
    from verification.rescue import reach

    with progress([]):
        return reach.look(Site.open(config), to_base=to_base, now=datetime.now(UTC))
