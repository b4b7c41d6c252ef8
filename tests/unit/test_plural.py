"""Counts with their nouns."""

from backups.plural import plural


def test_only_one_is_singular() -> None:
    assert [plural(count, "backup") for count in (0, 1, 2, 1000)] == ["0 backups", "1 backup", "2 backups", "1000 backups"]
