"""Definitions without the accounts of the source, and what a server's refusal of masked rows means."""

import pymysql.err
import pytest

from backups.services.mysql.dump.statements import MARK
from backups.services.mysql.masking import load
from backups.services.mysql.masking.definitions import defined_by, objects


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (b"CREATE DEFINER=`bob`@`%` PROCEDURE `p`()", b"CREATE DEFINER=`dev`@`%` PROCEDURE `p`()"),
        (
            b"CREATE ALGORITHM=UNDEFINED DEFINER=`b``ob`@`10.%` SQL SECURITY",
            b"CREATE ALGORITHM=UNDEFINED DEFINER=`dev`@`%` SQL SECURITY",
        ),
        (b"CREATE OR REPLACE ALGORITHM=MERGE DEFINER=`a`@`b` VIEW", b"CREATE OR REPLACE ALGORITHM=MERGE DEFINER=`dev`@`%` VIEW"),
        (b"x;\nSET @lifeboat = 'CREATE DEFINER=`a`@`b` VIEW", b"x;\nSET @lifeboat = 'CREATE DEFINER=`dev`@`%` VIEW"),
        (b"CREATE DEFINER=`role` PROCEDURE `p`()", b"CREATE DEFINER=`dev`@`%` PROCEDURE `p`()"),
        (b"SELECT 'DEFINER=`a`@`b`'", b"SELECT 'DEFINER=`a`@`b`'"),
    ],
)
def test_everything_is_defined_by_the_one_account(written: bytes, expected: bytes) -> None:
    assert defined_by(written, "`dev`@`%`") == expected


def test_the_objects_of_a_file() -> None:
    text = (
        b"SET NAMES utf8mb4;\n"
        + MARK
        + b"shop.client\nCREATE TABLE client;\n"
        + MARK
        + b"view shop.v\nCREATE VIEW v;\nSELECT 1;\n"
    )
    assert objects(text) == {"shop.client": "CREATE TABLE client;\n", "view shop.v": "CREATE VIEW v;\nSELECT 1;\n"}


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ((1062, "Duplicate entry 'anna' for key 'client.email'"), "the same values in the unique key 'client.email'"),
        ((3819, "Check constraint 'old' is violated."), "a CHECK of shop.client refuses what a rule makes of its column"),
        ((1526, "Table has no partition for value 7"), "shop.client has no partition"),
        ((1406, "Data too long for 'anna'"), "error 1406"),
        ((), "error None"),
    ],
)
def test_a_refusal_is_a_sentence_without_values(error: tuple[object, ...], words: str) -> None:
    said = load.refusal(pymysql.err.MySQLError(*error), ("shop", "client"))
    assert words in said.message
    assert "anna" not in str(said)
    assert said.hint
