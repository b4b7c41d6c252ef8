"""Counts with their nouns."""

from backups.plural import count


def test_only_one_is_singular() -> None:
    assert [count(number, "backup") for number in (0, 1, 2, 1000)] == ["0 backups", "1 backup", "2 backups", "1,000 backups"]
