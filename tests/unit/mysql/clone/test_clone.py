"""What CLONE's errors mean, in the words that 9.7 was seen to use."""

import pymysql.err
import pytest

from backups.errors import Transient
from backups.services.mysql.clone.clone import explain
from backups.services.mysql.settings import MySQLSettings

SETTINGS = MySQLSettings(type="mysql", image="mysql:9.7", host="10.0.0.5")


@pytest.mark.parametrize(
    ("code", "words", "transient", "hint"),
    [
        (
            3862,
            "Clone Donor Error: 3634 : Too many concurrent clone operations. Maximum allowed - 1..",
            True,
            "another clone of this",
        ),
        (3862, "Clone Donor Error: Connect failed: 2003 : Can't connect to MySQL server.", True, "is the source still up?"),
        (2013, "Lost connection to MySQL server during query", True, "is the source still up?"),
        (3862, "Clone Donor Error: 1227 : Access denied; you need (at least one of) the BACKUP_ADMIN", False, "lifeboat doctor"),
        (3862, "Clone Donor Error: Connect failed: 1045 : Access denied for user", False, "lifeboat doctor"),
        (3870, "Clone Donor plugin audit is not active in Recipient.", False, "set `image:` to one that has these libraries"),
        (3873, "Clone estimated database size is too large", False, "free some space"),
    ],
)
def test_an_error_of_clone_says_whether_trying_again_helps(code: int, words: str, transient: bool, hint: str) -> None:
    """The source's own answer is inside the recipient's."""
    error = explain(pymysql.err.OperationalError(code, words), SETTINGS)
    assert isinstance(error, Transient) == transient
    assert hint in str(error.hint)
    assert error.message == f"MySQL at 10.0.0.5:3306 could not be cloned: {words} (error {code})"
