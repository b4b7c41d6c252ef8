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


def fill(repository: Path, password: str, count: int, scratch: Path) -> None:
    """Initialise a repository at `repository` and put `count` backups of three services into it."""
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
    for number in range(count):
        day, service = divmod(number, 3)
        name, kind = (("agama", "mysql"), ("prometheus", "prometheus"), ("grafana", "grafana"))[service]
        at = start + timedelta(days=day, seconds=service)
        full = at - timedelta(days=day % 7)
        tags = ["lifeboat", f"backup={name}-{at:%Y%m%dT%H%M%SZ}", f"service={name}", f"type={kind}", f"kind={'incremental' if day % 7 else 'full'}",
                f"chain={name}-{full:%Y%m%dT%H%M%SZ}", f"sequence={day % 7}", f"taken={at.isoformat()}", f"bytes={number * 1000}"]  # fmt: skip
        sealed = _seal(json.dumps(template | {"time": at.isoformat(), "hostname": name, "tags": tags}).encode(), key)
        (repository / "snapshots" / hashlib.sha256(sealed).hexdigest()).write_bytes(sealed)
    restic("forget", first["id"])


def _seal(plain: bytes, key: dict) -> bytes:
    """restic's encryption: AES-256-CTR, authenticated by Poly1305-AES over the ciphertext."""
    nonce = os.urandom(16)
    encryptor = Cipher(AES(base64.b64decode(key["encrypt"])), CTR(nonce)).encryptor()
    sealed = encryptor.update(plain) + encryptor.finalize()
    masked = Cipher(AES(base64.b64decode(key["mac"]["k"])), ECB()).encryptor().update(nonce)
    return nonce + sealed + Poly1305.generate_tag(base64.b64decode(key["mac"]["r"]) + masked, sealed)
