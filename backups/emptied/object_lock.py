"""Asks an S3 server whether a bucket's objects are locked by default: one signed question (GetObjectLockConfiguration).

restic has no command for it. The question is signed as AWS describes it (Signature Version 4, for a GET without a body); a
library of AWS's would be larger than the rest of Lifeboat. The secret key is not sent.
"""

import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import quote, urlsplit

from backups.errors import ConfigError
from backups.secret import Secret
from backups.services.http.bounds import HEALTH
from backups.services.http.line import Line

_QUERY = "object-lock="
_SIGNED = "host;x-amz-content-sha256;x-amz-date"
_NOTHING = hashlib.sha256(b"").hexdigest()
_MODE = re.compile(rb"<Mode>(COMPLIANCE|GOVERNANCE)</Mode>")
_KEPT = re.compile(rb"<(Days|Years)>([1-9][0-9]{0,8})</(?:Days|Years)>")


@dataclass(frozen=True)
class Lock:
    """How a bucket locks each new object. mode: None where it locks none, then `why` says what is known. kept: for how long."""

    mode: Literal["COMPLIANCE", "GOVERNANCE"] | None
    kept: str = ""
    why: str = ""


def ask(url: str, environment: Mapping[str, Secret], options: Mapping[str, str], *, now: datetime) -> Lock:
    """Ask for the default lock of the bucket of a repository.

    url: as restic takes it (`s3:https://host/bucket/prefix`). Raises LifeboatError when the server does not answer.
    """
    root, bucket = _parts(url)
    keys = [_variable(environment, name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")]
    identity, key, token = keys
    if not identity or not key:
        return Lock(None, why="its keys are not in repository.environment, so Object Lock cannot be asked for")
    region = options.get("s3.region") or _variable(environment, "AWS_DEFAULT_REGION") or _region(root)
    path = f"/{quote(bucket)}"
    headers = signature(urlsplit(root).netloc, path, _QUERY, identity, key, token, region, now)
    with Line("the S3 server", root) as line:
        answer = line.ask("GET", path, HEALTH, params={"object-lock": ""}, headers=headers, signed=False)
    if answer.status == 404 and b"ObjectLockConfigurationNotFoundError" in answer.body:
        return Lock(None, why="its bucket has no Object Lock")
    if answer.status != 200:
        return Lock(None, why=f"its server answers {answer.status} when it is asked for Object Lock")
    mode, kept = _MODE.search(answer.body), _KEPT.search(answer.body)
    if not mode or not kept:
        return Lock(None, why="its bucket has Object Lock, and locks no object by itself")
    amount, unit = int(kept[2]), kept[1].decode().lower().removesuffix("s")
    return Lock("COMPLIANCE" if mode[1] == b"COMPLIANCE" else "GOVERNANCE", f"{amount} {unit}{'' if amount == 1 else 's'}")


def signature(
    host: str, path: str, query: str, identity: str, key: str, token: str, region: str, now: datetime
) -> dict[str, str]:
    """Return the headers that sign a GET of `path` with this query, as they are sent.

    identity, key: the two of the account; token: that of a session, or nothing
    """
    moment = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    named = f"host:{host}\nx-amz-content-sha256:{_NOTHING}\nx-amz-date:{moment}\n"
    signed = _SIGNED
    if token:
        named, signed = f"{named}x-amz-security-token:{token}\n", f"{signed};x-amz-security-token"
    request = f"GET\n{path}\n{query}\n{named}\n{signed}\n{_NOTHING}"
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(request.encode()).hexdigest()])
    secret = f"AWS4{key}".encode()
    for part in scope.split("/"):
        secret = hmac.digest(secret, part.encode(), "sha256")
    proof = hmac.digest(secret, text.encode(), "sha256").hex()
    return {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={identity}/{scope}, SignedHeaders={signed}, Signature={proof}",
        "x-amz-content-sha256": _NOTHING,
        "x-amz-date": moment,
        **({"x-amz-security-token": token} if token else {}),
    }


def _parts(url: str) -> tuple[str, str]:
    """Return the root of the server and the bucket."""
    address = url.removeprefix("s3:").removeprefix("//")
    parts = urlsplit(address if "://" in address else f"https://{address}")
    bucket = parts.path.strip("/").partition("/")[0]
    if not parts.netloc or not bucket or "@" in parts.netloc:
        raise ConfigError("repository.url names no bucket of an S3 server", hint="write s3:https://host/bucket/prefix")
    return f"{parts.scheme}://{parts.netloc}", bucket


def _region(root: str) -> str:
    found = re.search(r"s3[.-]([a-z]{2}(?:-[a-z]+)+-[0-9]+)\.amazonaws\.com", root)
    return found[1] if found else "us-east-1"


def _variable(environment: Mapping[str, Secret], name: str) -> str:
    return environment[name].reveal() if name in environment else os.environ.get(name, "")
