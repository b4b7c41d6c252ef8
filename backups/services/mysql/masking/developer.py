"""Asks a masked server that was started for the rows of its tables, as the one account that it has."""

from dataclasses import dataclass, field

from backups.places.base import Place
from backups.secret import Secret
from backups.services.base import Asked
from backups.services.mysql.first_start import VALUES, RowsStay
from backups.services.settings import ServiceSettings

_VALUES = "the values in its rows, which are masked: there is nothing to compare them with"


@dataclass(frozen=True)
class AsDeveloper(RowsStay):
    """See FirstStart: the facts are those of the masked rows."""

    user: str
    password: str = field(repr=False)

    def ask(self, place: Place, address: str | None, settings: ServiceSettings) -> Asked:
        """See FirstStart."""
        own = {"user": self.user, "password": Secret(self.password), "password_file": None, "tls": "preferred", "tls_ca": None}
        asked = super().ask(place, address, settings.model_copy(update=own))
        unasked = [_VALUES if line == VALUES else line for line in asked.unasked]
        return Asked(asked.checks, unasked)
