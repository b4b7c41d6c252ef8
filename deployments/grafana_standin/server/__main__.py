"""Starts the stand-in: `python3 -m deployments.grafana_standin.server`, here and in its image."""

import logging
import os
import signal
import sys
from types import FrameType

from . import creation, ini, mysql
from . import settings as environment
from .provisioning import Provisioning
from .wire import Server, log


def main() -> None:
    """Serve until a signal says stop."""
    logging.basicConfig(
        format="logger=%(name)s t=%(asctime)s level=%(levelname)s %(message)s", level=logging.INFO, stream=sys.stdout
    )
    settings = environment.read(ini.joined(os.environ))

    def stop(number: int, frame: FrameType | None) -> None:
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    with Server(("", settings.port), settings) as server:
        log.info("this is a stand-in, not Grafana; database=%s port=%d", settings.database, settings.port)
        if settings.server:
            mysql.read(settings.server, settings.server_password, settings.database)
        creation.create(settings)
        server.health()
        Provisioning(os.environ, server.connect).start()
        server.serve_forever()


if __name__ == "__main__":
    main()
