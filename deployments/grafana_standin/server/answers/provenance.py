"""Who an object of alerting belongs to: nobody (changed in the UI), the provisioning API, or a file."""

from deployments.grafana_standin.server.answers.accounts import insert
from deployments.grafana_standin.server.request import RefusedError, Request

API = "api"


def of(request: Request, kind: str) -> dict[str, str]:
    """The provenance of every object of a kind, by its key; "" for what is nobody's."""
    rows = request.rows("SELECT * FROM provenance_type WHERE org_id = ? AND record_type = ?", request.org_id, kind)
    return {row["record_key"]: row["provenance"] or "" for row in rows}


def shown(request: Request, kind: str, key: str) -> dict[str, str]:
    """The field of an answer, which is left out for what is nobody's."""
    found = of(request, kind).get(key)
    return {"provenance": found} if found else {}


def asked(request: Request) -> str:
    """What a write makes of an object: the API's own, unless X-Disable-Provenance says that it is nobody's."""
    return "" if request.disable_provenance else API


def claim(request: Request, kind: str, key: str) -> None:
    """Note whose an object is from now on. Raises RefusedError 403 when somebody's would become nobody's."""
    stored, new = of(request, kind).get(key, ""), asked(request)
    if stored and not new:
        raise RefusedError(
            403,
            f"Resource with provenance status '{stored}' cannot be managed via API that handles resources with provenance status 'none'."
            " You must use appropriate API to manage this resource",
            code="alerting.notifications.invalidProvenance",
            extra={"SourceProvenance": stored, "TargetProvenance": "none"},
        )
    _note(request, kind, key, new)


def claim_rule(request: Request, uid: str) -> None:
    """As `claim`, for a rule of a group that is replaced: the API's may become nobody's, a file's stays the file's (409)."""
    stored, new = of(request, "alertRule").get(uid, ""), asked(request)
    if stored not in {"", new} and not (stored == API and not new):
        raise RefusedError(
            409, f"cannot update with provided provenance '{new}', needs '{stored}'", code="alerting.provenanceMismatch"
        )
    _note(request, "alertRule", uid, new)


def _note(request: Request, kind: str, key: str, value: str) -> None:
    request.connection.execute(
        "DELETE FROM provenance_type WHERE org_id = ? AND record_type = ? AND record_key = ?", (request.org_id, kind, key)
    )
    insert(request, "provenance_type", org_id=request.org_id, record_key=key, record_type=kind, provenance=value)
