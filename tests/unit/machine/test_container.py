"""How long is waited for a container that does not end."""

from types import SimpleNamespace
from typing import Any

import pytest

from backups.errors import LifeboatError
from backups.machine.docker import Container, Image


class Pretended(SimpleNamespace):
    """Docker's own container, which ends once it was looked at so often; None: never."""

    def reload(self) -> None:
        self.left -= 1
        self.status = "running" if self.left else "exited"

    def wait(self) -> dict[str, int]:
        assert self.status == "exited"
        return {"StatusCode": 3}

    def logs(self, tail: int) -> bytes:
        return b"waiting\nfor you" * (tail > 0)


def container(looks: int) -> Container:
    inside: Any = Pretended(name="x-version", left=looks, status="running")
    return Container(inside, Image("busy:1", "sha256:01"))


def test_one_that_ends_says_how() -> None:
    assert container(1).wait(10) == 3


def test_one_that_never_ends_is_not_waited_for_for_ever() -> None:
    with pytest.raises(LifeboatError, match="in an image, busy:1, has not ended after 0 s: waiting for you") as refused:
        container(-1).wait(0)
    assert refused.value.hint
