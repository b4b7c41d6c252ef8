"""How a command on another machine ends, as paramiko shows it: channels that a test sets by hand."""

from dataclasses import dataclass
from typing import Any

import pytest

from backups.errors import Transient
from backups.hosts.session import Session


@dataclass
class Channel:
    """A channel that gives no more output. alive: how often it is still said that the connection lives, after it has closed."""

    exit_status: int
    closed: bool
    eof_received: bool
    alive: int = 0
    told: bool = True

    def settimeout(self, seconds: float) -> None: ...

    def exit_status_ready(self) -> bool:
        return self.told or self.closed

    def recv_ready(self) -> bool:
        return False

    recv_stderr_ready = recv_ready

    def get_transport(self) -> Any:
        return self

    def is_active(self) -> bool:
        self.alive -= 1
        return self.alive >= 0


@pytest.mark.parametrize("code", [0, 1, 2, -1])
@pytest.mark.parametrize("alive", [0, 1, 3])
def test_a_command_whose_connection_broke_before_the_end_of_its_output_has_not_ended(code: int, alive: int) -> None:
    """A server says the exit code as soon as a command has ended, with output still to come: the code proves nothing of that."""
    channel: Any = Channel(code, closed=True, eof_received=False, alive=alive)
    with pytest.raises(Transient, match="cut in the middle"):
        Session(channel, "db").end(5)


@pytest.mark.parametrize(
    "channel", [Channel(0, closed=True, eof_received=True), Channel(0, closed=False, eof_received=True, alive=9)]
)
def test_a_command_of_which_all_came_has_ended_whatever_came_of_the_connection(channel: Any) -> None:
    assert Session(channel, "db").end(5) == (0, b"", "")


def test_a_command_whose_channel_was_closed_on_a_connection_that_lives_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some servers close without saying that the output ends."""
    monkeypatch.setattr("backups.hosts.session._OUTPUT_AFTER_END", 0.1)
    channel: Any = Channel(3, closed=True, eof_received=False, alive=1000)
    assert Session(channel, "db").end(5).code == 3
