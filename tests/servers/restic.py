"""The real restic with keys that cost nothing: `init` of a directory makes a repository whose key is derived in a millisecond.

restic derives its key by scrypt, with the costs (N, r, p) that the key's file names: 3 s of processor time to make one, 0.6 s at each
later use. Lifeboat's own repositories keep that; tests make hundreds, and open them thousands of times. Everything but that `init` is
the real restic, which opens such a repository like any other: see `tests/integration/repository/test_cost.py`.
"""

import base64
import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.poly1305 import Poly1305

_POLYNOMIAL = "20f8a2b4aed3eb"
"""restic draws one for each repository, of degree 53 and irreducible over GF(2), for its chunker; it has drawn this one once."""
_COST = {"N": 2, "r": 8, "p": 1}
_FOLDER = "lifeboat-tests-"
_SHIM = """#!/bin/sh
for argument; do [ "$argument" != init ] || exec '{python}' -I '{module}' '{restic}' "$@"; done
exec '{restic}' "$@"
"""


def install() -> Path:
    """Put a folder with a program `restic` before the PATH of this process and of all that it starts; returns the folder."""
    folder = Path(tempfile.mkdtemp(prefix=_FOLDER))
    if restic := shutil.which("restic"):
        shim = folder / "restic"
        shim.write_text(_SHIM.format(python=sys.executable, module=Path(__file__).resolve(), restic=restic))
        shim.chmod(0o755)
        os.environ["PATH"] = os.pathsep.join([str(folder), os.environ["PATH"]])
    return folder


def path_of_the_real_one() -> str:
    """The PATH without that folder."""
    folders = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if not Path(folder).name.startswith(_FOLDER))


def programs() -> list[Path]:
    """Every real restic on the PATH, the first one first: `make setup` leaves Debian's own beside a newer one."""
    found = (Path(folder) / "restic" for folder in path_of_the_real_one().split(os.pathsep))
    return list({path.resolve(): path for path in found if path.is_file()}.values())


def locks(repository: Path) -> list[Path]:
    """The locks that a repository in a directory holds. Not what a restic left that was killed while it wrote one: restic passes it over."""
    return [path for path in (repository / "locks").iterdir() if "-tmp-" not in path.name]


def make(directory: Path, password: str) -> None:
    """Make an empty repository (format 2) in `directory`, which does not exist or is empty."""
    for part in ("index", "keys", "locks", "snapshots", *(f"data/{number:02x}" for number in range(256))):
        (directory / part).mkdir(mode=0o700, parents=True)
    encrypt, mac_k, mac_r = (secrets.token_bytes(size) for size in (32, 16, 16))
    _add_key(directory, password, json.dumps({"mac": {"k": _base64(mac_k), "r": _base64(mac_r)}, "encrypt": _base64(encrypt)}))
    config = {"version": 2, "id": secrets.token_hex(32), "chunker_polynomial": _POLYNOMIAL}
    (directory / "config").write_bytes(_seal(json.dumps(config).encode(), encrypt, mac_k, mac_r))


def cheapen(directory: Path, password: str) -> None:
    """Give a repository that the real `init` has made, far away by its url but in a directory of this machine, a key that costs nothing."""
    (costly,) = (directory / "keys").iterdir()
    known = {**os.environ, "RESTIC_REPOSITORY": str(directory), "RESTIC_PASSWORD": password}
    command = ["restic", "cat", "masterkey", "--no-lock", "--no-cache"]
    _add_key(directory, password, subprocess.run(command, env=known, check=True, capture_output=True, text=True).stdout)
    costly.unlink()


def _add_key(directory: Path, password: str, master: str) -> None:
    salt = secrets.token_bytes(64)
    derived = hashlib.scrypt(password.encode(), salt=salt, n=_COST["N"], r=_COST["r"], p=_COST["p"], dklen=64)
    sealed = _seal(master.encode(), derived[:32], derived[32:48], derived[48:])
    made_by = {"created": "2026-01-01T00:00:00Z", "username": "tests", "hostname": "tests", "kdf": "scrypt"}
    key = json.dumps({**made_by, **_COST, "salt": _base64(salt), "data": _base64(sealed)}).encode()
    (directory / "keys" / hashlib.sha256(key).hexdigest()).write_bytes(key)


def _seal(plain: bytes, encrypt: bytes, mac_k: bytes, mac_r: bytes) -> bytes:
    """As restic stores a file: the nonce, AES-256-CTR of the content, and its Poly1305-AES."""
    nonce = secrets.token_bytes(16)
    counting = Cipher(algorithms.AES(encrypt), modes.CTR(nonce)).encryptor()
    sealed = counting.update(plain) + counting.finalize()
    one_block = Cipher(algorithms.AES(mac_k), modes.ECB()).encryptor()
    return nonce + sealed + Poly1305.generate_tag(mac_r + one_block.update(nonce), sealed)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _init(restic: str, arguments: list[str]) -> None:
    """`restic init`: of a directory that can be one, else (a far repository, one that is there, a disk that is full) the real one's."""
    directory = Path(os.environ.get("RESTIC_REPOSITORY", ""))
    password = os.environ.get("RESTIC_PASSWORD")
    if not (password and directory.is_absolute() and directory.parent.is_dir() and not directory.exists()):
        os.execv(restic, [restic, *arguments])
    beside = directory.with_name(f"{directory.name}.{os.getpid()}")
    try:
        make(beside, password)
        beside.rename(directory)
    except OSError:
        shutil.rmtree(beside, ignore_errors=True)
        os.execv(restic, [restic, *arguments])


if __name__ == "__main__":
    _init(sys.argv[1], sys.argv[2:])
