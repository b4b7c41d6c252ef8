"""Says for `lifeboat doctor` whether whoever takes over this machine can delete every backup in every repository."""

from collections.abc import Mapping
from datetime import datetime

from backups.emptied.look import Emptied, look
from backups.services.base import Finding
from backups.site import Site

_SUBJECT = "deletion of backups"
_REMEDY = "keep one where nothing can be deleted from here: docs/repositories-and-hosts.md; or state kept_by_other_side"


def finding(site: Site, now: datetime) -> Finding:
    """Look at every repository of a site; a warning where not one is known to keep its backups."""
    found = {}
    for name, section in site.settings.every_repository.items():
        found[name] = look(site.at(name).repository, kept_by_other_side=section.kept_by_other_side, now=now)
    return said(found)


def said(found: Mapping[str, Emptied]) -> Finding:
    """Say what was found of the repositories, by their names."""
    safe = [f"{name}: {each.why}" for name, each in found.items() if each.can is False]
    open_ones = [f"{name} ({each.why})" for name, each in found.items() if each.can]
    unknown = [f"{name} ({each.why})" for name, each in found.items() if each.can is None]
    parts = []
    if open_ones:
        parts.append(f"whoever takes over this machine can delete every backup in {', in '.join(open_ones)}")
    if unknown:
        parts.append(f"whether every backup can be deleted from here is not known of {', of '.join(unknown)}")
    if safe:
        return Finding(_SUBJECT, ok=True, message="; ".join([f"not possible in {', nor in '.join(safe)}", *parts]))
    return Finding(_SUBJECT, ok=True, message="; ".join(parts), remedy=_REMEDY, warning=True)
