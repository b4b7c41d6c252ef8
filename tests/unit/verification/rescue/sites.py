"""A configuration that names a file by every key that can, and reads variables: what a kit has to carry."""

from pathlib import Path
from typing import Any

import yaml

from backups.config.exposed import named
from backups.site import Site

ENVIRONMENT = {
    "AGAMA_PASSWORD": 'it\'s $HOME \\ "quoted" `x`\nand more',
    "REST_PASSWORD": "s3cret-of-rest",
    "BACKUP_KEY": "s3cret-key",
}
EXAMPLE = Path(__file__).parents[4] / "deployments" / "example" / "lifeboat.yaml"


def site_of(folder: Path, *, more: dict[str, Any] | None = None, to: str | None = None) -> tuple[Site, Path]:
    """Write lifeboat.yaml and every file that it names into a folder; returns the site, and the path of lifeboat.yaml."""
    folder.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = {
        "state": "state",
        "repository": {"url": "repository", "password_file": "keys/repository.key"},
        "repositories": {
            "second": {
                "url": "rest:https://user:${REST_PASSWORD}@host/",
                "password_file": "keys/second.key",
                "environment": {"AWS_SECRET_ACCESS_KEY": "${BACKUP_KEY}"},
            }
        },
        "evidence": {"key_file": "keys/evidence.key"},
        "rescue": ["prometheus"],
        "hosts": {
            "bastion.example": {"address": "ops@gate", "key_file": "keys/id", "known_hosts": "keys/known_hosts"},
            "inner": {
                "address": "ops@inner",
                "key_file": "keys/id",
                "jump": "bastion.example",
                "known_hosts": "keys/known_hosts",
            },
        },
        "services": {
            "agama": {
                "type": "mysql",
                "host": "db",
                "user": "lifeboat",
                "password": "${AGAMA_PASSWORD}",
                "image": "mysql:9.7",
                "tls_ca": "keys/ca.pem",
                "suites": ["suites/one.yaml", "suites/two.yaml"],
            },
            "prometheus": {
                "type": "prometheus",
                "url": "https://prometheus",
                "user": "lifeboat",
                "password_file": "keys/prometheus.key",
                "ca_file": "keys/prometheus.pem",
                "place": "local:/var/lib/prometheus",
                "image": "prom/prometheus:v3.5.0",
            },
            "grafana": {
                "type": "grafana",
                "method": "api",
                "url": "https://grafana",
                "token_file": "keys/grafana.token",
                "tls_ca": "keys/grafana.pem",
                "image": "grafana/grafana:12.4.1",
            },
        },
        **(more or {}),
    }
    for section in content["services"].values() if to else ():
        section["restore"] = {"to": to}
    path = folder / "lifeboat.yaml"
    path.write_text("# as it is written\n" + yaml.safe_dump(content, sort_keys=False))
    for _, each in named(Site.open(path, narrow=False).settings):
        if each.name != "state":
            each.parent.mkdir(exist_ok=True)
            each.write_text(f"content of {each.name}\n")
    return Site.open(path, narrow=False), path
