"""Builds the options of a copy's server: as on the source where data depend on them, and without any connection to outside."""

import os
from collections.abc import Iterator, Mapping, Sequence

from backups.services.mysql import lean
from backups.services.mysql.details import MySQLDetails
from backups.services.mysql.dump_details import DumpDetails
from backups.services.mysql.source.variables import copy_value
from backups.services.standing import Stand

HOME = "/lifeboat"
"""Where the server finds what it needs besides its data."""
SOCKET = "mysqld.sock"
ZONE = "zone"
"""The file with the source's time zone, where clocks change."""
_MIB = 1 << 20
WIDEST = {
    "innodb_strict_mode": "OFF",
    "restrict_fk_on_non_standard_key": "OFF",
    "max_heap_table_size": str(1 << 40),
    "cte_max_recursion_depth": str((1 << 32) - 1),
    "max_sp_recursion_depth": "255",
}
"""What only stops statements, and is no part of the log: as the source did them, a copy lets them pass."""


def environment(details: MySQLDetails | DumpDetails) -> dict[str, str]:
    """Return the server's environment: in the log, a statement's time zone may be SYSTEM, and means the source's."""
    if details.zone:
        return {"TZ": f":{HOME}/{ZONE}"}
    west = -details.system_offset
    hours, minutes = divmod(abs(west) // 60, 60)
    return {"TZ": f"SRC{'-' if west < 0 else '+'}{hours:02d}:{minutes:02d}"} if west else {}


def settings(variables: Mapping[str, str]) -> Iterator[str]:
    """Yield options that set variables. A server of the source's series may lack one: then it says so, and starts."""
    for name, value in variables.items():
        # Older manifests have it with the source's own directories.
        yield f"--loose-{name}={copy_value(name, value)}"


def network(stand: Stand | None) -> Iterator[str]:
    """Yield how it is reached: by its socket alone, or besides where it stands among others.

    There its clients prove their passwords as they did, by TLS or by its key, which it makes anew: neither is in a backup.
    """
    if stand is None or not stand.addresses:
        yield "--skip-networking"
        yield "--loose-auto-generate-certs=OFF"
        yield "--loose-caching-sha2-password-auto-generate-rsa-keys=OFF"
        return
    yield f"--bind-address={','.join(stand.addresses)}"
    yield f"--port={stand.port}"


def options(
    chain: Sequence[MySQLDetails], *, memory: int, more: Sequence[str], unknown: bool = True, stand: Stand | None = None
) -> list[str]:
    """Return the server's options. `chain`: the details of each of its backups. `memory`: bytes of its buffer pool. `more`: how
    durable it shall be. `unknown`: with the variables that Lifeboat does not know. `stand`: where it stands among other copies.
    """
    details = chain[-1]
    # A plugin that was taken away since the full is still named in the clone and in the log.
    libraries = dict.fromkeys(["mysql_clone.so", *(library for each in chain for library in each.plugins)])
    return [
        "--no-defaults",
        # First: whatever is known has the last word, and what a copy is kept in has the very last.
        *settings(details.unknown if unknown else {}),
        *settings(details.variables),
        *settings(WIDEST),
        *(f"--plugin-load-add={library}" for library in libraries),
        "--datadir=/var/lib/mysql",
        # Its data directory is foreign: no settings are read from there, and no SQL reads or writes other files.
        "--loose-persisted-globals-load=OFF",
        "--secure-file-priv=NULL",
        f"--socket={HOME}/run/{SOCKET}",
        f"--pid-file={HOME}/run/mysqld.pid",
        f"--init-file={HOME}/account.sql",
        *network(stand),
        "--event-scheduler=OFF",
        "--skip-log-bin",
        "--loose-skip-replica-start",
        "--loose-skip-slave-start",
        "--loose-group-replication-start-on-boot=OFF",
        # Events that the source itself wrote carry its server id, which by chance may be ours.
        f"--server-id={2**32 - 2}",
        "--replicate-same-server-id=ON",
        f"--relay-log={HOME}/relay/relay",
        "--relay-log-recovery=OFF",
        "--relay-log-purge=OFF",
        *(f"--gtid-mode={'ON' if details.gtid else 'OFF_PERMISSIVE'}",),
        f"--enforce-gtid-consistency={'ON' if details.gtid else 'OFF'}",
        *(
            f"--loose-{old_or_new}-{option}"
            for old_or_new in ("replica", "slave")
            for option in (
                f"parallel-workers={processors()}",
                "parallel-type=LOGICAL_CLOCK",
                "preserve-commit-order=OFF",
                "pending-jobs-size-max=256M",
            )
        ),
        "--max-allowed-packet=1G",
        f"--innodb-buffer-pool-size={memory}",
        "--innodb-buffer-pool-load-at-startup=OFF",
        *lean.OPTIONS,
        *more,
    ]


def buffer_pool(data: int) -> int:
    """Return the bytes of the buffer pool: room for the data where they are small; other copies run beside this one."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(128 * _MIB, min(data * 5 // 4, memory // 8, 1024 * _MIB))


def processors() -> int:
    """Return how many threads replay and measure side by side: as many as there are processors, between two and eight."""
    return max(2, min(8, len(os.sched_getaffinity(0))))
