"""A number and its noun agree."""

import pytest

from backups import plural


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 backups"), (1, "1 backup"), (2, "2 backups"), (1204, "1,204 backups"), (-1, "-1 backups")]
)
def test_the_noun_goes_with_its_number(number: int, text: str) -> None:
    assert plural.count(number, "backup") == text


def test_a_noun_may_have_a_plural_of_its_own() -> None:
    assert [plural.count(number, "library", "libraries") for number in (1, 2)] == ["1 library", "2 libraries"]
