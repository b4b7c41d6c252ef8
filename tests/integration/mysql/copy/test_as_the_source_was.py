"""A copy is started as its source was: settings, system tablespace, time zone, plugins; or it could not replay the source's log."""

from dataclasses import replace
from pathlib import Path

import pytest

from backups.errors import ChainBroken
from backups.services.base import Fetched
from backups.services.mysql.source import command_line, connection, source
from backups.services.mysql.source.variables import reason
from tests.servers.mysql import MySQLServer, StartMySQL
from tests.servers.mysql_chain import Chain, StartChain
from tests.servers.mysql_operator import Operator

# The zone of New York, as its rules are today: the image has no zoneinfo.
ZONE = "EST5EDT,M3.2.0,M11.1.0"
OUTSIDE = "/tmp/ibd"
ODD = (
    "--innodb-data-home-dir=",
    f"--innodb-data-file-path={OUTSIDE}/ibdata1:12M;{OUTSIDE}/ibdata2:12M:autoextend",
    "--innodb-strict-mode=OFF",
    "--restrict-fk-on-non-standard-key=OFF",
    "--innodb-default-row-format=COMPACT",
    "--max-heap-table-size=256M",
    "--tmp-table-size=32M",
    "--innodb-ft-min-token-size=1",
    "--innodb-ft-max-token-size=80",
    "--innodb-ft-enable-stopword=OFF",
    "--ngram-token-size=1",
    '--ft-boolean-syntax= |-><()~*:""&^',
    "--block-encryption-mode=aes-256-cbc",
    "--div-precision-increment=10",
    "--default-week-format=3",
    "--group-concat-max-len=2048",
    "--innodb-autoinc-lock-mode=1",
    "--lc-time-names=fr_FR",
    "--max-sort-length=2048",
    "--max-points-in-geometry=1000",
    "--regexp-time-limit=64",
    "--thread-stack=2M",
    "--windowing-use-high-precision=OFF",
    "--default-tmp-storage-engine=MyISAM",
    "--character-set-filesystem=utf8mb4",
    # Of no copy's concern: for the operator.
    "--max-connections=321",
    "--event-scheduler=OFF",
    # A plugin that no table knows, with a setting of its own.
    "--plugin-load-add=simple_parser=mypluglib.so",
    "--simple-parser-simple-sysvar-two=42",
)
BEFORE = (
    "CREATE DATABASE agama",
    "CREATE TABLE agama.placed (id INT PRIMARY KEY, at DATETIME)",
    "INSERT INTO agama.placed VALUES (1, '2026-01-01 00:30:00'), (2, '2026-07-01 12:00:00'), (3, '1999-12-24 18:00:00')",
    "CREATE TABLE agama.words (id INT PRIMARY KEY, t VARCHAR(200), c VARCHAR(200))",
    "INSERT INTO agama.words VALUES (1, 'XL tv', '高い山')",
    "CREATE TABLE agama.shared (a DECIMAL(10,2), b DECIMAL(10,2))",
    "INSERT INTO agama.shared VALUES (1, 3)",
)
WIDE = f"CREATE TABLE agama.wide (id INT PRIMARY KEY, {', '.join(f'c{n} TEXT' for n in range(11))}) ROW_FORMAT=COMPACT"
LATER = (
    WIDE,
    "CREATE TABLE agama.parents (id INT PRIMARY KEY, code INT, KEY (code))",
    "CREATE TABLE agama.children (id INT PRIMARY KEY, code INT, FOREIGN KEY (code) REFERENCES agama.parents (code))",
    "INSERT INTO agama.wide (id, c0) VALUES (1, 'wide')",
    # 48 MB in memory, little in the log: rows of this engine have their full width.
    "CREATE TABLE agama.stage (id INT PRIMARY KEY, t CHAR(255) CHARACTER SET latin1, "
    + ", ".join(f"t{n} CHAR(255) CHARACTER SET latin1" for n in range(62))
    + ") ENGINE=MEMORY",
    "SET SESSION cte_max_recursion_depth = 5000",
    "INSERT INTO agama.stage (id) WITH RECURSIVE n AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM n WHERE n < 3000) SELECT n FROM n",
    "CREATE TABLE agama.counted AS SELECT COUNT(*) AS n FROM agama.stage",
    "DROP TABLE agama.stage",
    "INSERT INTO agama.words VALUES (2, 'to be M', '東京'), (3, 'R', 'x'), (4, 'the', 'y')",
    "ALTER TABLE agama.words ADD FULLTEXT (t)",
    "ALTER TABLE agama.words ADD FULLTEXT (c) WITH PARSER ngram",
    "INSERT INTO agama.words VALUES (5, 'to go', '京')",
    "ALTER TABLE agama.placed MODIFY at TIMESTAMP NULL",
    "ALTER TABLE agama.placed ADD COLUMN due TIMESTAMP NOT NULL DEFAULT '2026-07-04 12:00:00'",
    "ALTER TABLE agama.shared ADD COLUMN text VARCHAR(60) AS (CONCAT(a / b)) STORED",
    "SET NAMES binary",
    "CREATE EVENT agama.of_binary ON SCHEDULE EVERY 1 DAY DO SELECT 1",
    "SET NAMES utf8mb4",
    "SET character_set_client = eucjpms",
    "CREATE EVENT agama.of_eucjpms ON SCHEDULE EVERY 1 DAY DO SELECT 1",
    "SET character_set_client = swe7",
    "CREATE EVENT agama.of_swe7 ON SCHEDULE EVERY 1 DAY DO SELECT 1",
    "SET NAMES utf8mb4",
    "INSTALL COMPONENT 'file://component_validate_password'",
    "INSTALL PLUGIN auth_socket SONAME 'auth_socket.so'",
    "CREATE USER sock@localhost IDENTIFIED WITH auth_socket",
    "CREATE USER app@'%' IDENTIFIED BY 'App''s-0wn'",
    "GRANT ALL ON *.* TO app@'%'",
)
ASKED = {"XL": [1], "tv": [1], "to": [2, 5], "M": [2], "R": [3], "the": [4], "go": [5]}
"""What a full-text search finds at the source: one-letter words, and what others leave out."""
ASKED_OF_PIECES = {"山": [1], "京": [2, 5]}


@pytest.fixture
def odd(start_mysql: StartMySQL) -> MySQLServer:
    """A server with settings that nobody else has, its system tablespace beside its data directory."""
    moved = f"mkdir {OUTSIDE} && mv /var/lib/mysql/ibdata1 {OUTSIDE}/; export TZ='{ZONE}'"
    return start_mysql(*ODD, before=moved)


def _answers(asked: "dict[str, list[int]]", column: str) -> "dict[str, str]":
    return {word: f"SELECT id FROM agama.words WHERE MATCH({column}) AGAINST('{word}') ORDER BY id" for word in asked}


def test_an_odd_source_comes_back_by_its_log(
    odd: MySQLServer, start_chain: StartChain, operator: Operator, tmp_path: Path
) -> None:
    """One full, one incremental with all that only this source takes; a drill, a delivery, and single tables as files."""
    odd.sql(*BEFORE)
    chain = start_chain(odd)
    chain.backup()
    odd.sql(*LATER)
    manifest = chain.backup()
    assert manifest.kind == "incremental"
    for column, wanted in (("t", ASKED), ("c", ASKED_OF_PIECES)):
        for word, statement in _answers(wanted, column).items():
            assert [row[0] for row in odd.rows(statement)] == wanted[word], word

    drill = chain.restore().bring_back()
    assert drill.differences() == []
    _require_settings(odd, chain, dict(drill.sql("SHOW GLOBAL VARIABLES")))  # type: ignore[arg-type]
    events = drill.sql("SELECT event_name, status, character_set_client FROM information_schema.events ORDER BY 1")
    assert events == [(f"of_{name}", "ENABLED", name) for name in ("binary", "eucjpms", "swe7")]
    _require_tables_load_anywhere(drill.copy.export(["agama.wide", "agama.children", "agama.parents"], tmp_path / "tables"), odd)

    def with_a_setting_that_stops_a_server(backups: list[Fetched]) -> None:
        last = backups[-1].manifest
        details = {**last.details, "unknown": {"concurrent_insert": "no such value"}}
        backups[-1] = replace(backups[-1], manifest=last.model_copy(update={"details": details}))

    # It is on the lists of this series' settings; of a later one's, which are not, nobody has a server.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command_line, "require", lambda *_: None)
        restored = chain.restore(for_restore=True, damage=with_a_setting_that_stops_a_server).bring_back()
    assert restored.differences() == []
    delivery = restored.copy.settle()
    notes = "\n".join(delivery.notes)
    assert "did not start with settings that Lifeboat does not know: concurrent_insert" in notes
    assert "innodb_ft_min_token_size=1 " in notes
    assert "max_connections=321" in notes
    assert "simple_parser_simple_sysvar_two=42" in notes
    assert "the source's machine was -5 h and -4 h from UTC" in notes
    assert "--innodb_data_file_path=ibdata1:12M;ibdata2:12M:autoextend" in delivery.options
    assert OUTSIDE not in notes + str(delivery.options)
    operated = operator.start(restored, delivery, *delivery.options, "--event-scheduler=OFF")
    for column, wanted in (("t", ASKED), ("c", ASKED_OF_PIECES)):
        for word, statement in _answers(wanted, column).items():
            assert [row[0] for row in operated.rows(statement, password="App's-0wn")] == wanted[word], word
    assert operated.rows("SELECT component_urn FROM mysql.component", password="App's-0wn") == [
        ("file://component_validate_password",)
    ]
    active = operated.rows(
        "SELECT plugin_status FROM information_schema.plugins WHERE plugin_name = 'auth_socket'", password="App's-0wn"
    )
    assert active == [("ACTIVE",)]

    odd.sql("SET GLOBAL default_week_format = 5")
    with pytest.raises(ChainBroken, match="default_week_format was 3 and is 5: one log cannot be replayed under both"):
        chain.backup()


def _require_settings(odd: MySQLServer, chain: Chain, of_copy: dict[str, str]) -> None:
    """Every variable of the manifest has the source's value on the copy, unknown ones too."""
    details = chain.details()
    assert details.changed is not None
    at_source = dict(odd.rows("SHOW GLOBAL VARIABLES"))
    assert details.unknown == {"simple_parser_simple_sysvar_two": "42"}
    assert "simple_parser_simple_sysvar_two=42" in "; ".join(details.limits)
    outside = {"innodb_data_file_path"}
    wanted = {name: at_source[name] for name in (*details.variables, *details.unknown) if name not in outside}
    assert {name: of_copy[name] for name in wanted} == wanted
    set_here = {option[2:].partition("=")[0].replace("-", "_") for option in ODD} & details.variables.keys()
    assert len(set_here) > 15
    assert set_here <= set(details.changed)
    assert details.variables["innodb_data_file_path"] == "ibdata1:12M;ibdata2:12M:autoextend"


def _require_tables_load_anywhere(files: list[Path], server: MySQLServer) -> None:
    """A server with the default settings takes the files; only those that need it relax anything."""
    server.sql(
        "SET GLOBAL innodb_strict_mode = ON",
        "SET GLOBAL restrict_fk_on_non_standard_key = ON",
        "SET sql_log_bin = 0",
        "CREATE DATABASE loaded",
    )
    for file in sorted(files, key=lambda file: "children" in file.name):
        text = file.read_text()
        assert ("innodb_strict_mode" in text) == ("wide" in file.name)
        assert ("restrict_fk" in text) == ("children" in file.name)
        (server.directory / "loading.sql").write_text(text)
        command = "mysql --socket=/var/lib/mysql/mysqld.sock -uroot loaded < /var/lib/mysql/loading.sql >/var/lib/mysql/said 2>&1"
        assert server.container.execute(["sh", "-ec", command]) == 0, (server.directory / "said").read_text()
    assert server.value("SELECT c0 FROM loaded.wide") == "wide"


def test_every_variable_of_a_server_is_carried_or_has_a_reason_not_to_be(mysql_server: MySQLServer) -> None:
    """A variable in neither table (a later server's) is for somebody to decide on: could a log, or data files, depend on it?"""
    with connection.connect(mysql_server.settings()) as session:
        seen = source.inspect(session)
    assert len(seen.variables) > 550
    assert [name for name in seen.variables if reason(name) is None] == []
    found = seen.sorted_variables
    assert (found.unknown, found.withheld) == ({}, ())
    assert seen.as_built is not None
    assert "innodb_ft_min_token_size" in seen.as_built
    assert "sync_binlog" not in seen.as_built
