"""Reads what a real Grafana 12.4.3 was recorded to answer, and says how another answer differs from it.

What may differ is listed in ALLOWED, and what the stand-in does not answer at all in NOT_SERVED, each with its reason.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.conftest import FIELD_DATA

RECORDED = FIELD_DATA / "grafana" / "recorded" / "real-12.4.3"


@dataclass(frozen=True)
class Answer:
    """A recorded answer: `name` is its session and number (`write/003`)."""

    name: str
    method: str
    route: str
    organisation: str | None
    asked_as: str
    sent: Any
    status: int
    body: Any

    @property
    def session(self) -> str:
        """The recording that it belongs to."""
        return self.name.partition("/")[0]


def answers(directory: Path = RECORDED) -> list[Answer]:
    """Every answer that the manifest names, in the order in which they were asked."""
    found = []
    for entry in json.loads((directory / "MANIFEST.json").read_text())["answers"]:
        one = json.loads((directory / entry["file"]).read_text())
        name = entry["file"].partition("-")[0]
        found.append(
            Answer(
                name, one["method"], one["route"], one["organisation"], one["asked_as"], one["sent"], one["status"], one["body"]
            )
        )
    return found


@dataclass(frozen=True)
class Allowed:
    """A difference that may be: of a value (its kind stays), or of a whole part (`part`), at a path of the answers of some routes."""

    routes: str
    path: str
    reason: str
    what: Literal["value", "part"] = "value"

    def covers(self, answer: Answer, path: str, what: str) -> bool:
        """Whether it excuses this difference."""
        right = self.what == "part" or what == "value"
        return right and bool(re.search(self.routes, f"{answer.name} {answer.route}")) and bool(re.fullmatch(self.path, path))


_ANY, _MADE = "", "^(write|extra)/"
ALLOWED = (
    Allowed("/api/health", r"\.commit", "the stand-in says what it is"),
    Allowed("/(users|tokens)", r"\[\]\.(lastSeenAt|lastSeenAtAge|lastUsedAt)", "people went on between the recording and the copy of the database"),
    Allowed("/tokens", r"\[\]\.secondsUntilExpiration", "counts down; the real server says 0, though the token is to expire"),
    Allowed("/api/frontend/settings", r"\.(?!namespace$).*", "of hundreds of settings of its pages only the namespace is asked for", "part"),
    Allowed("^recadm/.* /apis/", r"\.metadata\.resourceVersion", "the list's own version counts other namespaces too"),
    Allowed("/api/datasources", r".*\.(typeLogoUrl|typeName)", "a plugin's own; the stand-in has no plugins"),
    Allowed(_ANY, r".*\.(slug|uri|url|folderUrl)", "letters beyond ASCII are transliterated by a table of Grafana's own"),
    Allowed("/api/plugins", "", "its own 47 core plugins are not on the stand-in's disk", "part"),
    Allowed("/apis/", r"\.metadata\.continue", "the server's own token for the next page"),
    Allowed("mute-timings", r".*\.version", "a hash of parsed time ranges; nobody may do more with it than send it back"),
    Allowed("dashboards\\?limit", r"\.items\[\]\.spec(\..*)?", "conversion to another version of the API is Grafana's own; the stand-in marks that there was one", "part"),
    Allowed("dashboards\\?limit", r"\.items\[\]\.status\.conversion(\..*)?", "between version 1 and 2 the stand-in says that it cannot convert", "part"),
    Allowed(_MADE, r".*\.(id|folderId|orgId|uid|teamUid|userUid|name)", "numbers and uids that the server makes up"),
    Allowed(_MADE, r".*\.(created|updated|creationTimestamp|time)", "the moment of the write"),
    Allowed(_MADE, r".*\.resourceVersion", "the moment of the write, in microseconds"),
    Allowed(_MADE, r".*\.grafana\.app/(createdBy|deprecatedInternalID)", "uids and numbers that the server makes up"),
    Allowed(_MADE, r".*\.metadata\.managedFields", "Kubernetes' book-keeping of who wrote which field", "part"),
    Allowed("(recview|recwrong)", r"\.(accessErrorId|traceID)", "a number for the server's own log"),
    Allowed("access-control", r"\[\]\.(actions(\[\])?|id)", "the actions that a level stands for are a table of Grafana's own", "part"),
    Allowed("ruler", r".*\.(guid|updated_by|metadata)(\..*)?", "made up at the write, and who wrote it", "part"),
)  # fmt: skip
UNORDERED = ("/permissions", "/api/access-control/")
"""Lists whose order follows the numbers of roles, which a write makes up."""

NOT_SERVED = {
    "extra/024": "a dashboard's old versions: Lifeboat reads them from the database, never over HTTP",
    "extra/025": "public links: the same",
    "extra/026": "correlations: the same",
    "extra/028": "a person's stars: the same",
    "extra/029": "a person's own preferences: the same",
    "extra/030": "settings of single sign-on: hundreds of defaults that Grafana computes",
    "extra/032": "a person's query history: the same as old versions",
    "extra/041": "receivers as objects: the provisioning API tells the same of contact points",
    "extra/042": "routing trees as objects: the provisioning API tells the same of policies",
}
"""Answers that the stand-in does not give: it says 404 there, and a test sees that it does."""


def differences(answer: Answer, body: Any) -> Iterator[tuple[str, str]]:
    """(path, what) of every way in which a body is not the recorded one and may not differ; indexes of lists are left out of paths."""
    for path, what, words in _differences(answer.body, body, "", ordered=not any(part in answer.route for part in UNORDERED)):
        if excuse(answer, path, what) is None:
            yield path, words


def excuse(answer: Answer, path: str, what: str) -> Allowed | None:
    """The allowance that covers a difference, if there is one."""
    return next((one for one in ALLOWED if one.covers(answer, path, what)), None)


def excused(answer: Answer, body: Any) -> set[Allowed]:
    """The allowances that this body needs."""
    found = _differences(answer.body, body, "", ordered=not any(part in answer.route for part in UNORDERED))
    return {one for path, what, _ in found if (one := excuse(answer, path, what))}


def _differences(real: Any, ours: Any, at: str, *, ordered: bool) -> Iterator[tuple[str, str, str]]:
    if isinstance(real, dict) and isinstance(ours, dict):
        for key in [*real, *(key for key in ours if key not in real)]:
            path = f"{at}.{key}"
            if key not in ours:
                yield path, "part", f"absent, really {_short(real[key])}"
            elif key not in real:
                yield path, "part", f"extra: {_short(ours[key])}"
            else:
                yield from _differences(real[key], ours[key], path, ordered=ordered)
    elif isinstance(real, list) and isinstance(ours, list):
        if len(real) != len(ours):
            yield at, "part", f"{len(ours)} items, really {len(real)}"
        pairs = zip(real, ours, strict=False) if ordered else zip(_sorted(real), _sorted(ours), strict=False)
        for one, other in pairs:
            yield from _differences(one, other, f"{at}[]", ordered=ordered)
    elif type(real) is not type(ours):
        yield at, "part", f"{_short(ours)}, really {_short(real)}"
    elif real != ours:
        yield at, "value", f"{_short(ours)}, really {_short(real)}"


def _sorted(items: list[Any]) -> list[Any]:
    who = ("permission", "builtInRole", "role", "team", "userLogin", "roleName")
    return sorted(items, key=lambda item: [str(item.get(key)) for key in who] if isinstance(item, dict) else [str(item)])


def _short(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:80]
