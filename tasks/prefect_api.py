"""The Prefect server as `lifeboat alerts` needs it: automations, notification blocks, and what its failures mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import httpx
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.schemas.automations import Automation
from prefect.exceptions import ObjectNotFound
from prefect.settings import get_current_settings
from pydantic import SecretStr
from pydantic import ValidationError as Refused

from backups.errors import ConfigError, LifeboatError, Transient

WEBHOOK = "lifeboat-webhook"
"""Name of the block that `webhook` makes."""
_PAGE = 100
_NOTIFY = "notify"
"""What a block can do, in Prefect's words, that automations may notify through."""


@contextmanager
def connected() -> Iterator[SyncPrefectClient]:
    """A client of the configured server; its failures become LifeboatErrors (Transient when it does not answer)."""
    url = get_current_settings().api.url
    try:
        with get_client(sync_client=True) as client:
            yield client
    except httpx.TransportError as error:
        raise Transient(
            f"the Prefect server at {url} does not answer: {error}",
            hint="is it running? otherwise correct PREFECT_API_URL; `prefect server start` starts one",
        ) from error
    except httpx.HTTPStatusError as error:
        raise LifeboatError(
            f"the Prefect server at {url} answers {error.response.status_code}: {error.response.text[:300]}",
            hint="401 and 403: check PREFECT_API_KEY or PREFECT_API_AUTH_STRING; 404: is PREFECT_API_URL its url with /api?",
        ) from error


def automations(client: SyncPrefectClient) -> list[Automation]:
    """Every automation of the server."""
    found: list[Automation] = []
    while page := client.read_automations(limit=_PAGE, offset=len(found)):
        found += page
        if len(page) < _PAGE:
            break
    return found


def notification_block(client: SyncPrefectClient, name: str) -> UUID:
    """The id of the block `TYPE/NAME`; raises ConfigError when there is none, or when it notifies nobody."""
    slug, separator, document = name.partition("/")
    if not (slug and separator and document):
        raise ConfigError(
            f"--block {name!r} is not TYPE/NAME", hint="for example slack-webhook/operators; `prefect block ls` shows them"
        )
    try:
        block = client.read_block_document_by_name(document, slug, include_secrets=False)
    except ObjectNotFound as error:
        raise ConfigError(
            f"the Prefect server has no block {name}",
            hint="make it under Blocks in the UI; `prefect block ls` shows what there is",
        ) from error
    capabilities = block.block_schema.capabilities if block.block_schema else []
    if _NOTIFY not in capabilities:
        raise ConfigError(
            f"the block {name} cannot notify anybody",
            hint="take a notification block, for example slack-webhook, email-server-credentials' sendgrid-email, custom-webhook",
        )
    return block.id


def webhook(url: str) -> str:
    """Make or update the block that posts `{"text": …}` to `url`, kept among its secrets; returns its TYPE/NAME."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ConfigError("--webhook is not a url", hint="https://host/path; ${NAME} is read from the environment")
    try:
        block = CustomWebhookNotificationBlock(
            name=WEBHOOK,
            url="{{address}}",
            method="POST",
            json_data={"text": "{{subject}}\n\n{{body}}"},
            secrets={"address": SecretStr(url)},
        )
    except Refused as error:
        raise ConfigError(f"--webhook cannot be used: {error.errors()[0]['msg']}") from None
    block.save(WEBHOOK, overwrite=True)
    return f"{block.get_block_type_slug()}/{WEBHOOK}"
