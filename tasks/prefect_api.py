"""Reads automations and notification blocks of the Prefect server, and translates its errors."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import Worker
from prefect.events.schemas.automations import Automation
from prefect.exceptions import ObjectNotFound
from prefect.settings import get_current_settings
from pydantic import SecretStr
from pydantic import ValidationError as Refused

from backups.errors import ConfigError, LifeboatError, Transient

WEBHOOK = "lifeboat-webhook"
"""Name of the block that `webhook` creates."""
_PAGE = 100
_NOTIFY = "notify"
"""The capability, as Prefect calls it, of a block that automations can send notifications through."""


@contextmanager
def connected() -> Iterator[SyncPrefectClient]:
    """Yield a client of the configured server; its errors become LifeboatErrors (Transient when it does not answer)."""
    with translated(), get_client(sync_client=True) as client:
        yield client


@contextmanager
def translated() -> Iterator[None]:
    """Within the block errors of the server become LifeboatErrors, as in `connected`."""
    url = get_current_settings().api.url
    try:
        yield
    except httpx.TransportError as error:
        raise Transient(
            f"the Prefect server at {url} does not answer: {error}",
            hint="is it running, and PREFECT_API_URL its address? `prefect server start` starts one",
        ) from error
    except httpx.HTTPStatusError as error:
        raise LifeboatError(
            f"the Prefect server at {url} answers {error.response.status_code}: {' '.join(error.response.text[:300].split())}",
            hint="401 and 403: check PREFECT_API_KEY or PREFECT_API_AUTH_STRING; 404: does PREFECT_API_URL end with /api?",
        ) from error


def is_open() -> bool:
    """Return whether the configured server answers whoever has no password. Raises LifeboatError when it does not answer."""
    url = get_current_settings().api.url
    try:
        return httpx.get(f"{url}/admin/version", timeout=30).status_code == httpx.codes.OK
    except httpx.TransportError as error:
        raise Transient(f"the Prefect server at {url} does not answer: {error}", hint="is it running?") from error


@contextmanager
def left_in_the_middle(done: Callable[[], str], hint: str) -> Iterator[None]:
    """Within the block a server that goes away is told as that, with what was done until then; it is no bug of anybody's.

    done: says what that is
    """
    try:
        yield
    except (httpx.TransportError, httpx.HTTPStatusError) as error:
        answer = f" (it answered {error.response.status_code})" if isinstance(error, httpx.HTTPStatusError) else ""
        server = get_current_settings().api.url
        raise LifeboatError(f"the Prefect server at {server} went away{answer}; {done()}", hint=hint) from error


def workers(client: SyncPrefectClient, pool: str) -> list[Worker]:
    """Return the workers of a pool, none where the server has no such pool."""
    try:
        return client.read_workers_for_work_pool(pool)
    except httpx.HTTPStatusError as error:
        if error.response.status_code == httpx.codes.NOT_FOUND:
            return []
        raise


def server_time(client: SyncPrefectClient) -> datetime:
    """Return what the server's own clock says (UTC), which its times are by; this machine's, where it does not say."""
    try:
        return parsedate_to_datetime(client.request("GET", "/health").headers.get("date", "")).astimezone(UTC)
    except ValueError:
        return datetime.now(UTC)


def automations(client: SyncPrefectClient) -> list[Automation]:
    """Return every automation of the server."""
    found: list[Automation] = []
    while page := client.read_automations(limit=_PAGE, offset=len(found)):
        found += page
        if len(page) < _PAGE:
            break
    return found


def notification_block(client: SyncPrefectClient, name: str) -> UUID:
    """Return the id of the block `TYPE/NAME`; raises ConfigError when there is none, or it cannot send notifications."""
    slug, separator, document = name.partition("/")
    if not (slug and separator and document):
        raise ConfigError(
            f"--block {name!r} is not TYPE/NAME",
            hint="for example --block slack-webhook/operators; `prefect block ls` lists them",
        )
    try:
        block = client.read_block_document_by_name(document, slug, include_secrets=False)
    except ObjectNotFound as error:
        raise ConfigError(
            f"the Prefect server has no block {name}",
            hint="create it under Blocks in the UI; `prefect block ls` lists the blocks",
        ) from error
    capabilities = block.block_schema.capabilities if block.block_schema else []
    if _NOTIFY not in capabilities:
        raise ConfigError(
            f"the block {name} cannot send notifications",
            hint="use a notification block, for example slack-webhook, sendgrid-email or custom-webhook",
        )
    return block.id


def webhook(url: str) -> str:
    """Create or update the block that posts `{"text": …}` to `url`, kept as its secret; returns its TYPE/NAME."""
    # It takes a while to import, and whoever runs a drill does not need it.
    from prefect.blocks.notifications import CustomWebhookNotificationBlock

    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ConfigError("--webhook is not a url", hint="write https://host/path; ${NAME} is read from the environment")
    try:
        block = CustomWebhookNotificationBlock(
            name=WEBHOOK,
            url="{{address}}",
            method="POST",
            json_data={"text": "{{subject}}\n\n{{body}}"},
            secrets={"address": SecretStr(url)},
        )
    except Refused as error:
        raise ConfigError(f"--webhook cannot be used: {error.errors()[0]['msg']}", hint="write https://host/path") from None
    block.save(WEBHOOK, overwrite=True)
    return f"{block.get_block_type_slug()}/{WEBHOOK}"
