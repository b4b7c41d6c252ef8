"""`lifeboat rescue --drill`: a start from nothing in a bare container, timed from the first command on."""

from pathlib import Path

from backups.config import file
from flows.commands import attended, console, copying, rescued
from flows.commands.progress import progress


def run(
    kit: Path | None, passphrase_file: Path | None, python: str | None, image: str | None, config: Path | None, *, as_json: bool
) -> int:
    """Drill a cold start, print what came of it, and return the exit code. Raises LifeboatError when it cannot begin."""
    from verification.rescue import sealed
    from verification.rescue.cold import Given, cold_start

    path = file.find(config)
    site = attended.open_site(path)
    passphrase = sealed.passphrase(passphrase_file) if kit else None
    with progress(site.settings.rescue_order):
        report = cold_start(site, path, Given(kit=kit, passphrase=passphrase, python=python, image=image))
        copying.copy_evidence(site)
    if as_json:
        console.print_json(report.model_dump(mode="json"))
    else:
        console.result(lambda: rescued.show(report, None), well=report.exit_code == 0)
    return report.exit_code
