"""A repository with hundreds of backups, made in a second: the snapshots' files are written as restic writes them.

Taking 500 real backups would cost seven minutes of restic's key derivation and prove nothing more about listing them.
"""

import base64
import hashlib
import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR, ECB
from cryptography.hazmat.primitives.poly1305 import Poly1305

THREE = {"agama": "mysql", "prometheus": "prometheus", "grafana": "grafana"}
"""Services, and the type of each."""


def many_services(count: int) -> dict[str, str]:
    """So many services, of the three types in turn."""
    return {f"service-{number:03}": tuple(THREE.values())[number % 3] for number in range(count)}


def configuration(directory: Path, services: dict[str, str]) -> Path:
    """Write the lifeboat.yaml of a site in `directory` with these services, whose repository is beside it; returns its path."""
    sections = {
        "mysql": "{type: mysql, host: localhost, password: none, image: 'lifeboat/mysql:9.7'}",
        "prometheus": "{type: prometheus, url: 'http://localhost:9090', place: 'local:/', image: 'lifeboat/prometheus:3.5'}",
        "grafana": "{type: grafana, url: 'http://localhost:3000', place: 'local:/', image: 'lifeboat/grafana-standin:12.4'}",
    }
    (directory / "key").write_text("bench\n")
    config = directory / "lifeboat.yaml"
    config.write_text(
        f"state: state\nrepository: {{url: repository, password_file: {directory}/key}}\nservices:\n"
        + "".join(f"  {name}: {sections[kind]}\n" for name, kind in services.items())
    )
    return config


def fill(repository: Path, password: str, count: int, scratch: Path, services: dict[str, str], *, proofs: bool = False) -> None:
    """Initialise a repository at `repository` and put `count` backups of these services into it, one of each a day.

    proofs: each Monday's evidence, too, which states a proof of every service's newest backup
    """
    environment = {
        **os.environ,
        "RESTIC_REPOSITORY": str(repository),
        "RESTIC_PASSWORD": password,
        "RESTIC_CACHE_DIR": str(scratch / "cache"),
    }

    def restic(*arguments: str) -> str:
        return subprocess.run(
            ["restic", *arguments], env=environment, check=True, capture_output=True, text=True, cwd=scratch
        ).stdout

    (scratch / "manifest.json").write_text("{}")
    restic("init")
    restic("backup", "manifest.json")
    (first,) = json.loads(restic("snapshots", "--json"))
    template = json.loads(restic("cat", "snapshot", first["id"]))
    key = json.loads(restic("cat", "masterkey"))
    start = datetime(2026, 1, 1, tzinfo=UTC)

    def add(at: datetime, host: str, tags: list[str]) -> None:
        sealed = _seal(json.dumps(template | {"time": at.isoformat(), "hostname": host, "tags": tags}).encode(), key)
        (repository / "snapshots" / hashlib.sha256(sealed).hexdigest()).write_bytes(sealed)

    for number in range(count):
        day, service = divmod(number, len(services))
        name, kind = list(services.items())[service]
        at = start + timedelta(days=day, seconds=service)
        full = at - timedelta(days=day % 7)
        tags = ["lifeboat", f"backup={name}-{at:%Y%m%dT%H%M%SZ}", f"service={name}", f"type={kind}", f"kind={'incremental' if day % 7 else 'full'}",
                f"chain={name}-{full:%Y%m%dT%H%M%SZ}", f"sequence={day % 7}", f"taken={at.isoformat()}", f"bytes={number * 1000}",
                "limits=1", f"holds=rows:{10_000 + number}", "packed=500-10-5-3-1-0"]  # fmt: skip
        add(at, name, tags)
    for day in range(6, count // len(services) if proofs else 0, 7):
        at = start + timedelta(days=day, hours=6)
        tags = ["lifeboat-evidence", "verdict=verified"]
        for service, name in enumerate(services):
            taken = start + timedelta(days=day, seconds=service)
            backup = f"{name}-{taken:%Y%m%dT%H%M%SZ}"
            tags += [f"proof={backup}|verified|41.2|{at.isoformat()}",
                     f"drill={name}|latest|verified|41.200|1000|fetch:20.000;start:12.000|{backup}|rows:1000"]  # fmt: skip
        add(at, "backup-1", tags)
    restic("forget", first["id"])


def _seal(plain: bytes, key: dict) -> bytes:
    """restic's encryption: AES-256-CTR, authenticated by Poly1305-AES over the ciphertext."""
    nonce = os.urandom(16)
    encryptor = Cipher(AES(base64.b64decode(key["encrypt"])), CTR(nonce)).encryptor()
    sealed = encryptor.update(plain) + encryptor.finalize()
    masked = Cipher(AES(base64.b64decode(key["mac"]["k"])), ECB()).encryptor().update(nonce)
    return nonce + sealed + Poly1305.generate_tag(base64.b64decode(key["mac"]["r"]) + masked, sealed)
