"""Defines the keys of a service that is asked over HTTP, and says for `lifeboat doctor` what its connection gives away."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import HttpUrl, model_validator

from backups.errors import ConfigError
from backups.services.base import Finding
from backups.services.http.address import account, of_this_machine, shown
from backups.services.settings import ServiceSettings


class HttpSettings(ServiceSettings):
    """`url` answers the HTTP API.

    tls: verify (the default): an https url's certificate is checked, and over http a password or token goes to this machine
    itself and its containers only; required: https whose certificate is not checked; disabled: http, passwords in clear
    tls_ca: the certificates (PEM) that the server's is checked against, where this machine does not trust it otherwise
    """

    url: HttpUrl
    tls: Literal["verify", "required", "disabled"] = "verify"
    tls_ca: Path | None = None

    @property
    def address(self) -> str:
        """The url, without a slash at its end."""
        return str(self.url).rstrip("/")

    @property
    def has_secret(self) -> bool:
        """Whether a password or a token is sent to the server."""
        return account(str(self.url)) is not None

    def authority(self) -> Path | None:
        """The file of `tls_ca`. Raises ConfigError when it holds no certificates."""
        if self.tls_ca is None:
            return None
        try:
            ssl.create_default_context(cafile=str(self.tls_ca))
        except FileNotFoundError:
            raise ConfigError(f"tls_ca {self.tls_ca} is not there", hint="it is a file of certificates in PEM form") from None
        except OSError as error:
            raise ConfigError(
                f"tls_ca {self.tls_ca} cannot be read: {error.strerror or 'it holds no certificate'}",
                hint="it is a file of certificates in PEM form",
            ) from error
        return self.tls_ca

    @model_validator(mode="after")
    def _tls_fits(self) -> "HttpSettings":
        if self.tls == "required" and self.url.scheme != "https":
            raise ValueError("tls: required needs an https url")
        if self.tls == "disabled" and self.url.scheme == "https":
            raise ValueError("tls: disabled and an https url exclude each other: leave tls out, or write http")
        return self


def examine(settings: HttpSettings, service: str) -> Iterator[Finding]:
    """Say which connection is not verified, and what it gives away; nothing where the certificate is checked."""
    where, host = shown(str(settings.url)), settings.url.host or ""
    if settings.url.scheme == "https":
        if settings.tls == "required":
            yield _finding(
                f"{where} is encrypted and not verified (tls: required): whoever stands between can read "
                f"{'the password, ' if settings.has_secret else ''}and write what {service} seems to answer"
            )
    elif settings.has_secret and settings.tls == "disabled":
        yield _finding(
            f"the password or token for {where} goes over the network in clear (tls: disabled), and nothing is verified"
        )
    elif host != "localhost" and not of_this_machine(host.strip("[]")):
        yield _finding(f"{where} is not verified: over http, whoever stands between can write what {service} seems to answer")


def _finding(message: str) -> Finding:
    return Finding("connection", ok=True, message=message)
