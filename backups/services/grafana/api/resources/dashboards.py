"""Reads dashboards in the form that the server keeps, and saves them in it: version 2 through the Kubernetes-style API."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any, Final

from backups.errors import LifeboatError, Transient
from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.pool import WRITERS, gather
from backups.services.grafana.api.resources import kubernetes
from backups.services.grafana.api.resources.base import COUNTER, NUMBER, Body, Resource, without
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.canonical import dashboard_over_http, folder_uid
from backups.services.grafana.client import Client, Declined, Missing, Refused, member
from backups.services.grafana.references import Targets, missing
from backups.services.http.answer import DEEPEST, TooDeep
from backups.witness import Fact

_GROUP = "dashboard.grafana.app"
_RAW = ("v0alpha1", "v1beta1", "v1")
"""API versions of classic dashboards; the first that a server has is asked first. 12 and 13 store in the oldest."""
_VERSIONS_2 = ("v2", "v2beta1", "v2alpha1")
_TOO_DEEP: Final[Body] = {"nested": "too deep"}

log = logging.getLogger(__name__)


def _read(client: Client, organisation: int, objects: Objects) -> None:
    """From lists that carry them, where the server has some; what no list shows as it is stored is read by itself."""
    alone: dict[str, str] = {}
    found = False
    for uid, version, item in _listed(client):
        found = True
        if item is None:
            alone[uid] = version if version.startswith("v2") else ""
            continue
        objects.bodies[Key(organisation, kinds.DASHBOARD, uid)] = _of_item(item, uid)
        if more := kubernetes.of_others(item):
            objects.limits.append(f"org {organisation}: labels and annotations of dashboard {uid}, not kept: {', '.join(more)}")
    hits = [str(hit["uid"]) for hit in client.pages("api", "search", type="dash-db")]
    if hits and not found:
        log.info("grafana: org %d: the server has no lists that carry dashboards, so each is read by itself", organisation)
    alone |= {uid: "" for uid in hits if uid not in alone and Key(organisation, kinds.DASHBOARD, uid) not in objects.bodies}
    space = kubernetes.namespace(client) if any(alone.values()) else ""
    for uid, body in gather(client, lambda mine, uid: _alone(mine, uid, alone[uid], space), alone, "dashboards read"):
        if body == _TOO_DEEP:
            objects.limits.append(f"org {organisation}: dashboard {uid}, nested deeper than {DEEPEST} levels: not in the backup")
        elif body is not None:
            objects.bodies[Key(organisation, kinds.DASHBOARD, uid)] = body


def _listed(client: Client) -> Iterator[tuple[str, str, Mapping[str, Any] | None]]:
    """Every dashboard that is listed, the version it is stored in, and itself, where a list shows it in that version.

    A list converts: 12's of v1beta1 shows what is stored as v0alpha1 with a newer schema. So each is taken from the list of the
    version that it is stored in.
    """
    waiting: dict[str, set[str]] = {}
    try:
        for item in kubernetes.every(client, _GROUP, "dashboards", _RAW):
            uid, stored = str(item["metadata"]["name"]), kubernetes.stored_version(item)
            if stored == kubernetes.version_of(item):
                yield uid, stored, item
            else:
                waiting.setdefault(stored, set()).add(uid)
        for version, uids in sorted(waiting.items()):
            for item in kubernetes.every(client, _GROUP, "dashboards", [version]):
                uid = str(item["metadata"]["name"])
                if uid in uids and kubernetes.stored_version(item) == version:
                    uids.remove(uid)
                    yield uid, version, item
    except TooDeep:
        # One of a page is nested so deep that none of the page can be read. Each by itself shows which.
        pass
    except (Declined, Transient) as error:
        log.info("grafana: a list of dashboards cannot be had, so those that are left are read by themselves: %s", error.message)
    for version, uids in sorted(waiting.items()):
        yield from ((uid, version, None) for uid in sorted(uids))


def _alone(client: Client, uid: str, version: str, space: str) -> Body | None:
    """One by itself; None when it was deleted meanwhile: the next reading shows it."""
    try:
        return _read_version_2(client, uid, version, space) if version else _read_classic(client, uid)
    except Missing:
        return None
    except TooDeep:
        return _TOO_DEEP


def read_one(client: Client, uid: str, version: str) -> Body:
    """One dashboard, which is stored in this API version ("" for a classic one)."""
    if version:
        return _read_version_2(client, uid, version, kubernetes.namespace(client))
    return _read_classic(client, uid)


def _read_classic(client: Client, uid: str) -> Body:
    try:
        answer = client.get("api", "dashboards", "uid", uid)
    except Refused:
        # 406: it is of version 2, and the server did not list it as such.
        return _of_a_version_2(client, uid)
    spec, meta = member(answer, "dashboard"), member(answer, "meta") or {}
    if not isinstance(spec, Mapping):
        raise LifeboatError(f"dashboard {uid} has no JSON", hint="open it in Grafana: can it be shown?")
    provider = (meta.get("provisionedExternalId") or "yes") if meta.get("provisioned") else ""
    return _classic(spec, meta.get("folderUid"), meta.get("version"), provider)


def _of_a_version_2(client: Client, uid: str) -> Body:
    """One that is stored in a version 2 which is not known, asked for in those that there are, the newest first."""
    space = kubernetes.namespace(client)
    *others, last = _VERSIONS_2
    for version in others:
        try:
            return _read_version_2(client, uid, version, space)
        except Missing:
            continue
    return _read_version_2(client, uid, last, space)


def _classic(spec: Mapping[str, Any], folder: object, versions: object, provider: str) -> Body:
    body: Body = {"apiVersion": "", "folderUid": folder_uid(folder), "spec": without(spec, DASHBOARDS.not_kept)}
    return body | {"versions": versions} | ({"provisioned": provider} if provider else {})


def _read_version_2(client: Client, uid: str, version: str, space: str) -> Body:
    def answered(asked: str) -> Mapping[str, Any]:
        answer = client.get("apis", _GROUP, asked, "namespaces", space, "dashboards", uid)
        member(answer, "spec")  # raises for an answer that is no object
        return answer  # type: ignore[no-any-return]

    answer = answered(version)
    stored = kubernetes.stored_version(answer)
    if stored.startswith("v2") and stored != version:
        answer = answered(stored)
    if ((answer.get("status") or {}).get("conversion") or {}).get("failed"):
        raise LifeboatError(f"dashboard {uid} cannot be read in API version {version}", hint="open it in Grafana, and save it")
    return _of_item(answer, uid)


def _of_item(item: Mapping[str, Any], uid: str) -> Body:
    """One as the Kubernetes-style API answers it; a classic one as the old API would."""
    spec, version = item.get("spec"), kubernetes.version_of(item)
    if not isinstance(spec, Mapping):
        raise LifeboatError(f"dashboard {uid} has no JSON", hint="open it in Grafana: can it be shown?")
    folder, versions = kubernetes.annotation(item, "folder"), (item.get("metadata") or {}).get("generation")
    by_file = kubernetes.annotation(item, "managedBy").startswith("classic-file")
    provider = (kubernetes.annotation(item, "sourcePath") or "yes") if by_file else ""
    if not version.startswith("v2"):
        return _classic(spec, folder, versions, provider)
    body: Body = {"apiVersion": version, "folderUid": folder_uid(folder), "spec": dict(spec), "versions": versions}
    return body | ({"provisioned": provider} if provider else {})


def _put(target: Target, organisation: int) -> None:
    """A few at once, since none refers to another; what a busy database refuses then is sent again by itself."""
    client = target.within(organisation)
    unequal = [key for key, body, had in target.each(organisation, kinds.DASHBOARD) if not DASHBOARDS.same(had, body)]
    space = kubernetes.namespace(client) if unequal else ""

    def save(mine: Client, key: Key, *, there: bool | None = None) -> bool:
        with target.putting(key):
            _save(mine, space, key.name, target.wanted.bodies[key], there=target.had(key) is not None if there is None else there)
        return True

    def tried(mine: Client, key: Key) -> bool:
        try:
            return save(mine, key)
        except Transient:
            return False

    unclear = [key for key, done in gather(client, tried, unequal, "dashboards written", at_once=WRITERS) if not done]
    for key in unclear:
        save(client, key, there=_is_there(client, key.name))


def _is_there(client: Client, uid: str) -> bool:
    try:
        client.get("api", "dashboards", "uid", uid)
    except Missing:
        return False
    except Refused:
        return True  # 406: it is of version 2
    return True


def _save(client: Client, space: str, uid: str, body: Mapping[str, Any], *, there: bool) -> None:
    if not body["apiVersion"]:
        # Versions in which titles are unique write a new one over another of that title, if they are let.
        sent = {"dashboard": body["spec"] | {"uid": uid, "id": None}, "folderUid": body["folderUid"], "overwrite": there}
        client.send("POST", "api", "dashboards", "db", body=sent | {"message": "restored by Lifeboat"})
        return
    path = ("apis", _GROUP, body["apiVersion"], "namespaces", space, "dashboards")
    sent = {
        "kind": "Dashboard",
        "apiVersion": f"{_GROUP}/{body['apiVersion']}",
        "metadata": {"name": uid, "annotations": {"grafana.app/folder": body["folderUid"]}},
        "spec": body["spec"],
    }
    if there:
        client.send("PUT", *path, uid, body=sent)
    else:
        client.send("POST", *path, body=sent)


def _compared(body: Body) -> Body:
    return body | {"spec": dashboard_over_http(body.get("spec"))}


def _facts(subject: str, body: Mapping[str, Any], targets: Targets) -> Iterator[Fact]:
    folder = str(body.get("folderUid") or "")
    yield Fact(subject, "title", str(body["spec"].get("title")))
    yield Fact(subject, "folder", folder)
    yield Fact(subject, "missing", missing(body["spec"], folder, targets))


DASHBOARDS = Resource(
    kind=kinds.DASHBOARD,
    read=_read,
    put=_put,
    not_kept={"id": NUMBER, "version": COUNTER, "iteration": COUNTER, "uid": "it is the object's name"},
    not_compared={
        "versions": "the history does not come back; its length is kept for a person to read",
        "provisioned": "one that a file provides comes back as a person's",
    },
    compared=_compared,
    facts=_facts,
    from_file=lambda body: bool(body.get("provisioned")),
    provider=lambda had, _: "a provisioning file" if had.get("provisioned") else None,
    counted=True,
    content=True,
)
