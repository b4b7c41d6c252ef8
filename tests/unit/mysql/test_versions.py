"""Which server may be cloned with which image, and which servers are refused."""

import pytest

from backups.services.mysql.versions import Version, clone_mismatch, clone_refusal


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
    ],
)
def test_the_log_is_asked_for_in_the_servers_own_words(text: str, statement: str) -> None:
    """The old statement is a syntax error since 8.4, the new one before 8.2."""
    assert Version.parse(text).status_statement == statement
