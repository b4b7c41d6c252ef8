"""Lists what a backup of Grafana's files does not hold, does not compare, or cannot bring back."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from backups.services.grafana.settings import GrafanaSettings
from backups.witness import Fact

GIVE_THE_KEY = (
    "give config_place, the directory whose grafana.ini has [security] secret_key; where it comes from GF_SECURITY_SECRET_KEY, "
    "write it into that grafana.ini or keep it where you will find it when you restore"
)
NO_CONFIGURATION = "no config_place: grafana.ini and provisioning files are not backed up"


def look(
    sealed: Sequence[Fact],
    plugins: Sequence[Mapping[str, Any]],
    settings: GrafanaSettings,
    *,
    configured: bool,
) -> Iterator[str]:
    """Yield a sentence for each. sealed: the facts about its secrets. configured: whether grafana.ini is in the backup."""
    values, missing, opens = (str(fact.value) for fact in sealed)
    if opens != f"{values} of {values}":
        yield f"secrets: the backup's secret_key opens {opens} secrets; {GIVE_THE_KEY}"
    if missing != "none":
        yield f"secrets whose data key is not in the database, so that nothing opens them: {missing}"
    if settings.config_place is None:
        yield NO_CONFIGURATION
    elif not configured:
        yield f"grafana.ini, which is not in {settings.config_place}"
    if plugins:
        names = ", ".join(f"{plugin['id']} {plugin.get('version') or ''}".strip() for plugin in plugins)
        yield f"the files of plugins, to be installed again: {names}"
    for plugin in plugins:
        if why := plugin.get("unreadable"):
            yield f"the version of the plugin in plugins/{plugin['id']}, whose plugin.json cannot be read: {why}"
