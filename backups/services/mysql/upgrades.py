"""Knows which MySQL and MariaDB may be started on the data of which, and what such an upgrade changes by itself.

Pure. The pages are the makers' own; `docs/upgrades.md` shows the table.
"""

from backups.errors import LifeboatError
from backups.services.mysql.versions import Version, passed_over
from backups.services.upgraded import ANY, Back, Change, Step, downgrade, step

_MANUAL = "https://dev.mysql.com/doc/refman"
_PATHS = f"{_MANUAL}/9.1/en/upgrade-paths.html"
_NUTSHELL = f"{_MANUAL}/8.4/en/mysql-nutshell.html"
_MARIADB = "https://mariadb.com/docs/server/server-management/install-and-upgrade-mariadb"
_MAJOR = f"{_MARIADB}/upgrading/upgrading-between-major-mariadb-versions"
_RECENT = "https://mariadb.com/kb/en/changes-improvements-in-mariadb-11-8"

MYSQL_BACK = Back(
    "no: MySQL does not start on the data of a newer series; the way back is a dump, loaded into the old version, or the backup",
    f"{_MANUAL}/9.0/en/downgrading.html",
)
MARIADB_BACK = Back(
    "none that its maker supports or tests between major versions; the way back is the backup of before the upgrade",
    f"{_MARIADB}/downgrading-between-major-versions-of-mariadb",
)
NEW_METRIC, GIVEN_METRIC, GONE_METRIC = "new privilege given", "privilege given", "privilege taken"
"""Of an account: a privilege that only the new version has, one that the old version has too, one that it had."""
LOGS_IN = "can log in"

MYSQL: tuple[Change, ...] = (
    Change(
        ANY,
        "privileges that only the new version has are given to accounts that could do the same before",
        f"{_MANUAL}/8.0/en/privileges-provided.html",
        subject="account .*",
        metric=f"{NEW_METRIC}: .*",
        how=("new",),
    ),
    Change(
        ANY,
        "the server's own accounts, by which nobody logs in, are brought up to its version",
        f"{_MANUAL}/8.4/en/upgrading-what-is-upgraded.html",
        subject=r"account mysql\.(sys|session|infoschema)@localhost",
        how=("new", "changed"),
    ),
    Change(
        (8, 4),
        "SET_USER_ID was removed: SET_ANY_DEFINER and ALLOW_NONEXISTENT_DEFINER took its place",
        _NUTSHELL,
        subject="account .*",
        metric=f"{GONE_METRIC}: SET_USER_ID",
        how=("gone",),
    ),
    Change(
        (8, 4),
        "mysql_native_password is off unless --mysql-native-password=ON is set: accounts that use it cannot log in",
        _NUTSHELL,
    ),
    Change(
        (8, 4),
        "default values of InnoDB's variables have changed, innodb_flush_method and innodb_io_capacity among them: a copy "
        "has the source's where data depend on them",
        _NUTSHELL,
    ),
    Change(
        (9, 0),
        "mysql_native_password was removed: accounts that use it cannot log in",
        f"{_MANUAL}/9.0/en/mysql-nutshell.html",
    ),
)
END_OF_TIME = (11, 5)
"""The release from which on MariaDB's time ends in 2106."""
MARIADB: tuple[Change, ...] = (
    Change(
        (11, 0),
        "InnoDB has no change buffer any more, and innodb_undo_tablespaces is 3 unless it is set",
        "https://mariadb.com/kb/en/changes-improvements-in-mariadb-11-0/",
    ),
    Change(
        (11, 0),
        "the optimizer has a new cost model: some statements are executed in another way than before",
        f"{_MARIADB}/upgrading/upgrading-from-to-specific-versions/upgrading-from-mariadb-10-11-to-mariadb-11-4",
    ),
    Change(
        (11, 5),
        "the default collation of Unicode is uca1400_ai_ci, and from 11.6 on the default character set utf8mb4: of what is made "
        "from then on, and names neither",
        _RECENT,
    ),
    Change(
        END_OF_TIME,
        "the end of time is 2106 and no longer 2038: mariadb-upgrade writes every row of tables with system versioning anew, as "
        "long as that takes; here both ends are read as one",
        _RECENT,
    ),
)


def planned(before: Version, after: Version, image: str) -> Step | None:
    """Return the upgrade from one server to another; None when both are of one series. image: its name, for messages.

    Raises LifeboatError for another maker's, an older one, and one that is not reached in one step.
    """
    if before.maker != after.maker:
        raise LifeboatError(
            f"the image {image} holds {after.maker} {after.release}, the backup is of {before.maker} {before.release}: "
            "data of one are never started on the other",
            hint=f"name an image of {before.maker}",
        )
    if before.series == after.series:
        return None
    if after.older_than(before):
        raise downgrade(before.maker, before.release, after.release, image)
    if before.mariadb:
        return step(before.maker, before.release, after.release, MARIADB_BACK, MARIADB)
    if stops := passed_over(before, after):
        raise LifeboatError(
            f"MySQL {before.release} is not upgraded to {after.release} in one step: first to {', then to '.join(stops)}, "
            f"then to {after.series}",
            hint=f"rehearse the first step, with an image of MySQL {stops[0]}; {_PATHS}",
        )
    return step(before.maker, before.release, after.release, MYSQL_BACK, MYSQL)
