"""Lists what a backup of Grafana's files does not hold, does not compare, or cannot bring back."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from backups.services.grafana.files.in_force import InForce
from backups.services.grafana.files.outside import SECRET_KEY
from backups.services.grafana.files.secrets import Judged
from backups.services.grafana.settings import GrafanaSettings

NO_CONFIGURATION = "no config_place: grafana.ini and provisioning files are not backed up"
_SHOWN = 5


def closed(judged: Judged, found: InForce, settings: GrafanaSettings) -> str | None:
    """Say which secrets cannot be opened, why, and what to do about it; None when all can be."""
    if not judged.closed_words:
        return None
    more = f" and {len(judged.closed) - _SHOWN} more" if len(judged.closed) > _SHOWN else ""
    named = f"{', '.join(judged.closed[:_SHOWN])}{more}"
    return f"{judged.closed_words}: {why(judged, found, settings)} ({named})"


def why(judged: Judged, found: InForce, settings: GrafanaSettings) -> str:
    """Say why not all secrets can be opened, and what to do."""
    setting = found.setting(*SECRET_KEY)
    kept = "where GF_SECURITY_SECRET_KEY of its service has it, write it into grafana.ini, or keep it where you will find it"
    if judged.missing and judged.key:
        return f"{', '.join(judged.missing)} is not in the database, so nothing opens what it sealed"
    if setting and setting.unknown:
        return f"the secret_key is not known: {setting.unknown}; keep it where you will find it when you restore"
    if judged.key:
        return "what is stored there is damaged at the source: enter it again in Grafana"
    if settings.config_place is None:
        return "the default secret_key does not open them; give config_place, the directory whose grafana.ini has the right one"
    origin = f"the secret_key of {setting.origin}" if setting else "the configuration sets no secret_key, and the default one"
    return f"{origin} is not the one that sealed them; {kept}"


def look(
    judged: Judged,
    found: InForce,
    plugins: Sequence[Mapping[str, Any]],
    settings: GrafanaSettings,
    *,
    configured: bool,
) -> Iterator[str]:
    """Yield a sentence for each. judged: its secrets, found: its settings. configured: whether its ini file is in the backup."""
    if sentence := closed(judged, found, settings):
        yield sentence
    for name in judged.guessed:
        yield f"whether the secret_key is right for data key {name}: all that it sealed is too short to tell from chance"
    setting = found.setting(*SECRET_KEY)
    if setting and setting.path and judged.key:
        yield f"the file {setting.path}, which has the secret_key: the key itself is noted, the file has to be made again"
    if settings.config_place is None:
        yield NO_CONFIGURATION
    elif not configured:
        yield f"grafana.ini, which is not in {settings.config_place}"
    if plugins:
        names = ", ".join(f"{plugin['id']} {plugin.get('version') or ''}".strip() for plugin in plugins)
        yield f"the files of plugins, to be installed again: {names}"
    for plugin in plugins:
        if why_not := plugin.get("unreadable"):
            yield f"the version of the plugin in plugins/{plugin['id']}, whose plugin.json cannot be read: {why_not}"
