"""Loads SQL files into a server in a sandbox by the client of its own image, several side by side; and starts that server."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from backups.errors import Damaged
from backups.machine.docker import Container, Image
from backups.services.base import Sandbox
from backups.services.mysql import lean
from backups.services.mysql.dump_details import DUMP
from backups.services.mysql.text import one_line
from backups.witness import Fact

HOME = "/lifeboat"
SOCKET = "mysqld.sock"
SCRIPTS = {
    "initialise": """
if command -v mariadb-install-db >/dev/null; then
  exec mariadb-install-db --no-defaults "$@" --datadir=/var/lib/mysql --auth-root-authentication-method=normal --skip-test-db
fi
exec mysqld --no-defaults "$@" --initialize-insecure --datadir=/var/lib/mysql --skip-log-bin --innodb-doublewrite=OFF \\
  --innodb-flush-log-at-trx-commit=0 --loose-innodb-numa-interleave=OFF --loose-mysqlx=OFF
""",
    "server": 'exec "$(command -v mariadbd || command -v mysqld)" --no-defaults "$@" --datadir=/var/lib/mysql',
    "upgrade": f"""
command -v mariadb-upgrade >/dev/null || exit 127
export MYSQL_PWD="$(cat {HOME}/password)"
exec mariadb-upgrade --no-defaults --protocol=socket --socket={HOME}/run/{SOCKET} --user="$1"
""",
    "load": f"""
export MYSQL_PWD="$(cat {HOME}/password)"
client=$(command -v mariadb || command -v mysql)
exec "$client" --no-defaults --binary-mode --comments --default-character-set=utf8mb4 --max-allowed-packet=1G \\
  --protocol=socket --socket={HOME}/run/{SOCKET} --user="$1" $3 <"{HOME}/{DUMP}/$2"
""",
}
"""Shell scripts for containers of an image of MySQL or MariaDB, whose programs have different names."""
SERVER = (
    f"--socket={HOME}/run/{SOCKET}",
    f"--pid-file={HOME}/run/mysqld.pid",
    # SQL reads and writes files in no other directory.
    f"--secure-file-priv={HOME}/run",
    "--loose-persisted-globals-load=OFF",
    "--event-scheduler=OFF",
    "--skip-log-bin",
    "--loose-skip-replica-start",
    "--loose-skip-slave-start",
    "--max-allowed-packet=1G",
    "--innodb-buffer-pool-size=512M",
    "--innodb-buffer-pool-load-at-startup=OFF",
    *lean.OPTIONS,
    # It loads only what the source has, however much more lenient that was when it was made.
    "--loose-innodb-strict-mode=OFF",
    "--loose-restrict-fk-on-non-standard-key=OFF",
    "--loose-sql-require-primary-key=OFF",
    "--loose-sql-generate-invisible-primary-key=OFF",
    "--loose-default-table-encryption=OFF",
    "--loose-federated",
)
"""Options of a server that starts nothing by itself; how it is reached, `../copy/options.network` says."""
_USER = "999:999"
_SHOWN = 20
_UPGRADING = 12 * 3600.0
"""Seconds for MariaDB to write anew all the tables that need it."""
"""Lines of a client's errors."""


def load(
    sandbox: Sandbox, image: Image, name: str, home: Path, files: Sequence[str], user: str, *, force: bool = False
) -> list[Fact]:
    """Load files below `home`/dump, side by side; raises Damaged for the first that the server does not accept.

    force: as far as it takes them; returns what it did not take, each statement as a fact that no witness has.
    """
    side_by_side = max(2, min(4, len(files)))
    refused = []
    for at in range(0, len(files), side_by_side):
        loads = [
            (file, _start(sandbox, image, name, home, file, user, "--force" if force else ""))
            for file in files[at : at + side_by_side]
        ]
        for file, container in loads:
            while container.running():
                time.sleep(0.05)
            code, output = container.wait(), container.logs(_SHOWN)
            container.remove()
            if code and not force:
                raise Damaged(
                    f"the server does not accept {DUMP}/{file} (exit code {code}): {one_line(output, 500)}",
                    hint="verify an older backup; the image must be of the source's version",
                )
            refused += refusals(file, output)
    return refused


def upgrade(sandbox: Sandbox, image: Image, name: str, mounts: Mapping[Path, str], user: str) -> None:
    """Have MariaDB's own program bring system tables, and tables that need it, up to the running server's version.

    mounts: its home, and its data directory. Raises Damaged with what the program prints when it does not end well.
    """
    shell = ["sh", "-c", SCRIPTS["upgrade"], "upgrade"]
    container = sandbox.run(f"{name}-upgrade", image, entrypoint=shell, command=[user], mounts=mounts, user=_USER)
    try:
        code, output = container.wait(_UPGRADING), container.logs(_SHOWN)
    finally:
        container.remove()
    if code:
        raise Damaged(
            f"mariadb-upgrade of {image.name} ends with code {code}: {one_line(output, 500)}",
            hint="read what it says of the tables",
        )


def refusals(file: str, output: str) -> list[Fact]:
    """Return the errors that a client has printed while it went on, one line each. Pure."""
    lines = [" ".join(line.split()) for line in output.splitlines() if line.startswith("ERROR ")]
    return [Fact(f"{DUMP}/{file}", f"refused {number}", line) for number, line in enumerate(lines, 1)]


def _start(sandbox: Sandbox, image: Image, name: str, home: Path, file: str, user: str, force: str) -> Container:
    shell = ["sh", "-c", SCRIPTS["load"], "load"]
    container_name = f"{name}-load-{file.removesuffix('.sql')}"
    return sandbox.run(container_name, image, entrypoint=shell, command=[user, file, force], mounts={home: HOME}, user=_USER)
