"""What a manifest says of a server's command line is a closed list: whatever else stands there is Damaged, and named."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backups.errors import Damaged
from backups.services.mysql.details import MySQLDetails
from backups.services.mysql.dump_details import DumpDetails
from backups.services.mysql.source import command_line
from backups.services.mysql.source.variables import CARRIED

OPTIONS = (Path(__file__).parent / "mysqld-9.7-options.txt").read_text(encoding="utf-8").split()
"""Every option and variable of `mysqld --verbose --help`, MySQL 9.7."""
CARRIED_NAMES = {name for names in CARRIED.values() for name in names.split()}
OWN: dict[str, Any] = {
    "server_uuid": "u",
    "gtid": True,
    "start": {"file": "binlog.000001", "offset": 0},
    "end": {"file": "binlog.000001", "offset": 157, "gtid_executed": ""},
    "log_created": 1,
    "segments": [],
    "variables": {
        "innodb_page_size": "16384",
        "innodb_data_file_path": "ibdata1:12M;ibdata2:12M:autoextend",
        "ft_boolean_syntax": "+ -><()~*:\"\"&|",
        "innodb_ft_user_stopword_table": "größen/wörter",
        "block_encryption_mode": "aes-128-ecb",
        "histogram_generation_max_mem_size": "20000000",
    },
    "others": {"sql_mode": "ANSI,STRICT_TRANS_TABLES", "optimizer_switch": "index_merge=on,mrr=off"},
    "unknown": {"innodb_ft_stemming": "GERMAN", "quux.rounding_mode": "2", "simple_parser_simple_sysvar_two": "42"},
    "changed": ["innodb_page_size"],
    "plugins": ["auth_socket.so", "component_reference_cache.so", "ha-x.1.so"],
    "installed": {"plugins": {"clone": "mysql_clone.so"}, "components": ["file://component_validate_password"]},
    "zone": [(0, -18000), (1772953200, -14400)],
    "system_offset": -14400,
    "lock_seconds": 0.1,
    "lock_attempts": 1,
}  # fmt: skip
DUMP: dict[str, Any] = {
    "mariadb": True,
    "server_uuid": "u",
    "position": None,
    "stages": [["schema.sql"], ["data-1.sql", "exact-2.sql"]],
    "variables": {"innodb_page_size": "16384", "innodb_data_file_path": "ibdata1:12M:autoextend"},
    "plugins": ["auth_socket.so"],
    "lock": "global",
    "lock_seconds": 0.1,
    "lock_attempts": 1,
}


def details(**changes: object) -> MySQLDetails:
    return MySQLDetails.model_validate({**OWN, **changes})


def dump(**changes: object) -> DumpDetails:
    return DumpDetails.model_validate({**DUMP, **changes})


def faults(of: MySQLDetails | DumpDetails) -> list[str]:
    return list(command_line.faults(of))


def refused(of: MySQLDetails, title: str, names: Iterable[str]) -> set[str]:
    """Which of the names, each set to 1 in that part of the details, are told: each by itself, in a line of its own."""
    lines = faults(of)
    said = set(lines)
    told = {name for name in names if f"{title}: {name!r} set to '1'" in said}
    assert len(told) == len(lines)
    return told


def test_what_lifeboat_writes_is_accepted() -> None:
    assert faults(details()) == []
    assert faults(dump()) == []
    command_line.require(details(), "agama-1")
    command_line.require_own(dump())


ODD = {"ft_boolean_syntax", "innodb_ft_server_stopword_table", "innodb_ft_user_stopword_table"}
"""Their values are neither a word nor a number."""


@pytest.mark.parametrize("spelled", [str, lambda name: name.replace("_", "-"), str.upper])
def test_of_all_options_of_a_server_only_those_on_the_list_pass(spelled: Any) -> None:
    """The whole of `--verbose --help`; as a server's variables are written, and as its command line takes them too."""
    names = {spelled(name) for name in OPTIONS}
    passed = names - refused(details(variables=dict.fromkeys(names, "1"), changed=()), "variables", names)
    assert passed == {name for name in CARRIED_NAMES - ODD if name in OPTIONS and spelled(name) == name}
    assert len(OPTIONS) > 700


@pytest.mark.parametrize("modifier", ["", "loose_", "skip_", "enable_", "maximum_", "loose-", "_"])
def test_no_option_of_a_server_passes_as_an_unknown_variable(modifier: str) -> None:
    """Nor its beginning, which a server may take for the whole, nor with a modifier before it."""
    names = {modifier + part for name in OPTIONS for part in (name, name.replace("_", "-"), name[:-1], name[: len(name) // 2])}
    names -= {""}
    assert refused(details(unknown=dict.fromkeys(names, "1")), "unknown", names) == names


@pytest.mark.parametrize("where", ["others", "unknown", "variables"])
@pytest.mark.parametrize(
    "name",
    ["plugin-dir", "plugin_dir", "plugin_load_add", "plugin-load", "init_file", "secure_file_priv", "socket", "datadir", "log_error",
     "general_log_file", "user", "skip_grant_tables", "plugin_loa", "loose_plugin_dir", "basedir", "tmpdir", "pid_file", ""],
)  # fmt: skip
def test_what_decides_what_a_server_loads_and_writes_never_passes(where: str, name: str) -> None:
    assert len(faults(details(**{where: {name: "evil"}}, changed=()))) == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"variables": {"innodb_page_size": "16384 --plugin-dir=/evil"}, "changed": ()}, "innodb_page_size"),
        ({"variables": {"innodb_page_size": "1\n2"}, "changed": ()}, "innodb_page_size"),
        ({"variables": {"innodb_ft_user_stopword_table": "../../x"}, "changed": ()}, "stopword"),
        ({"variables": {"ft_boolean_syntax": "x"}, "changed": ()}, "ft_boolean_syntax"),
        ({"unknown": {"quux_mode": "/evil"}}, "quux_mode"),
        ({"changed": ["tmp_table_size"]}, "changed: 'tmp_table_size'"),
        ({"plugins": ["/lifeboat/evil.so"]}, "plugins: '/lifeboat/evil.so'"),
        ({"plugins": ["a.so;b.so"]}, "plugins"),
        ({"plugins": ["x=evil.so"]}, "plugins"),
        ({"plugins": ["../evil.so"]}, "plugins"),
        ({"plugins": ["evil.so\n"]}, "plugins"),
        ({"installed": {"plugins": {"x": "../evil.so"}, "components": []}}, "installed plugins"),
        ({"installed": {"plugins": {}, "components": ["file:///lifeboat/evil"]}}, "installed components"),
        ({"installed": {"plugins": {}, "components": ["http://evil"]}}, "installed components"),
        ({"system_offset": 10**12}, "time zone"),
        ({"zone": [(0, 10**12)]}, "time zone"),
        ({"zone": [(10**30, 0)]}, "time zone"),
    ],
)
def test_forged_details_are_damaged_and_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(Damaged, match=said):
        command_line.require(details(**changes), "agama-1")


@pytest.mark.parametrize(
    "changes",
    [
        {"variables": {"plugin_dir": "/evil"}},
        # A script of MariaDB's hands them on without quoting.
        {"variables": {"character_set_server": "utf8 --plugin-load-add=evil.so"}},
        {"variables": {"innodb_data_file_path": "a b:12M"}},
        {"plugins": ["../evil.so"]},
    ],
)
def test_a_forged_dump_is_damaged_too(changes: dict[str, Any]) -> None:
    with pytest.raises(Damaged, match="would have a server started with what no backup of Lifeboat says"):
        command_line.require(dump(**changes), "agama-1")


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_passes_is_one_word_of_a_command_line(name: str, value: str) -> None:
    """By property: a name that is no listed variable passes nowhere but as an unknown one, and never with a path."""
    for where in ("variables", "others", "unknown"):
        if not faults(details(**{where: {name: value}}, changed=())):
            assert name.replace("_", "").replace(".", "").isalnum()
            assert where == "variables" or "/" not in value
            assert value.isprintable()
