"""Adds snapshots to a restic repository as a thief may who has its password and may add: any tags, any tree, or no snapshot at all.

It writes restic's files itself, since restic would not write most of them: https://restic.readthedocs.io/en/stable/100_references.html
"""

import base64
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.servers import restic


@dataclass(frozen=True)
class Thief:
    """Whoever may add to the repository in a directory."""

    repository: Path
    key: tuple[bytes, bytes, bytes]

    @classmethod
    def of(cls, repository: Path, password: str) -> "Thief":
        """Open the repository's key, as restic does."""
        stored = json.loads(next((repository / "keys").iterdir()).read_bytes())
        salt = base64.b64decode(stored["salt"])
        derived = hashlib.scrypt(password.encode(), salt=salt, n=stored["N"], r=stored["r"], p=stored["p"], dklen=64)
        sealed = base64.b64decode(stored["data"])
        counting = Cipher(algorithms.AES(derived[:32]), modes.CTR(sealed[:16])).decryptor()
        master = json.loads(counting.update(sealed[16:-16]) + counting.finalize())
        parts = (master["encrypt"], master["mac"]["k"], master["mac"]["r"])
        return cls(repository, tuple(base64.b64decode(part) for part in parts))  # type: ignore[arg-type]

    def snapshot(self, tags: Sequence[str], tree: str, *, time: str = "2026-11-26T00:00:00Z", **more: Any) -> str:
        """Add a snapshot with these tags; returns its id."""
        content = {"time": time, "tree": tree, "paths": ["/x"], "hostname": "x", "username": "x", "tags": list(tags), **more}
        return self.file("snapshots", restic._seal(json.dumps(content).encode(), *self.key))

    def file(self, folder: str, content: bytes) -> str:
        """Add a file under the hash of its content, as a REST server demands; returns its name."""
        name = hashlib.sha256(content).hexdigest()
        place = self.repository / folder / (name[:2] if folder == "data" else "") / name
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(content)
        return name

    def tree(self, nodes: Sequence[dict[str, Any]]) -> str:
        """Add a tree of these nodes, whatever is odd in them; returns its id."""
        blob = json.dumps({"nodes": nodes}).encode() + b"\n"
        return self._blob(blob, kind=1)

    def file_node(self, name: str, content: bytes, mode: int = 0o644) -> dict[str, Any]:
        """A node of a tree: a file, whose content is added."""
        return _node(name, "file", mode, size=len(content), content=[self._blob(content, kind=0)])

    def directory_node(self, name: str, nodes: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """A node of a tree: a directory with these in it."""
        return _node(name, "dir", 0o755 | 1 << 31, subtree=self.tree(nodes))

    def link_node(self, name: str, target: str) -> dict[str, Any]:
        """A node of a tree: a symbolic link."""
        return _node(name, "symlink", 0o777 | 1 << 27, linktarget=target)

    def _blob(self, content: bytes, kind: int) -> str:
        identifier = hashlib.sha256(content).digest()
        sealed = restic._seal(content, *self.key)
        entry = bytes([kind]) + len(sealed).to_bytes(4, "little") + identifier
        header = restic._seal(entry, *self.key)
        pack = self.file("data", sealed + header + len(header).to_bytes(4, "little"))
        blob = {"id": identifier.hex(), "type": ("data", "tree")[kind], "offset": 0, "length": len(sealed)}
        index = {"packs": [{"id": pack, "blobs": [blob]}]}
        self.file("index", restic._seal(json.dumps(index).encode(), *self.key))
        return identifier.hex()


def _node(name: str, kind: str, mode: int, **more: Any) -> dict[str, Any]:
    times = dict.fromkeys(("mtime", "atime", "ctime"), "2026-11-26T00:00:00Z")
    return {"name": name, "type": kind, "mode": mode, "uid": os.getuid(), "gid": os.getgid(), **times, "content": None, **more}
