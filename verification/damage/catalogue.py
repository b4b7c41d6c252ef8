"""Lists every kind of fault that the verifier is drilled with.

Each changes something that a backup promises: what no server reads and nobody compares is in none of them.
"""

from verification.damage import anywhere, grafana, mysql_definitions, mysql_log, mysql_pages, mysql_rows, prometheus
from verification.damage.kind import Kind

CATALOGUE: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        *anywhere.KINDS,
        *mysql_rows.KINDS,
        *mysql_definitions.KINDS,
        *mysql_log.KINDS,
        *mysql_pages.KINDS,
        *prometheus.KINDS,
        *grafana.KINDS,
    )
}
"""By name."""
