"""Whether a REST server takes deletions from us. An append-only one refuses them: what it once was given, a thief cannot remove.

restic itself tries a refused deletion again for three quarters of a minute, and a refused prune leaves an index behind: we ask
first.
"""

import base64
import secrets
import urllib.error
import urllib.request
from urllib.parse import unquote, urlsplit

from backups.errors import ConfigError

_SECONDS = 20.0


def is_append_only(url: str) -> bool:
    """Ask the server of a `rest:` url to delete a file that is not there: an append-only one answers 403, any other 404.

    False as well for other kinds of repositories, and when the server does not answer: then restic is told no, and tells us.
    Raises ConfigError for a `rest:` url that cannot be read as one.
    """
    if not url.startswith("rest:"):
        return False
    base, user, password = _parts(url.removeprefix("rest:"))
    # The name of a pack that nobody has: 256 random bits.
    request = urllib.request.Request(f"{base}/data/{secrets.token_hex(32)}", method="DELETE")  # noqa: S310 - http or https: _parts
    if user is not None:
        word = base64.b64encode(f"{user}:{password or ''}".encode()).decode()
        request.add_header("Authorization", f"Basic {word}")
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS):  # noqa: S310
            return False
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code in (403, 405)
    except OSError:
        return False


def require_readable(url: str) -> None:
    """Raise ConfigError for a `rest:` url that restic would not understand, and would quote, its password included."""
    if url.startswith("rest:"):
        _parts(url.removeprefix("rest:"))


def _parts(address: str) -> tuple[str, str | None, str | None]:
    """The address without user and password and without a slash at its end, then both of them."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            "repository.url is not an address of a REST server",
            hint="rest:https://user:password@host:port/; in a password write / as %2F, @ as %40, : as %3A, # as %23, ? as %3F",
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    place = f"{parts.scheme}://{host}{'' if port is None else f':{port}'}{parts.path.rstrip('/')}"
    return place, *(None if part is None else unquote(part) for part in (parts.username, parts.password))  # type: ignore[return-value]
