"""Privileges are read from SHOW GRANTS as servers print it."""

from backups.services.mysql.source.source import held_privileges


def test_privileges_on_everything_are_gathered_from_all_lines() -> None:
    """Static and dynamic ones are printed on lines of their own; those on one database do not count."""
    held = held_privileges(
        [
            "GRANT SELECT, RELOAD, REPLICATION SLAVE ON *.* TO `lifeboat`@`%`",
            "GRANT BACKUP_ADMIN ON *.* TO `lifeboat`@`%`",
            "GRANT TRIGGER ON `agama`.* TO `lifeboat`@`%`",
            "GRANT `reader`@`%` TO `lifeboat`@`%`",
        ]
    )
    assert held == {"SELECT", "RELOAD", "REPLICATION SLAVE", "BACKUP_ADMIN"}


def test_a_privilege_revoked_for_one_database_is_not_held() -> None:
    """The witness could not read that database."""
    held = held_privileges(["GRANT SELECT, EVENT ON *.* TO `a`@`%`", "REVOKE SELECT ON `secret`.* FROM `a`@`%`"])
    assert held == {"EVENT"}
