"""Which server may be cloned with which image, and which servers are refused."""

import re
from pathlib import Path

import pytest

from backups.services.mysql.versions import Version, clone_mismatch, clone_refusal, dump_mismatch, dump_refusal


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("9.7.4-2", (9, 7, 4)),
        ("8.0.36-0ubuntu0.22.04.1", (8, 0, 36)),
        ("8.4.3", (8, 4, 3)),
        ("/usr/sbin/mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))", (9, 7, 4)),
        ("10.11.6-MariaDB-1:10.11.6+maria~ubu2204", (10, 11, 6)),
    ],
)
def test_version_is_read_from_what_servers_say(text: str, number: tuple[int, int, int]) -> None:
    """The variable's value and the program's own line."""
    assert Version.parse(text).number == number


def test_text_without_a_version_is_an_error() -> None:
    """Rather than a version that is made up."""
    with pytest.raises(ValueError, match="holds no version"):
        Version.parse("mysqld from somewhere, 8.x")


@pytest.mark.parametrize(
    ("source", "image", "fits"),
    [
        ("9.7.4-2", "9.7.4", True),
        ("9.7.4", "9.7.9", True),
        ("9.7.9", "9.7.4", True),
        ("9.7.4", "9.6.0", False),
        ("9.7.4", "8.4.3", False),
        ("8.4.3", "8.4.0", True),
        ("8.0.37", "8.0.44", True),
        ("8.0.36", "8.0.37", False),
        ("8.0.36-0ubuntu0.22.04.1", "8.0.36", True),
        ("8.0.35", "8.0.36", False),
        ("8.0.26-1", "8.0.26-2", True),
        ("8.0.25", "8.0.25", True),
        ("8.0.25-1", "8.0.25-2", False),
        ("8.0.25", "8.0.26", False),
    ],
)
def test_clone_wants_versions_that_fit(source: str, image: str, fits: bool) -> None:
    """The rules of the manual, release by release."""
    reason = clone_mismatch(Version.parse(source), Version.parse(image))
    assert (reason is None) == fits, reason
    if reason:
        assert f"the source runs {source}" in reason
        assert f"the image {image}" in reason


@pytest.mark.parametrize(
    ("text", "comment", "words"),
    [
        ("5.7.44", "MySQL Community Server", "5.7.44 has no CLONE"),
        ("8.0.16", "", "8.0.16 has no CLONE"),
        ("10.11.6-MariaDB", "", "MariaDB has no CLONE"),
        ("11.4.2", "mariadb.org binary distribution", "MariaDB has no CLONE"),
    ],
)
def test_servers_without_clone_are_refused(text: str, comment: str, words: str) -> None:
    """They could not be backed up, and are told so."""
    assert words in str(clone_refusal(Version.parse(text, comment)))


@pytest.mark.parametrize(("text", "comment"), [("8.0.17", ""), ("8.4.3", "MySQL"), ("9.7.4-2", "(Debian)")])
def test_servers_with_clone_are_taken(text: str, comment: str) -> None:
    """From its first release on."""
    assert clone_refusal(Version.parse(text, comment)) is None


@pytest.mark.parametrize(
    ("text", "statement"),
    [
        ("8.0.36", "SHOW MASTER STATUS"),
        ("8.1.0", "SHOW MASTER STATUS"),
        ("8.2.0", "SHOW BINARY LOG STATUS"),
        ("9.7.4", "SHOW BINARY LOG STATUS"),
        ("10.5.0-MariaDB", "SHOW MASTER STATUS"),
        ("10.11.18-MariaDB-1", "SHOW MASTER STATUS"),
        ("11.8.9-MariaDB", "SHOW MASTER STATUS"),
    ],
)
def test_the_log_is_asked_for_in_the_servers_own_words(text: str, statement: str) -> None:
    """The old statement is a syntax error since 8.4, the new one before 8.2."""
    assert Version.parse(text).status_statement == statement


NUMBERS = [(8, 0, 17), (8, 0, 37), (8, 2, 0), (9, 7, 4), (10, 5, 0), (10, 11, 18), (11, 8, 9), (12, 0, 0)]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("oldest", NUMBERS)
def test_the_numbers_of_two_makers_are_never_compared(number: tuple[int, int, int], oldest: tuple[int, int, int]) -> None:
    """What one maker's release can do says nothing of the other's, whatever the numbers."""
    text = ".".join(map(str, number))
    mysql, mariadb = Version.parse(text), Version.parse(f"{text}-MariaDB")
    assert mysql.since(mysql=oldest, mariadb=None) == mariadb.since(mysql=None, mariadb=oldest) == (number >= oldest)
    assert not mysql.since(mysql=None, mariadb=oldest)
    assert not mariadb.since(mysql=oldest, mariadb=None)
    assert mariadb.status_statement == "SHOW MASTER STATUS"
    assert not mysql.keeps_history
    for one, other in ((mysql, mariadb), (mariadb, mysql)):
        assert dump_mismatch(one, other) is not None
        assert clone_mismatch(one, other) is not None
        assert dump_mismatch(one, one) is None


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("8.0.16", False),
        ("8.0.17", True),
        ("9.7.4", True),
        ("10.4.9-MariaDB", False),
        ("10.5.0-MariaDB", True),
        ("11.8.9-MariaDB", True),
    ],
)
def test_each_makers_oldest_that_is_dumped(text: str, taken: bool) -> None:
    """By its own numbers."""
    assert (dump_refusal(Version.parse(text)) is None) == taken


@pytest.mark.parametrize(("text", "keeps"), [("10.10.9-MariaDB", False), ("10.11.0-MariaDB", True), ("11.8.9-MariaDB", True)])
def test_history_is_written_from_mariadb_10_11_on(text: str, keeps: bool) -> None:
    """system_versioning_insert_history came with it."""
    assert Version.parse(text).keeps_history == keeps


def test_no_module_compares_a_servers_number_itself() -> None:
    """It would compare MariaDB's with MySQL's: `Version.since` asks for both."""
    here = Path(__file__).parents[3] / "backups/services/mysql"
    modules = [path for path in here.rglob("*.py") if path.name != "versions.py"]
    assert len(modules) > 40
    compared = re.compile(r"version\.number|\.number\s*(?:<|>|==)|(?:<|>|==)\s*\w+\.number\b")
    found = [f"{path.name}: {line}" for path in modules for line in path.read_text().splitlines() if compared.search(line)]
    assert not found
