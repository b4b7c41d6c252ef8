"""What the log says of a table equals what a scan finds, in whatever history; what it does not tell is scanned, and said why."""

import os
import random
from pathlib import Path

from backups.services.mysql.carry.expected import EMPTY, Value, expected
from tests.integration.mysql.carry.histories import TYPES, History
from tests.integration.mysql.carry.measured import FORM, Measured, emptied, log_since, position, run
from tests.servers.mysql import MySQLServer

HISTORIES = int(os.environ.get("LIFEBOAT_TEST_HISTORIES", "40"))
"""How many are tried, from the first on; more of them by hand."""
FIRST = int(os.environ.get("LIFEBOAT_TEST_FIRST_HISTORY", "0"))


def test_every_type_is_carried(source: MySQLServer, throw_away: MySQLServer, tmp_path: Path) -> None:
    r = random.Random(1)
    source.sql("CREATE DATABASE every")
    try:
        names = {}
        pairs = [(f"a{number}", f"b{number}", kind) for number, kind in enumerate(TYPES)]
        columns = ", ".join(f"{one} {kind}, {other} {kind} NOT NULL" for one, other, kind in pairs)
        wide = f"INSERT INTO wide VALUES (1, {', '.join(f'{value(r)}, {value(r)}' for value in TYPES.values())})"
        nothing = f"INSERT INTO wide VALUES (NULL, {', '.join(f'NULL, {value(r)}' for value in TYPES.values())})"
        keyless = [
            f"CREATE TABLE wide (id INT, {columns}) ROW_FORMAT=DYNAMIC",
            *(wide, wide, nothing, nothing),
            *("CREATE TABLE loose (id INT, n INT, UNIQUE KEY (id))", "INSERT INTO loose VALUES (NULL, 1), (NULL, 1), (3, 1)"),
            *("CREATE TABLE computed (n INT AS (1 + 1) VIRTUAL)", "INSERT INTO computed VALUES (), (), ()"),
            *("CREATE TABLE emptied (id INT)", "INSERT INTO emptied VALUES (1), (1)", "CREATE TABLE filled (id INT)"),
        ]
        run(source, "every", keyless)
        for number, (kind, value) in enumerate(TYPES.items()):
            names[f"every.t{number}"] = kind
            run(source, "every", [f"CREATE TABLE t{number} (id INT PRIMARY KEY, a {kind}, b {kind} NOT NULL)"])
            run(source, "every", [f"INSERT INTO t{number} VALUES ({at}, {value(r)}, {value(r)})" for at in range(6)])
        before, begin = Measured(source, "every"), position(source)
        for number, value in enumerate(TYPES.values()):
            changes = [
                f"INSERT INTO t{number} VALUES (7, NULL, {value(r)})",
                f"UPDATE t{number} SET a = {value(r)}, id = id + 100",
            ]
            run(source, "every", [*changes, f"DELETE FROM t{number} WHERE id = 102"])
        changes = [
            *("DELETE FROM wide WHERE id = 1 LIMIT 1", "UPDATE wide SET id = 2 WHERE id IS NULL LIMIT 1", wide),
            *("UPDATE wide SET id = id", "UPDATE loose SET n = 2 WHERE id IS NULL LIMIT 1", "INSERT INTO loose VALUES (NULL, 2)"),
            *("DELETE FROM computed LIMIT 1", "INSERT INTO filled VALUES (7), (7), (NULL)", "DELETE FROM filled LIMIT 1"),
        ]
        run(source, "every", [*changes, "DELETE FROM emptied LIMIT 1", "DELETE FROM emptied"])
        now, pieces = Measured(source, "every"), log_since(source, begin, tmp_path)
        found = expected(now.tables, now.definitions, before.known(), pieces, {}, lambda: emptied(throw_away), FORM)
        print(throw_away.container.logs(5))
        assert (found.pop("every.emptied"), now.values.pop("every.emptied")) == (EMPTY, (0, "0" * 64))
        reasons = {names.get(about, about): value for about, value in found.items() if isinstance(value, str)}
        assert not reasons
        assert {about: value.counted for about, value in found.items() if isinstance(value, Value)} == now.values
        assert all(isinstance(value, Value) and value.through_log for value in found.values())
        assert [now.values[f"every.{name}"][0] for name in ("wide", "loose", "computed", "filled")] == [4, 4, 2, 2]
    finally:
        source.sql("DROP DATABASE every")


def test_carried_equals_scanned_in_every_history(source: MySQLServer, throw_away: MySQLServer, tmp_path: Path) -> None:
    histories = [History.make(seed, f"h{seed}") for seed in range(FIRST, FIRST + HISTORIES)]
    try:
        for each in histories:
            source.sql(
                f"CREATE DATABASE {each.database}",
                f"CREATE TABLE {each.database}.noted (id INT PRIMARY KEY, n INT)",
                f"INSERT INTO {each.database}.noted VALUES (1, 0)",
            )
            run(source, each.database, each.before)
        databases = [each.database for each in histories]
        before, begin = Measured(source, *databases), position(source)
        for each in histories:
            run(source, each.database, each.after)
        now, pieces = Measured(source, *databases), log_since(source, begin, tmp_path)
        reasons: dict[str, int] = {}
        carried = kept = 0
        found = expected(now.tables, now.definitions, before.known(), pieces, now.cascades, lambda: emptied(throw_away), FORM)
        wrong = {}
        for about, value in found.items():
            if isinstance(value, str):
                reasons[value] = reasons.get(value, 0) + 1
                continue
            carried, kept = carried + value.through_log, kept + (not value.through_log)
            if value.counted != now.values[about]:
                wrong[about] = (value, now.values[about])
        keyless = [
            each for each in now.tables if not each.keyed and getattr(found[f"{each.schema}.{each.name}"], "through_log", False)
        ]
        print(f"{len(keyless)} without a key and {carried - len(keyless)} with one carried, {kept} kept, scanned: {reasons}")
        assert not wrong
        assert found.keys() == now.values.keys()
        # Most of what could change was carried: else nothing of this would have been tried.
        assert carried > HISTORIES / 2
        assert len(keyless) > HISTORIES / 10
        assert not [reason for reason in reasons if reason.startswith("the throw-away server")]
    finally:
        for each in histories:
            source.sql(f"DROP DATABASE IF EXISTS {each.database}")
