"""`lifeboat alerts`: has Prefect notify you when a backup, a verification or an objective is missed."""

from typing import TYPE_CHECKING, Annotated

import typer

from backups import durations
from backups.config.settings import Objectives
from backups.errors import ConfigError
from backups.secret import Secret
from backups.site import Site
from flows.commands import console
from flows.commands.console import Text
from flows.commands.options import Config, prefect_is_configured

if TYPE_CHECKING:
    from tasks.alerts import Established


def alerts(
    block: Annotated[
        list[str] | None,
        typer.Option("--block", help="A Prefect notification block, as TYPE/NAME (slack-webhook/operators); may be repeated."),
    ] = None,
    webhook: Annotated[
        str | None,
        typer.Option(help="Instead: a url to POST {\"text\": …} to; a block is made for it. '${NAME}' reads the environment."),
    ] = None,
    config: Config = None,
) -> None:
    """Create or update the Prefect automations that notify you. Run it again whenever lifeboat.yaml changes.

    You are notified of: no backup of a service within objectives.rpo, even if there never was one; no verification within
    objectives.proof; a backup or a verification that failed; a missed RTO; a service that is down or has lost data (`lifeboat
    watch`); a run that was killed. Only what runs under Prefect counts, not a backup taken without its server.

    A dead server notifies nobody: have cron or Prometheus run `lifeboat status` as well.

    Examples: lifeboat alerts --block slack-webhook/operators | lifeboat alerts --webhook '${ALERT_WEBHOOK}'

    Exit code: 0 the automations are in place, 2 they could not be made.
    """
    site = Site.open(config)
    if not block and not webhook:
        raise ConfigError("nobody to notify was named", hint="--block TYPE/NAME or --webhook URL")
    if not prefect_is_configured():
        raise ConfigError("no Prefect server is configured", hint="export PREFECT_API_URL=http://127.0.0.1:4200/api")
    # Prefect takes seconds to import; the faults above are found without it.
    from tasks import alerts as automations
    from tasks import prefect_api

    names = list(block or [])
    with prefect_api.connected() as client:
        blocks = [prefect_api.notification_block(client, name) for name in names]
        if webhook:
            blocks.append(prefect_api.notification_block(client, prefect_api.webhook(Secret(webhook).reveal())))
    objectives = site.settings.objectives
    windows = automations.Windows(backup=objectives.rpo, verification=objectives.proof)
    done = automations.establish(automations.wanted(site.chosen([]), windows, blocks))
    console.result(lambda: _show(done, objectives), well=not done.paused)


def _show(done: "Established", objectives: Objectives) -> None:
    for verb, changed in (
        ("made", done.created),
        ("updated", done.updated),
        ("as it was", done.unchanged),
        ("removed", done.removed),
    ):
        for name in changed:
            console.out.print(Text.assemble((f"{verb:<10}", "dim"), name))
    for name in done.paused:
        console.err.print(Text.assemble(("note: ", "yellow"), f"{name} is paused in Prefect and stays so"))
    console.out.print(
        f"you are notified of: no backup in {durations.describe(objectives.rpo)}, no verification in "
        f"{durations.describe(objectives.proof)}, and every failure"
    )
