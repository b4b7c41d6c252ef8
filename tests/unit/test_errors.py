"""What an operator reads when something is wrong."""

from backups.errors import ChainBroken, ConfigError, Damaged, LifeboatError, Transient


def test_an_error_shows_its_hint_on_a_line_of_its_own() -> None:
    assert str(LifeboatError("it broke", hint="mend it")) == "it broke\nhint: mend it"
    assert str(LifeboatError("it broke")) == "it broke"


def test_only_damage_is_a_failed_proof() -> None:
    assert all(issubclass(kind, LifeboatError) for kind in (ChainBroken, ConfigError, Damaged, Transient))
    assert not [kind for kind in (ChainBroken, ConfigError, Transient) if issubclass(kind, Damaged)]
