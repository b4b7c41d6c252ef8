"""Queries of a data source that is a Prometheus: the calls and the frames are those of `backups/panels/prometheus`."""

import base64
import errno
import json
import socket
import ssl
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlencode, urlsplit

from backups.panels.prometheus import reply
from deployments.grafana_standin.server.request import Reply, Request

Json = dict[str, Any]
_SECONDS = 30.0
_MOST_BYTES = 64 * 2**20
_REASONS = {
    errno.ECONNREFUSED: "connect: connection refused",
    errno.ENETUNREACH: "connect: network is unreachable",
    errno.EHOSTUNREACH: "connect: no route to host",
    errno.ETIMEDOUT: "i/o timeout",
}


def answer(request: Request, source: Json, query: Json, start: int, end: int) -> Json:
    """What stands below `results[refId]`."""
    try:
        filled = reply.filled(query, start, end, json.loads(source["json_data"] or "{}"))
    except ValueError as error:
        return reply.invalid(str(error))
    answers = []
    for call in reply.calls(filled):
        try:
            answers.append(_asked(request, source, "POST", call.path, urlencode(call.parameters)))
        except OSError as error:
            return reply.unreachable(words("Post", source["url"].rstrip("/") + call.path, error))
    try:
        return reply.result(filled, str(query.get("refId") or "A"), [(status, json.loads(body)) for status, body in answers])
    except (ValueError, KeyError, TypeError) as error:
        return reply.unreachable(f"the answer is not Prometheus': {error!r}")


def resource(request: Request, source: Json, path: str) -> Reply:
    """What Prometheus answers to a path, as it is."""
    parameters = urlencode([(name, value) for name, values in request.query.items() for value in values])
    try:
        status, body = _asked(request, source, "GET", f"/{path}", parameters)
        return Reply(status, json.loads(body))
    except OSError as error:
        return Reply(502, {"message": words("Get", f"{source['url'].rstrip('/')}/{path}", error)})
    except ValueError:
        return Reply(502, {"message": "the answer is no JSON"})


def health(request: Request, source: Json) -> str:
    """Its words when it answers; raises OSError, in Grafana's words, when it does not."""
    path = "/api/v1/query"
    try:
        status, body = _asked(request, source, "POST", path, urlencode({"query": "1+1", "time": "4"}))
    except OSError as error:
        raise OSError(words("Post", source["url"].rstrip("/") + path, error)) from None
    if status != 200 or json.loads(body).get("status") != "success":
        raise OSError(f"{status} - There was an error returned querying the Prometheus API.")
    return "Successfully queried the Prometheus API."


def words(verb: str, url: str, error: OSError) -> str:
    """What Go says of a server that cannot be reached."""
    reason: Any = getattr(error, "reason", error)
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    if isinstance(reason, socket.gaierror):
        return f'{verb} "{url}": dial tcp: lookup {host}: no such host'
    if isinstance(reason, TimeoutError):
        return f'{verb} "{url}": dial tcp {host}:{port}: i/o timeout'
    told = _REASONS.get(getattr(reason, "errno", 0) or 0, str(reason))
    return f'{verb} "{url}": dial tcp {host}:{port}: {told}'


def _asked(request: Request, source: Json, method: str, path: str, parameters: str) -> tuple[int, bytes]:
    """The status and the body of an answer; raises OSError where there is none."""
    url = source["url"].rstrip("/") + path
    sent = urllib.request.Request(
        f"{url}?{parameters}" if method == "GET" and parameters else url,
        data=parameters.encode() if method == "POST" else None,
        headers=_login(request, source),
        method=method,
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=_context(source)))
    try:
        with opener.open(sent, timeout=_SECONDS) as found:
            return found.status, found.read(_MOST_BYTES)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read(_MOST_BYTES)


def _login(request: Request, source: Json) -> dict[str, str]:
    if not source["basic_auth"]:
        return {}
    sealed = json.loads(source["secure_json_data"] or "{}").get("basicAuthPassword")
    password = request.vault.open(sealed) if sealed else ""
    return {"Authorization": "Basic " + base64.b64encode(f"{source['basic_auth_user']}:{password}".encode()).decode()}


def _context(source: Json) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if json.loads(source["json_data"] or "{}").get("tlsSkipVerify"):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
