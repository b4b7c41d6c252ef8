"""Reads contact points with their integrations and, as an administrator, their secrets; and puts them back.

A secret that could not be read stays what it is where there is one, and gets a stand-in where there is none.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from backups.errors import LifeboatError, Transient
from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources import hidden
from backups.services.grafana.api.resources.base import PROVISIONING, Body, Resource, provenance_kept, provenance_of, without
from backups.services.grafana.api.resources.hidden import REDACTED
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.client import Client, Denied, Missing, Refused, as_list, member
from backups.witness import Fact

_OURS = {"secrets": "where the secrets are", "provenance": "sent by the header"}
"""What of an integration is not sent as it is."""


def _read(client: Client, organisation: int, objects: Objects) -> None:
    """The API lists the integrations one by one, each with the name of its contact point, and without secrets."""
    points: dict[str, list[Body]] = {}
    listed = as_list(client.get(*PROVISIONING, "contact-points"))
    whole = _decrypted(client, organisation, objects) if any(hidden.redacted(one.get("settings")) for one in listed) else {}
    for one in listed:
        body = without(one, CONTACT_POINTS.not_kept)
        settings, secrets = hidden.filled_in(one.get("settings"), whole.get(_which(str(one["name"]), one)))
        points.setdefault(str(one["name"]), []).append(body | ({"settings": settings, "secrets": secrets} if secrets else {}))
    for name, integrations in points.items():
        ordered = sorted(integrations, key=lambda one: (str(one.get("type")), str(one.get("uid"))))
        objects.bodies[Key(organisation, kinds.CONTACT_POINT, name)] = {"name": name, "integrations": ordered}


def _decrypted(client: Client, organisation: int, objects: Objects) -> dict[tuple[str, str, str], Any]:
    """The settings of each integration with its secrets; nothing, and a limit, where they cannot be had."""
    try:
        answer = client.get(*PROVISIONING, "contact-points", "export", decrypt="true", format="json")
    except (Denied, Missing, Refused, Transient) as error:
        objects.limits.append(f"org {organisation}: the secrets of contact points cannot be read: {error.message}")
        return {}
    found: dict[tuple[str, str, str], Any] = {}
    for point in as_list(member(answer, "contactPoints")):
        for one in as_list(point.get("receivers")):
            which = _which(str(point.get("name")), one)
            # Two that cannot be told apart: whose a secret is, is not known.
            found[which] = None if which in found else one.get("settings")
    return found


def _which(name: str, integration: Mapping[str, Any]) -> tuple[str, str, str]:
    return name, str(integration.get("type")), str(integration.get("uid") or "")


def _put(target: Target, organisation: int) -> None:
    """Create or change them, one integration after the other."""
    client = target.within(organisation)
    before = {
        str(one.get("uid")): one
        for body in target.before.of(organisation, kinds.CONTACT_POINT).values()
        for one in body["integrations"]
    }
    for key, body, had in target.each(organisation, kinds.CONTACT_POINT):
        if CONTACT_POINTS.same(had, body) and not _other_secrets(had, body):
            continue
        there = before | {str(one.get("uid")): one for one in (had or {}).get("integrations") or []}
        for one in body["integrations"]:
            uid, whose = str(one.get("uid") or ""), bool(provenance_kept(one))
            old = there.get(uid) if uid else None
            if _is_there(one, (had or {}).get("integrations") or []):
                continue
            sent = {**without(one, _OURS), "name": key.name, "settings": _settings(one, old)}
            if hidden.redacted(sent["settings"]):
                target.cannot(
                    key, f"{one.get('type')} {uid} is left as it is: its secrets are in no backup, nor can be read there"
                )
                continue
            with target.putting(key), _without_secrets(sent["settings"], one):
                if old is None:
                    client.send("POST", *PROVISIONING, "contact-points", body=sent, provenance=whose)
                else:
                    client.send("PUT", *PROVISIONING, "contact-points", uid, body=sent, provenance=whose)


@contextmanager
def _without_secrets(sent: Any, one: Mapping[str, Any]) -> Iterator[None]:
    """Leave the secrets that were sent out of what the server says: what it refuses, it may quote."""
    try:
        yield
    except LifeboatError as error:
        places = [*(one.get("secrets") or []), *hidden.redacted(one.get("settings"))]
        error.message = hidden.unsaid(error.message, sent, places)
        error.args = (error.message,)
        raise


def _is_there(one: Mapping[str, Any], others: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the contact point there has this integration already, its secrets included where it has a uid."""
    uid = str(one.get("uid") or "")
    if not uid:
        return any(_alike(one, other) for other in others)
    mine = [other for other in others if other.get("uid") == uid]
    return any(_alike(one, other) and not _other_secrets({"integrations": [other]}, {"integrations": [one]}) for other in mine)


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two integrations are equal but for their uids."""
    return CONTACT_POINTS.same({"integrations": [one]}, {"integrations": [other]})


def _settings(one: Mapping[str, Any], old: Mapping[str, Any] | None) -> Any:
    """What is sent: never the server's own mark for a secret, which is none.

    A secret that is in no backup is the one that is there; a new integration gets a stand-in.
    """
    settings = one.get("settings")
    return hidden.with_stand_ins(settings) if old is None else hidden.filled_in(settings, old.get("settings"))[0]


def _other_secrets(had: Mapping[str, Any] | None, body: Mapping[str, Any]) -> bool:
    """Whether a secret of the backup is not known to be the one that is there."""
    there = {str(one.get("uid")): one for one in (had or {}).get("integrations") or []}
    return any(
        hidden.at(there.get(str(one.get("uid")), {}).get("settings"), where) != hidden.at(one.get("settings"), where)
        for one in body["integrations"]
        for where in one.get("secrets") or []
    )


def _compared(body: Body) -> Body:
    """Without secrets, since a hash of one may be guessed; `_facts` counts them.

    The uid of one that nobody has edited is empty until it is restored; names are what policies and rules refer to.
    """
    integrations = []
    for one in body.get("integrations") or []:
        shown = hidden.without_hidden(hidden.hidden_again(one.get("settings"), one.get("secrets") or []))
        rest = without(one, {"uid": "", "secrets": "", "settings": ""})
        integrations.append({**rest, "settings": shown, "provenance": provenance_kept(one)})
    return body | {"integrations": integrations}


def _facts(subject: str, body: Mapping[str, Any], _: object) -> Iterator[Fact]:
    """How many secrets are known. Of a restored server those count that are the backup's: see `_recognised`."""
    if known := sum(len(one.get("secrets") or []) for one in body.get("integrations") or []):
        yield Fact(subject, "secrets", known)


def _recognised(target: Target, now: Objects) -> None:
    """Of the secrets that are there, know those that are the backup's, at the same place of the same integration.

    One that cannot be read there is told, and neither compared nor counted: it is not proven.
    """
    for key, wanted in target.wanted.bodies.items():
        body = now.bodies.get(key)
        if key.kind != kinds.CONTACT_POINT or body is None:
            continue
        mine = [dict(one) for one in wanted["integrations"]]
        found = [_known(one, _counterpart(one, mine)) for one in body["integrations"]]
        now.bodies[key] = body | {"integrations": found}
        unread = [one.pop("unread", False) for one in mine]
        if any(unread):
            target.wanted.bodies[key] = wanted | {"integrations": mine}
            target.notes.append(f"{key}: its secrets were sent, and cannot be read there by these credentials: not compared")


def _counterpart(one: Mapping[str, Any], mine: list[Body]) -> Body:
    """The backup's integration that this one is; one without a uid got its uid from the server."""
    found = [other for other in mine if other.get("type") == one.get("type") and other.get("uid") in (one.get("uid"), "", None)]
    return next(iter(sorted(found, key=lambda other: other.get("uid") != one.get("uid"))), {})


def _known(one: Mapping[str, Any], mine: Body) -> Body:
    """An integration as the server shows it, with the places at which it has the backup's secrets."""
    places, settings = mine.get("secrets") or [], one.get("settings")
    unread = [where for where in places if hidden.at(settings, where) == REDACTED]
    if unread:
        mine["settings"] = hidden.hidden_again(mine.get("settings"), unread)
        mine["secrets"] = [where for where in places if where not in unread]
        mine["unread"] = True
    same = [
        where for where in places if where not in unread and hidden.at(settings, where) == hidden.at(mine.get("settings"), where)
    ]
    return {**one, "settings": hidden.hidden_again(settings, one.get("secrets") or []), "secrets": same}


def _secrets(body: Mapping[str, Any]) -> Iterator[str]:
    for one in body.get("integrations") or []:
        yield from (f", {one.get('type')} {one.get('uid')}: {path}" for path in hidden.redacted(one.get("settings")))


def without_secrets(objects: Objects) -> Objects:
    """The same objects as the API shows them to whoever may not read secrets: for what is not in an encrypted repository."""
    shown = Objects(objects.packed, objects.numbers, objects.closed, objects.denied, objects.limits, objects.plugins)
    for key in [key for key in objects.bodies if key.kind == kinds.CONTACT_POINT]:
        body = objects.bodies[key]
        shown.bodies[key] = body | {"integrations": [_shown(one) for one in body["integrations"]]}
    return shown


def _shown(one: Mapping[str, Any]) -> Body:
    settings = hidden.hidden_again(one.get("settings"), one.get("secrets") or [])
    return {**without(one, {"secrets": "named as lost"}), "settings": settings}


def _provider(had: Mapping[str, Any], wanted: Mapping[str, Any]) -> str | None:
    mine = {str(one.get("uid")): one for one in wanted.get("integrations") or []}
    found = (provenance_of(one, mine.get(str(one.get("uid")), {})) for one in had.get("integrations") or [])
    return next((who for who in found if who), None)


CONTACT_POINTS = Resource(
    kind=kinds.CONTACT_POINT,
    read=_read,
    put=_put,
    not_kept={"name": "it is the contact point's"},
    compared=_compared,
    facts=_facts,
    secrets=_secrets,
    from_file=lambda body: any(one.get("provenance") == "file" for one in body.get("integrations") or []),
    provider=_provider,
    recognised=_recognised,
    counted=True,
)
