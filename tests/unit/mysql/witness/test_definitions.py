"""How things are named in facts: as a person would, and no two alike."""

import pytest

from backups.services.mysql.witness import definitions


def test_plain_names_stay_plain() -> None:
    assert definitions.subject("agama", "client") == "agama.client"
    assert definitions.subject("agama", "touch", kind="trigger") == "trigger agama.touch"


def test_odd_names_cannot_be_confused() -> None:
    assert definitions.subject("a.b", "c") != definitions.subject("a", "b.c")


@pytest.mark.parametrize("names", [("agama", "client"), ("a.b", "c"), ("a", "b.c"), ("we`ird", " sp ace "), ("Größe", "表-1$")])
def test_a_tables_names_can_be_read_back(names: tuple[str, str]) -> None:
    assert definitions.table_names(definitions.subject(*names)) == names
