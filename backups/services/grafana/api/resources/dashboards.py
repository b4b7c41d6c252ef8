"""Reads dashboards in the form that the server keeps, and saves them in it: version 2 through the Kubernetes-style API."""

from collections.abc import Iterator, Mapping
from typing import Any

from backups.errors import LifeboatError
from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources import kubernetes
from backups.services.grafana.api.resources.base import COUNTER, NUMBER, Body, Resource, without
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.canonical import dashboard_over_http, folder_uid
from backups.services.grafana.client import Client, Missing, Refused, member
from backups.services.grafana.references import Targets, missing
from backups.services.http.answer import DEEPEST, TooDeep
from backups.witness import Fact

_GROUP = "dashboard.grafana.app"


def _read(client: Client, organisation: int, objects: Objects) -> None:
    versions = {
        str(one["metadata"]["name"]): stored
        for one in kubernetes.every(client, _GROUP, "dashboards")
        if (stored := _stored_version(one))
    }
    for hit in client.pages("api", "search", type="dash-db"):
        uid = str(hit["uid"])
        try:
            body = read_one(client, uid, versions.get(uid, ""))
        except Missing:
            continue  # deleted meanwhile: the next reading shows it
        except TooDeep:
            objects.limits.append(f"org {organisation}: dashboard {uid}, nested deeper than {DEEPEST} levels: not in the backup")
            continue
        objects.bodies[Key(organisation, kinds.DASHBOARD, uid)] = body


def read_one(client: Client, uid: str, version: str) -> Body:
    """One dashboard, which is stored in this API version ("" for a classic one)."""
    return _read_version_2(client, uid, version) if version else _read_classic(client, uid)


def _read_classic(client: Client, uid: str) -> Body:
    try:
        answer = client.get("api", "dashboards", "uid", uid)
    except Refused:
        # 406: it is of version 2, and the server did not list it as such.
        return _read_version_2(client, uid, "v2")
    spec, meta = member(answer, "dashboard"), member(answer, "meta") or {}
    if not isinstance(spec, Mapping):
        raise LifeboatError(f"dashboard {uid} has no JSON", hint="open it in Grafana: can it be shown?")
    body: Body = {"apiVersion": "", "folderUid": folder_uid(meta.get("folderUid")), "spec": without(spec, DASHBOARDS.not_kept)}
    body["versions"] = meta.get("version")
    if meta.get("provisioned"):
        body["provisioned"] = meta.get("provisionedExternalId") or "yes"
    return body


def _read_version_2(client: Client, uid: str, version: str) -> Body:
    answer = client.get(*kubernetes.path_of(client, _GROUP, version, "dashboards"), uid)
    stored = _stored_version(answer)
    if stored and stored != version:
        answer = client.get(*kubernetes.path_of(client, _GROUP, stored, "dashboards"), uid)
    spec, metadata = member(answer, "spec"), member(answer, "metadata") or {}
    if not isinstance(spec, Mapping) or ((answer.get("status") or {}).get("conversion") or {}).get("failed"):
        raise LifeboatError(f"dashboard {uid} cannot be read in API version {version}", hint="open it in Grafana, and save it")
    return {
        "apiVersion": str(answer.get("apiVersion") or "").rpartition("/")[2],
        "folderUid": folder_uid((metadata.get("annotations") or {}).get("grafana.app/folder")),
        "spec": dict(spec),
        "versions": metadata.get("generation"),
    }


def _stored_version(item: Mapping[str, Any]) -> str:
    """The version 2 name under which a dashboard is kept; "" for classic ones."""
    conversion = (item.get("status") or {}).get("conversion") or {}
    stored = str(conversion.get("storedVersion") or "")
    return stored if stored.startswith("v2") else ""


def _put(target: Target, organisation: int) -> None:
    client = target.within(organisation)
    space = kubernetes.namespace(client)
    for key, body, had in target.each(organisation, kinds.DASHBOARD):
        if DASHBOARDS.same(had, body):
            continue
        with target.putting(key):
            if not body["apiVersion"]:
                sent = {
                    "dashboard": body["spec"] | {"uid": key.name, "id": None},
                    "folderUid": body["folderUid"],
                    "overwrite": True,
                }
                client.send("POST", "api", "dashboards", "db", body=sent | {"message": "restored by Lifeboat"})
                continue
            path = ("apis", _GROUP, body["apiVersion"], "namespaces", space, "dashboards")
            sent = {
                "kind": "Dashboard",
                "apiVersion": f"{_GROUP}/{body['apiVersion']}",
                "metadata": {"name": key.name, "annotations": {"grafana.app/folder": body["folderUid"]}},
                "spec": body["spec"],
            }
            if had is None:
                client.send("POST", *path, body=sent)
            else:
                client.send("PUT", *path, key.name, body=sent)


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
