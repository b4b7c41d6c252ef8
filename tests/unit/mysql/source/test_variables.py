"""Every variable of a server is carried to its copies or has a reason not to be; one that is in neither table is carried and named."""

import re
import string
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backups.services.mysql.source import variables
from backups.services.mysql.source.variables import CARRIED, NOT_CARRIED, copy_value, reason, sort_out

CARRIED_NAMES = [name for names in CARRIED.values() for name in names.split()]
BUILT = frozenset({"innodb_ft_min_token_size", "max_connections", "sql_mode"})


def test_no_variable_is_in_both_tables_or_twice() -> None:
    """One table for each."""
    patterns = [pattern for names in NOT_CARRIED.values() for pattern in names.split()]
    assert len(CARRIED_NAMES) == len(set(CARRIED_NAMES))
    assert len(patterns) == len(set(patterns))
    assert not [name for name in CARRIED_NAMES if any(fnmatchcase(name, pattern) for pattern in patterns)]
    # A family is known by how it begins.
    assert [pattern for pattern in patterns if not re.fullmatch(r"[\w.]+\*?", pattern)] == []


def test_a_variable_belongs_to_its_own_name_before_its_family_and_to_the_longest_of_its_families() -> None:
    written = {name: why for why, names in NOT_CARRIED.items() for name in names.split()}
    overlapping = 0
    for pattern, why in written.items():
        assert variables.reason(pattern.replace("*", "")) == why
        if pattern.endswith("*"):
            within = max((each for each in written if fnmatchcase(f"{pattern[:-1]}quux", each)), key=len)
            assert variables.reason(f"{pattern[:-1]}quux") == written[within] == why
        overlapping += sum(fnmatchcase(pattern, each) for each in written) > 1
    assert overlapping > 3


def test_an_invented_variable_is_carried_and_named() -> None:
    """A later server's: nobody can know whether its log depends on it."""
    found = sort_out({"innodb_ft_stemming": "GERMAN", "quux.rounding_mode": "2"}, BUILT)
    assert found.unknown == {"innodb_ft_stemming": "GERMAN", "quux.rounding_mode": "2"}
    assert (found.carried, found.others, found.withheld) == ({}, {}, ())


def test_an_unknown_variable_that_nobody_has_set_is_left_alone() -> None:
    """A copy is a server of the same version: it has it by itself."""
    found = sort_out({"innodb_ft_stemming": "NONE"}, frozenset({"innodb_ft_stemming"}))
    assert (found.unknown, found.withheld) == ({}, ())


def test_where_the_server_does_not_say_who_set_what_every_unknown_one_is_carried() -> None:
    """The table of origins may not be ours to read."""
    found = sort_out({"innodb_ft_stemming": "NONE", "ngram_token_size": "1", "max_connections": "9"}, None)
    assert found.unknown == {"innodb_ft_stemming": "NONE"}
    assert found.changed == ("ngram_token_size",)
    assert found.others == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("quux_password", "hunter2"),
        ("quux.api_secret", "hunter2"),
        ("quux_token", "hunter2"),
        ("quux_auth", "hunter2"),
        ("quux_ssl_cert", "cert.pem"),
        ("quux.tls", "required"),
        ("quux_log", "ON"),
        ("quux_file", "b1n"),
        ("quux_dir", "b1n"),
        ("quux_port", "3307"),
        ("quux_address", "10.0.0.1"),
        ("quux_replica_mode", "1"),
        ("quux_pool_size", "64G"),
        ("quux_memory_limit", "64G"),
        ("quux_place", "/srv/quux"),
        ("quux_place", "user:word@host"),
        ("quux_words", "a" * 300),
        ("quux_words", "two\nlines"),
    ],
)
def test_what_may_be_a_secret_or_bind_a_copy_to_a_machine_is_named_but_not_carried(name: str, value: str) -> None:
    """Its value is kept nowhere."""
    found = sort_out({name: value}, BUILT)
    assert (found.unknown, found.withheld) == ({}, (name,))
    assert value not in repr(found).replace(name, "")


@given(st.text(string.ascii_lowercase + "_", min_size=3), st.text(string.printable))
def test_no_set_variable_goes_unseen(name: str, value: str) -> None:
    """By property: known, carried, or named."""
    found = sort_out({name: value}, frozenset())
    assert not value or reason(name) is not None or name in found.unknown or name in found.withheld
    assert not (name in found.unknown and name in found.withheld)


def test_known_ones_are_carried_as_they_are_and_named_where_they_are_set() -> None:
    """A delivery names what differs from a new server, and what data directories are made with."""
    found = sort_out(
        {
            "innodb_ft_min_token_size": "3",
            "ngram_token_size": "1",
            "innodb_page_size": "16384",
            "innodb_ft_server_stopword_table": "",
        },
        BUILT | {"innodb_page_size"},
    )
    assert found.carried == {"innodb_ft_min_token_size": "3", "ngram_token_size": "1", "innodb_page_size": "16384"}
    assert found.changed == ("ngram_token_size", "innodb_page_size")


@pytest.mark.parametrize(
    ("name", "value", "seen"),
    [("lc_time_names", "fr_FR", True), ("lc_time_names", "en_US", False), ("time_zone", "+01:00", True)],
)
def test_what_the_server_does_not_know_to_be_set_is_told_by_its_value(name: str, value: str, seen: bool) -> None:
    """Measured on 9.7: after --lc-time-names=fr_FR it says COMPILED."""
    found = sort_out({name: value}, frozenset({name}))
    assert (name in (*found.changed, *found.others)) == seen


def test_other_settings_are_for_the_operator_and_hold_no_secret() -> None:
    """What no copy needs, but whoever runs the server again."""
    found = sort_out(
        {
            "sql_mode": "ANSI",
            "max_connections": "151",
            "wait_timeout": "5",
            "report_password": "hunter2",
            "init_connect": "SET @key = 'hunter2'",
            "ssl_key": "server-key.pem",
            "datadir": "/var/lib/mysql/",
            "log_error": "stderr",
            "hostname": "db1",
        },
        frozenset({"max_connections"}),
    )
    assert found.others == {"sql_mode": "ANSI", "wait_timeout": "5"}
    assert "hunter2" not in repr(found)
    assert (found.unknown, found.withheld) == ({}, ())


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("ibdata1:12M:autoextend", "ibdata1:12M:autoextend"),
        ("/ibd/ibdata1:12M;/ibd/ibdata2:12M:autoextend", "ibdata1:12M;ibdata2:12M:autoextend"),
        ("/a/b/one:10M;two:50M:autoextend:max:500M", "one:10M;two:50M:autoextend:max:500M"),
        ("sub/ibdata1:12M", "ibdata1:12M"),
    ],
)
def test_the_system_tablespace_of_a_copy_is_in_its_data_directory(value: str, wanted: str) -> None:
    """Wherever the source has it: CLONE puts the files there under their own names."""
    assert copy_value("innodb_data_file_path", value) == wanted
    assert sort_out({"innodb_data_file_path": value}, frozenset()).carried == {"innodb_data_file_path": wanted}


def test_every_reason_is_a_sentence_and_every_name_a_variable() -> None:
    """Both tables are read by people."""
    for why, names in {**CARRIED, **NOT_CARRIED}.items():
        assert len(why) > 20
        assert all(set(name) <= set(string.ascii_lowercase + string.digits + "_.*") for name in names.split()), why
