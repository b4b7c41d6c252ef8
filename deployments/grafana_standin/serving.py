"""Runs the stand-in inside this process, for tests that need many databases and no container."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .server.creation import create
from .server.settings import read
from .server.wire import Server


@contextmanager
def serving(directory: Path, **environment: str) -> Iterator[str]:
    """Serve `directory/grafana.db`, present or not; yields the URL. `environment` adds `GF_…` variables.

    A new organisation waits a tenth of a second for its alerting here, not a minute.
    """
    settings = read(
        {"GF_PATHS_DATA": str(directory), "GF_UNIFIED_ALERTING_ALERTMANAGER_CONFIG_POLL_INTERVAL": "100ms"} | environment
    )
    create(settings)
    with Server(("127.0.0.1", 0), settings) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
