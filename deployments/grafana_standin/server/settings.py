"""What the environment says: Grafana's own `GF_<SECTION>_<KEY>` names, and one of the stand-in's."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from . import mysql

DEFAULT_SECRET_KEY = "SW2YcwTIb9zpOOhoPsMm"  # what every Grafana has that nobody gave another
_SERVER = {"type": "sqlite3", "host": "127.0.0.1:3306", "name": "grafana", "user": "root"}
_OF_A_SERVER = "read-from-mysql.db"
"""What a database server holds, as it was when the stand-in started."""


@dataclass(frozen=True)
class Settings:
    """`data` and `path` are GF_PATHS_DATA and GF_DATABASE_PATH as they are written. `server` is what /api/admin/settings says of a database
    server in their place.

    `first_password` is GF_SECURITY_ADMIN_PASSWORD where it is given. `proxy_header` is None when GF_AUTH_PROXY_ENABLED is not true.
    `version` is what /api/health says, and decides which versions of /apis there are. `alerting_look_seconds`: how often the server
    looks for organisations that have no Alertmanager yet; `without_alerting`: the organisations that never get one.
    """

    database: Path
    plugins: Path
    port: int
    admin_user: str
    admin_password: str
    proxy_header: str | None
    version: str
    first_password: str | None = None
    alerting: bool = True
    without_alerting: frozenset[int] = frozenset()
    alerting_look_seconds: float = 60.0
    secret_key: str = DEFAULT_SECRET_KEY
    data: Path = Path("/var/lib/grafana")
    path: str = "grafana.db"
    server: Mapping[str, str] = field(default_factory=dict)
    server_password: str = field(default="", repr=False)


def read(environment: Mapping[str, str]) -> Settings:
    """Settings with Grafana's defaults."""
    data = Path(environment.get("GF_PATHS_DATA", "/var/lib/grafana"))
    proxied = environment.get("GF_AUTH_PROXY_ENABLED", "false").lower() == "true"
    server = {key: environment.get(f"GF_DATABASE_{key.upper()}", default) for key, default in _SERVER.items()}
    by_server = server["type"] == mysql.TYPE
    return Settings(
        database=data / (_OF_A_SERVER if by_server else environment.get("GF_DATABASE_PATH", "grafana.db")),
        plugins=Path(environment.get("GF_PATHS_PLUGINS", data / "plugins")),
        port=int(environment.get("GF_SERVER_HTTP_PORT", "3000")),
        admin_user=environment.get("GF_SECURITY_ADMIN_USER", "admin"),
        admin_password=environment.get("GF_SECURITY_ADMIN_PASSWORD", "admin"),
        proxy_header=environment.get("GF_AUTH_PROXY_HEADER_NAME", "X-WEBAUTH-USER") if proxied else None,
        version=environment.get("GF_STANDIN_VERSION", "12.4.1"),
        first_password=environment.get("GF_SECURITY_ADMIN_PASSWORD"),
        alerting=environment.get("GF_UNIFIED_ALERTING_ENABLED", "true").lower() != "false",
        without_alerting=frozenset(
            int(one) for one in re.findall(r"\d+", environment.get("GF_UNIFIED_ALERTING_DISABLED_ORGS", ""))
        ),
        alerting_look_seconds=seconds(environment.get("GF_UNIFIED_ALERTING_ALERTMANAGER_CONFIG_POLL_INTERVAL", "60s")),
        secret_key=environment.get("GF_SECURITY_SECRET_KEY", DEFAULT_SECRET_KEY),
        data=data,
        path=environment.get("GF_DATABASE_PATH", "grafana.db"),
        server=server if by_server else {},
        server_password=environment.get("GF_DATABASE_PASSWORD", ""),
    )


def seconds(text: str) -> float:
    """A duration as Go writes it: `60s`, `1m30s`, `500ms`."""
    sizes = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    return sum(float(number) * sizes[unit] for number, unit in re.findall(r"([\d.]+)(ms|s|m|h)", text))
