"""Says how a MySQL witness was measured: fingerprints by another form or key are not comparable, older ones state fewer kinds."""

from collections.abc import Mapping

from backups.manifest import Manifest
from backups.services.measured import How
from backups.services.mysql.binlog.coverage import details_of
from backups.services.mysql.details import Form
from backups.services.mysql.versions import Version
from backups.services.mysql.witness import kinds, probes
from backups.witness import Fact

_NOT_OF_ROWS = frozenset({"accounts", "kinds"})
"""Fields of a form that say nothing of how rows are hashed; a field that comes later does, until somebody says otherwise."""
_PREFIXES = tuple(kind for kind in kinds.ALL if kind not in (kinds.COUNTERS, kinds.PROBES, kinds.GUESTS))
_OF_PROGRAMS = ("mysql.", "sys.")


def measured(manifest: Manifest) -> How:
    """Return how the facts of a backup were measured; see `backups.services.measured`."""
    details = details_of(manifest)
    form = details.form if details else Form()
    rows = {
        name.replace("_", " "): str(value) for name, value in form.model_dump(mode="json").items() if name not in _NOT_OF_ROWS
    }
    stated = frozenset((fact.subject, fact.metric) for fact in manifest.witness)
    text = {"release of the server": Version.parse(manifest.source.version).series}

    def how(fact: Fact) -> Mapping[str, str] | None:
        if (kind := _kind(fact)) and kind not in form.kinds:
            return None
        if fact.metric == probes.METRIC and (fact.subject, fact.metric) not in stated:
            # One whose rows changed while the witness was taken is left out.
            return None
        if fact.metric == "fingerprint":
            return rows
        if fact.subject.startswith("account "):
            return {"form of accounts": form.accounts, **text}
        return text if fact.metric == "definition" else {}

    return how


def _kind(fact: Fact) -> str | None:
    """Return the kind that a fact is stated by, where not every backup states it."""
    if fact.metric == "next number is free":
        return kinds.COUNTERS
    if fact.metric == probes.METRIC:
        return kinds.PROBES
    if fact.metric == kinds.GUESTS or fact.subject.startswith(_OF_PROGRAMS):
        return kinds.GUESTS
    return next((kind for kind in _PREFIXES if fact.subject.startswith(f"{kind} ")), None)
