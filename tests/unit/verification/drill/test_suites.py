"""The operator's own expectations, as files."""

from pathlib import Path

import pytest

from backups.errors import ConfigError
from verification.drill import suites

GOOD = "database: shop\nexpectations:\n  - {name: no orphan, unexpected_rows: SELECT 1 FROM orphan}\n"


def test_a_suite_is_read_under_its_files_name(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(GOOD)

    read = suites.read_all([tmp_path / "shop.yaml"])

    assert read["shop.yaml"].database == "shop"
    assert read["shop.yaml"].expectations[0].unexpected_rows == "SELECT 1 FROM orphan"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD.replace("unexpected_rows", "rows"), "expectations.0.unexpected_rows"),
        (GOOD.replace("database", "databse"), "database: field required"),
        ("database: shop\nexpectations: []\n", "expectations: "),
        ("database: shop\n", "expectations: field required"),
        (GOOD + "  - {name: no orphan, unexpected_rows: SELECT 2}\n", "two expectations are named 'no orphan'"),
        ("a: [", "is not YAML"),
        ("", "the file"),
    ],
)
def test_a_wrong_suite_is_told_with_its_file_and_key(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(text)

    with pytest.raises(ConfigError) as caught:
        suites.read(path)

    assert str(path) in caught.value.message
    assert words in caught.value.message
    assert caught.value.hint


def test_a_suite_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        suites.read(tmp_path / "gone.yaml")


def test_two_suites_of_one_name_are_refused_because_reports_could_not_tell_them_apart(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "shop.yaml").write_text(GOOD)

    with pytest.raises(ConfigError, match=r"two suites are called shop\.yaml"):
        suites.read_all([tmp_path / "a" / "shop.yaml", tmp_path / "b" / "shop.yaml"])
