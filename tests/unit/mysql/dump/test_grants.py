"""Grants on tables and columns that are gone: given before anything is there, on tables made for them."""

import pytest

from backups.services.mysql.dump import grants
from backups.services.mysql.witness.catalogue import Catalogue, Table
from backups.services.mysql.witness.fingerprint import Column

COLUMNS = (Column("a", "int", nullable=True), Column("Größe", "int", nullable=True))
CATALOGUE = Catalogue((Table("w", "t", COLUMNS, keyed=False),), (("w", "v"),), frozenset(), (("w", "s"),))
SYSTEM = [("mysql", "user")]


@pytest.mark.parametrize(
    "grant",
    [
        "GRANT SELECT ON `w`.`t` TO `g`@`%`",
        "GRANT SELECT, INSERT (`A`, `größe`) ON `w`.`t` TO `g`@`%` WITH GRANT OPTION",
        "GRANT SELECT ON `w`.`v` TO `g`@`%`",
        "GRANT SELECT ON `w`.`s` TO `g`@`%`",
        "GRANT SELECT ON `mysql`.`user` TO `g`@`%`",
        "GRANT SELECT ON `performance_schema`.`gone` TO `g`@`%`",
        "GRANT ALL PRIVILEGES ON `w`.* TO `g`@`%`",
        "GRANT USAGE ON *.* TO `g`@`%`",
        "GRANT EXECUTE ON PROCEDURE `w`.`gone` TO `g`@`%`",
        "GRANT PROXY ON ``@`` TO `g`@`%`",
        "GRANT `r`@`%` TO `g`@`%` WITH ADMIN OPTION",
        "ALTER USER `g`@`%` DEFAULT ROLE `r`@`%`",
    ],
)
def test_what_the_server_takes_stays_as_it_is(grant: str) -> None:
    """Anything but grants on what is gone."""
    assert grants.split([grant], CATALOGUE, SYSTEM) == ([grant], [])


@pytest.mark.parametrize(
    "grant",
    [
        "GRANT SELECT ON `w`.`gone` TO `g`@`%`",
        "GRANT SELECT ON `W`.`t` TO `g`@`%`",
        "GRANT SELECT (`a`, `gone`) ON `w`.`t` TO `g`@`%`",
        "GRANT SELECT (gone) ON `w`.`t` TO `g`@`%`",
        "GRANT SELECT, INSERT ON `mysql`.`proc` TO `g`@`%`",
        "GRANT SELECT ON TABLE `w`.`o``dd` TO `g`@`%`",
    ],
)
def test_what_is_gone_is_found(grant: str) -> None:
    """A table, a database, a column, a table of the server's that this release has not any more."""
    assert grants.split([grant], CATALOGUE, SYSTEM) == ([], [grant])


def test_it_is_made_for_the_grant_and_dropped() -> None:
    """Each table once, with every column that a grant names; the server's own database stays."""
    given = [
        "GRANT SELECT (`a`, `x``y`), INSERT (`b`) ON `w`.`gone` TO `g`@`%`",
        "GRANT SELECT (`A`) ON `w`.`gone` TO `h`@`%`",
        "GRANT SELECT ON `mysql`.`proc` TO `g`@`%`",
    ]
    assert list(grants.on_what_is_gone(given)) == [
        "CREATE DATABASE IF NOT EXISTS `w`",
        "CREATE TABLE `w`.`gone` (`A` INT, `x``y` INT, `b` INT)",
        "CREATE TABLE `mysql`.`proc` (`lifeboat` INT)",
        *given,
        "DROP TABLE `w`.`gone`",
        "DROP TABLE `mysql`.`proc`",
        "DROP DATABASE `w`",
    ]
