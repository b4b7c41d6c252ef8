"""What carries tickets, and a server that takes a question and leaves it unanswered: it is away, which is not the end of a verification."""

import socket
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import (
    PREFECT_API_REQUEST_TIMEOUT,
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    temporary_settings,
)

from backups.errors import Transient
from tasks.fleet import Prefect, _wanted
from verification.fleet.post import Post
from verification.fleet.ticket import Ticket

RUN = "00000000-0000-4000-8000-000000000001"
TICKET = Ticket(
    verification="a" * 32, mark="b" * 32, machine="m1", service="toy", selection="latest", backups=("toy-20261123T000000Z",)
)
QUESTIONS: dict[str, Callable[[Prefect], Any]] = {
    "workers": lambda post: post.workers(),
    "send": lambda post: post.send([TICKET]),
    "look": lambda post: post.look([RUN]),
    "cancel": lambda post: post.cancel(RUN, "it is over"),
    "recall": lambda post: post.recall(RUN, ["b" * 32]),
    "sent": lambda post: post.sent(),
    "wanted": lambda post: _wanted(post.client, UUID(RUN), TICKET),
    "beat": lambda post: post._newest_beat(RUN),
    "at work": lambda post: post._at_work("m1"),
}


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes every connection, and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=99) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/api"


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_that_is_not_answered_is_told_as_a_server_that_is_away(silent: str, name: str) -> None:
    """The coordinator asks again after that (`test_left_alone.py`); any other error would end it."""
    known = {PREFECT_API_URL: silent, PREFECT_API_REQUEST_TIMEOUT: 0.2, PREFECT_CLIENT_MAX_RETRIES: 0}
    with temporary_settings(known), get_client(sync_client=True) as client:
        post = Prefect(client, "ab" * 16, {"m1": "verification"}, _deployments={"verification": UUID(RUN)})
        with pytest.raises(Transient):
            QUESTIONS[name](post)


def test_every_question_of_the_coordinator_is_asked_here() -> None:
    """One that is new is not forgotten."""
    assert {name for name in vars(Post) if not name.startswith("_")} <= set(QUESTIONS)
