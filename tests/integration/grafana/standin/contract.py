"""Reads the API contract that Grafana 13.0.0 publishes (../shared/field-data/grafana/api), and checks answers against it.

Its few known faults are named in EXCEPTIONS, with the reason.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# (model, field) -> why an answer may differ from the contract there
EXCEPTIONS = {
    ("PostDashboardOKBody", "slug"): "the contract calls it `title` and describes it as the slug; servers send `slug`",
    ("PostDashboardOKBody", "title"): "the same fault, seen from the other side",
}
for _field in ("messageId", "statusCode", "extra", "traceID", "title", "accessErrorId"):
    for _model in ("ErrorResponseBody", "ValidationError"):
        EXCEPTIONS[_model, _field] = "the contract describes the old errors; a real 12.4.3 names newer ones by messageId"
EXCEPTIONS["MuteTimeInterval", "version"] = "a real 12.4.3 sends it"
for _model, _field in (("AnnotationPermission", "organization"), ("DataSource", "apiVersion"), ("SuccessResponseBody", "userId")):
    EXCEPTIONS[_model, _field] = "a real 12.4.3 sends it"
EXCEPTIONS["MuteTimeInterval", "provenance"] = "a real 12.4.3 sends it of what is somebody's"
EXCEPTIONS["Playlist", "items"] = "a real 12.4.3 sends it with the playlist"
# (method, route, status) that a real 12.4.3 answers with and the contract does not document: any body, here
RECORDED = {("POST", "/api/v1/provisioning/contact-points", 409), ("POST", "/api/folders", 412)}
# Names of the contract that are not models, as what they are.
ALIASES = {
    "DsAccess": "string", "HitType": "string", "Provenance": "string", "ManagerKind": "string", "PermissionType": "int64", "Duration": "int64",
    "Metadata": "map[string]bool", "ObjectMatchers": "[]any", "Matchers": "[]any", "MatchRegexps": "map[string]string", "JSON": "any",
    "Ack": "any", "RawMessage": "any", "SettingsBag": "any", "Password": "string", "float64": "any",
    "HitList": "[]Hit", "DataSourceList": "[]DataSourceListItemDTO", "Playlists": "[]Playlist", "ProvisionedAlertRules": "[]ProvisionedAlertRule",
    "ContactPoints": "[]EmbeddedContactPoint", "MuteTimings": "[]MuteTimeInterval", "NotificationTemplates": "[]NotificationTemplate",
    # its 403 bodies are described as {"body": …}, which is how the generator wrapped them, not what is sent
    "ForbiddenError": "ErrorResponseBody",
}  # fmt: skip
DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


class Contract:
    """The published endpoints and models."""

    def __init__(self, directory: Path) -> None:
        self.endpoints = {
            (one["method"], one["path"]): one
            for one in json.loads((directory / "endpoints-13.0.0.json").read_text())["endpoints"]
        }
        self.models: dict[str, Any] = json.loads((directory / "models-13.0.0.json").read_text())["models"]

    def payload(self, method: str, route: str, status: int) -> str:
        """The type of the body of a documented status."""
        if (method, route, status) in RECORDED:
            return "any"
        endpoint = self.endpoints[method, route]
        names = {200: "OK", 201: "Created", 202: "Accepted", 400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 406: "NotAcceptable", 409: "Conflict",
                 412: "PreconditionFailed", 422: "UnprocessableEntity", 503: "ServiceUnavailable"}  # fmt: skip
        assert status in endpoint["codes"], f"{method} {route} documents {endpoint['codes']}, not {status}"
        (found,) = [kind for name, kind in endpoint["payloads"].items() if name.endswith(names[status])]
        return str(found)

    def faults(self, value: Any, kind: str, at: str = "body") -> Iterator[str]:
        """Every way in which a value is not of a type of the contract."""
        kind = ALIASES.get(kind, kind)
        if value is None or kind == "any":
            return
        if kind.startswith("[]"):
            if not isinstance(value, list):
                yield f"{at} is no list"
                return
            for index, inner in enumerate(value):
                yield from self.faults(inner, kind[2:], f"{at}[{index}]")
        elif kind.startswith("map[string]"):
            for key, inner in value.items() if isinstance(value, dict) else ():
                yield from self.faults(inner, kind.removeprefix("map[string]"), f"{at}.{key}")
            if not isinstance(value, dict):
                yield f"{at} is no object"
        elif kind == "SettingsBag":
            # The contract names it, and the generator left out what it is: sections of keys, all text.
            yield from self.faults(value, "map[string]map[string]string", at)
        elif kind in self.models:
            yield from self._object(value, kind, at)
        elif not _is(value, kind):
            yield f"{at} is {value!r}, not a {kind}"

    def _object(self, value: Any, kind: str, at: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{at} is no {kind}"
            return
        model = self.models[kind]
        for key, inner in value.items():
            if key in model:
                yield from self.faults(inner, model[key]["type"], f"{at}.{key}")
            elif (kind, key) not in EXCEPTIONS:
                yield f"{at}.{key} is no field of {kind}"
        for key, described in model.items():
            # the generator marks every list as required, whatever the contract says
            required = not described["omitempty"] and not described["type"].startswith("[]")
            if required and value.get(key) is None and (kind, key) not in EXCEPTIONS:
                yield f"{at} lacks {key}, which {kind} requires"


def _is(value: Any, kind: str) -> bool:
    """Whether a value is of a simple type; a name that is not known here is a fault of this test."""
    match kind:
        case "string" | "strfmt.Duration":
            return isinstance(value, str)
        case "strfmt.DateTime":
            return isinstance(value, str) and bool(DATE_TIME.fullmatch(value))
        case "int64":
            return isinstance(value, int) and not isinstance(value, bool)
        case "bool":
            return isinstance(value, bool)
    message = f"the contract's type {kind} is not known to this test"
    raise AssertionError(message)
