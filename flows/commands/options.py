"""Arguments and options that several commands share."""

import os
from pathlib import Path
from typing import Annotated

import typer

Services = Annotated[
    list[str] | None,
    typer.Argument(help="Names of services in lifeboat.yaml; all of them when none is named.", show_default=False),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="The configuration file. Default: $LIFEBOAT_CONFIG, ./lifeboat.yaml, /etc/lifeboat/lifeboat.yaml.",
        show_default=False,
    ),
]


def ask_prefect() -> None:
    """Return when the configured Prefect server answers; raises LifeboatError (with a hint) when it does not."""
    from tasks.prefect_api import connected

    with connected() as client:
        client.hello()


def prefect_is_configured() -> bool:
    """Whether a Prefect server or Prefect Cloud is configured, by the environment or by a profile."""
    if os.environ.get("PREFECT_API_URL"):
        return True
    home = Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser()
    if not (home / "profiles.toml").is_file():
        return False
    from prefect.settings import get_current_settings

    return bool(get_current_settings().api.url)
