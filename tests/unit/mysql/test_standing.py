"""How a copy of MySQL is reached: by its socket alone, or where it stands among other copies."""

from typing import Any

import pytest

from backups.services.mysql.copy import options
from backups.services.standing import Stand

POD: Any = object()


@pytest.mark.parametrize("stand", [None, Stand(POD)])
def test_alone_nobody_reaches_it_and_it_makes_no_keys(stand: Stand | None) -> None:
    found = list(options.network(stand))
    assert "--skip-networking" in found
    assert "--loose-auto-generate-certs=OFF" in found


def test_among_others_it_listens_at_its_old_addresses_and_can_prove_passwords() -> None:
    found = list(options.network(Stand(POD, ("10.0.0.5", "198.18.0.1"), 3307)))
    assert found == ["--bind-address=10.0.0.5,198.18.0.1", "--port=3307"]
