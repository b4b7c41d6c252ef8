"""Tells whether somebody waits at a terminal, and opens the site with the patience that goes with it."""

import sys
from pathlib import Path
from typing import TextIO

from backups.site import Site


def open_site(config: Path | None, *streams: TextIO | None) -> Site:
    """Return what lifeboat.yaml configures; without a person at a terminal (cron, a timer, a pipeline) as patient as a night.

    streams: see `attended`. Raises ConfigError.
    """
    site = Site.open(config)
    return site if attended(*streams) else site.for_a_night()


def attended(*streams: TextIO | None) -> bool:
    """Whether a person may sit there: one of the streams is a terminal. None given means the standard ones."""
    return any(stream is not None and stream.isatty() for stream in streams or (sys.stdin, sys.stdout, sys.stderr))
