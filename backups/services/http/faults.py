"""Says why a server could not be asked, and whether that is evidence that nobody serves.

Evidence is only what the service's own address does: it refuses the connection, it cannot be reached, or it takes the connection
and says nothing. A proxy, a name that cannot be resolved, TLS, a redirect, an answer that is cut, too slow or too large say
nothing about the service: they are other errors.
"""

import errno
import re
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime

import requests
import urllib3.exceptions

from backups.errors import LifeboatError, Transient

_NOBODY = frozenset({errno.ECONNREFUSED, errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.EHOSTDOWN})
"""What an address answers where nobody listens. ENETUNREACH is not among them: this machine itself knows no way there."""
_NO_WAY = frozenset({errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
"""What an address of a family says that this machine does not have."""


class Unserved(Transient):
    """Nobody serves at the service's own address: the connection is refused, or nothing comes of it in time."""


def unresolved(service: str, where: str, host: str, error: Exception) -> LifeboatError:
    """The name of the server is not known."""
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return Transient(
        f"{service} at {where} cannot be asked: the name {host} cannot be resolved: {why}",
        hint="is the name right, and does this machine's resolver answer? that says nothing about the service",
    )


def unconnected(service: str, where: str, errors: list[OSError], *, to: str | None, beyond: bool) -> LifeboatError:
    """No address takes a connection. to: the proxy that was asked instead, None for the server. beyond: see `explained`."""
    why = ", ".join(dict.fromkeys(_words(error) for error in errors)) or "it has no address"
    if to is not None:
        return LifeboatError(
            f"{service} at {where} cannot be asked: the proxy {to} does not answer: {why}",
            hint="check HTTP_PROXY, HTTPS_PROXY and NO_PROXY of this machine; that says nothing about the service",
        )
    telling = [error for error in errors if error.errno not in _NO_WAY]
    if telling and not beyond and all(_is_evidence(error) for error in telling):
        return Unserved(
            f"{service} at {where} does not answer: {why}",
            hint="is it running, and its url right and reachable from this machine?",
        )
    return Transient(f"{service} at {where} cannot be asked: {why}", hint="is the network of this machine up?")


def explained(error: Exception, service: str, where: str, *, proxy: str | None, beyond: bool, seconds: float) -> LifeboatError:
    """Make of what `requests` or urllib3 raised an error with the innermost reason, in plain words.

    proxy: the one that is asked instead of the server. beyond: whether an answer, or a redirect, had come before
    seconds: how long nothing may come
    """
    causes = list(_causes(error))
    if proxy is not None and any(isinstance(cause, requests.exceptions.ProxyError) for cause in causes):
        return LifeboatError(
            f"{service} at {where} cannot be asked: the proxy {proxy} does not pass it on: {_innermost(causes)}",
            hint="check HTTP_PROXY, HTTPS_PROXY and NO_PROXY of this machine; that says nothing about the service",
        )
    if tls := next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None):
        return not_trusted(service, where, tls)
    if any(isinstance(cause, TimeoutError | requests.Timeout | urllib3.exceptions.TimeoutError) for cause in causes):
        message = f"{service} at {where} does not answer: timed out, nothing came for {seconds:g} s"
        if proxy is None and not beyond:
            return Unserved(message, hint="does it hang? look at its log and its machine")
        return Transient(message, hint="does it hang, or what stands before it? look at its log and its machine")
    if any(isinstance(cause, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema) for cause in causes):
        return LifeboatError(f"{service} at {where} cannot be asked: {_innermost(causes)}", hint="check url of this service")
    what = "the answer was cut short" if beyond else "the connection ended before an answer came"
    return Transient(
        f"{service} at {where} could not be read: {what}: {_innermost(causes)}",
        hint="look at its log, and at what stands between it and this machine",
    )


def not_trusted(service: str, where: str, error: ssl.SSLError) -> LifeboatError:
    """TLS does not come about, or the certificate is not accepted. That is no word about the service."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return LifeboatError(
            f"the TLS certificate of {service} at {where} is not accepted: {_certificate(error, where)}",
            hint="is it the right server? set tls_ca of this service to the authority's certificate, or renew it there",
        )
    if "WRONG_VERSION_NUMBER" in str(error) or "HTTP_REQUEST" in str(error):
        return LifeboatError(
            f"{service} at {where} does not speak TLS", hint="is its url http://? and does something else listen there?"
        )
    return LifeboatError(
        f"{service} at {where} cannot be reached over TLS: {_tls_words(error)}",
        hint="look at the TLS settings there, and at what stands between it and this machine",
    )


def _certificate(error: ssl.SSLCertVerificationError, where: str) -> str:
    """Why, in OpenSSL's words; with the day where it has expired."""
    words = (error.verify_message or _tls_words(error)).rstrip(".")
    if "expired" not in words:
        return words
    expired = _end_of(where)
    return f"{words} on {expired:%Y-%m-%d %H:%M UTC}" if expired else words


def _end_of(url: str) -> datetime | None:
    """Until when the certificate of the server at a url is valid; None where it cannot be seen."""
    from cryptography import x509

    from backups.services.http import address

    _, host, port = address.origin(url)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # it is looked at, and nothing is sent
    try:
        with (
            socket.create_connection((host, port or 443), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname=host) as tls,
        ):
            found = tls.getpeercert(binary_form=True)
        end = x509.load_der_x509_certificate(found or b"").not_valid_after_utc
    except (OSError, ValueError):
        return None
    return end if end < datetime.now(UTC) else None


def _is_evidence(error: OSError) -> bool:
    return isinstance(error, TimeoutError) or error.errno in _NOBODY


def _words(error: OSError) -> str:
    if isinstance(error, TimeoutError) and error.errno is None:
        return "timed out"
    return error.strerror or str(error) or type(error).__name__


def _tls_words(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).replace("_", " ").lower()


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error with everything that it was made of, the outermost first."""
    seen: set[int] = set()
    left: list[object] = [error]
    while left:
        one = left.pop(0)
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            left += [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]


def _innermost(causes: list[BaseException]) -> str:
    """The reason that the system gave, without addresses of objects and without urls."""
    for cause in reversed(causes):
        if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, requests.RequestException):
            return cause.strerror
    for cause in reversed(causes):
        # As Python words what a proxy says to CONNECT.
        if isinstance(cause, OSError) and (found := re.search(r"Tunnel connection failed: [\w ]+", str(cause))):
            return found[0]
    return re.sub(r"(?<!^)(?=[A-Z][a-z])", " ", type(causes[-1]).__name__).lower()
