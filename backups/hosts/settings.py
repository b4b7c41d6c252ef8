"""A machine reached over SSH: its section under `hosts:` of lifeboat.yaml."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict


class HostSettings(BaseModel):
    """Where it answers (`user@address[:port]`), by which key we come, and by which keys it is known."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    address: str
    key_file: Path | None = None
    known_hosts: Path | None = None
