"""Finds out whether a REST server is append-only, that is, refuses deletions from this machine.

restic tries a refused deletion again for three quarters of a minute, and a refused prune leaves an index behind: so the server is
asked first.
"""

import secrets
import ssl
from urllib.parse import unquote, urlsplit

from backups.errors import ConfigError

_SECONDS = 20.0


def is_append_only(url: str) -> bool:
    """Return whether the server of a `rest:` url is known to refuse deletions.

    Returns False as well for other kinds of repositories, and when the server does not answer: then restic is refused, and its
    error is the one to show. Raises ConfigError for a `rest:` url that cannot be parsed.
    """
    return bool(url.startswith("rest:") and refuses(url))


def refuses(url: str) -> bool | None:
    """Ask the server of a `rest:` url to delete a file that does not exist: an append-only one answers 403, any other 404.

    Returns None when it answers neither, or not at all. Raises ConfigError for a url that cannot be parsed.
    """
    import requests

    base, user, password = _parts(url.removeprefix("rest:"))
    # As restic does it: in UTF-8, where `requests` would encode as Latin-1, and without a look at ~/.netrc.
    account = None if user is None else (user.encode().decode("latin-1"), (password or "").encode().decode("latin-1"))
    # The certificates that this machine trusts, as restic does; not those that `requests` brings along.
    trusted = ssl.get_default_verify_paths()
    try:
        answer = requests.delete(
            # The name of a pack that no repository has: 256 random bits.
            f"{base}/data/{secrets.token_hex(32)}",
            auth=account or (lambda request: request),
            verify=trusted.cafile or trusted.capath or True,
            allow_redirects=False,
            timeout=_SECONDS,
        )
    except requests.RequestException:
        return None
    if answer.status_code in (403, 405):
        return True
    return False if answer.status_code in (200, 204, 404) else None


def require_readable(url: str) -> None:
    """Raise ConfigError for a `rest:` url that restic could not parse: its error would quote the url, password included."""
    if url.startswith("rest:"):
        _parts(url.removeprefix("rest:"))


def _parts(address: str) -> tuple[str, str | None, str | None]:
    """Return the address without account and trailing slash, then the user and the password."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            "repository.url is not a valid address of a REST server",
            hint="write rest:https://user:password@host:port/; in the password / is %2F, @ %40, : %3A, # %23, ? %3F",
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    place = f"{parts.scheme}://{host}{'' if port is None else f':{port}'}{parts.path.rstrip('/')}"
    return place, *(None if part is None else unquote(part) for part in (parts.username, parts.password))  # type: ignore[return-value]
