"""The settings in force: which file counts, what the environment overrides, what expanders bring in, and what is kept of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from backups.errors import LifeboatError
from backups.services.grafana.files import answers, configuration, in_force, objects, outside, secrets
from backups.services.grafana.files.database import opened
from backups.services.grafana.files.in_force import Outside, Setting
from deployments.grafana_standin.database import build

KEY = ("security", "secret_key")


def files(**held: str) -> Callable[[str], bytes]:
    """A machine that holds these files below /run."""

    def read(path: str) -> bytes:
        name = path.removeprefix("/run/")
        if name not in held:
            raise LifeboatError(f"{name} of local:/run is no file", hint="is its path right?")
        return held[name].encode()

    return read


def key(config: Path, text: str, beyond: Outside | None = None) -> Setting | None:
    (config / "grafana.ini").write_text(f"[security]\nsecret_key = {text}\n")
    return in_force.read(config, beyond).setting(*KEY)


@pytest.mark.parametrize(
    ("text", "value", "from_outside"),
    [
        ("$ecret", "$ecret", False),
        ("a$b{c}", "a$b{c}", False),
        ("${MINE}", "m", True),
        ("a${MINE}b", "amb", True),
        ("$__env{MINE}", "m", True),
        ("${MINE}${MINE}", "mm", True),
        ("${UNSET}", "", True),
        ("x${UNSET}", "x", True),
        ("$__file{/run/key}", "of the file", True),
        ("a$__file{/run/key}b", "aof the fileb", True),
        ("${POINTS}", "of the file", True),
        ("%(admin_user)s", "%(admin_user)s", None),
    ],
)
def test_expanders_are_filled_in(tmp_path: Path, text: str, value: str, from_outside: bool | None) -> None:
    variables = {"MINE": "m", "NAME": "key", "POINTS": "$__file{/run/key}"}
    found = key(tmp_path, text, Outside(variables, files(key="  of the file\n")))

    assert found is not None
    if from_outside is None:
        assert (found.readings, "no key admin_user" in found.unknown) == ((), True)
    else:
        assert (found.readings, found.outside) == ((value,), from_outside)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("${MINE}", "the variable MINE of Grafana's environment, which Lifeboat does not see"),
        ("$__env{MINE}", "the variable MINE of Grafana's environment"),
        ("$__file{/run/key}", "the file /run/key, which is not in the configuration's directory"),
        ("$__vault{a/b:c}", "only Grafana can read"),
    ],
)
def test_what_nobody_can_see_is_not_known(tmp_path: Path, text: str, why: str) -> None:
    found = key(tmp_path, text)

    assert found is not None
    assert found.readings == ()
    assert why in found.unknown
    assert secrets.keys(in_force.read(tmp_path)) == ()


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    found = key(tmp_path, "$__file{/run/other}", Outside({}, files(key="x")))

    assert found is not None
    assert found.unknown == "it comes from the file /run/other, which cannot be read: other of local:/run is no file"


def test_the_environment_comes_before_the_file(tmp_path: Path) -> None:
    assert key(tmp_path, "a", Outside({"GF_SECURITY_SECRET_KEY": "b"})) == Setting(
        ("b",), "GF_SECURITY_SECRET_KEY of the environment", outside=True
    )
    assert key(tmp_path, "a", Outside({"GF_SECURITY_SECRET_KEY": ""})) == Setting(
        ("a",), "[security] secret_key of the configuration"
    )
    of_a_file = key(tmp_path, "a", Outside({"GF_SECURITY_SECRET_KEY__FILE": "/run/key"}, files(key="c\n")))
    assert of_a_file is not None
    assert (of_a_file.readings, of_a_file.path, of_a_file.outside) == (("c",), "/run/key", True)


def test_a_variable_sets_what_no_file_sets(tmp_path: Path) -> None:
    found = in_force.read(
        tmp_path, Outside({"GF_UNIFIED_STORAGE_DASHBOARDS_APP_DUALWRITERMODE": "5", "GF_SECURITY_SECRET_KEY": "b"})
    )

    assert secrets.keys(found) == ("b",)
    assert KEY in configuration.kept(found)


@pytest.mark.parametrize(
    ("held", "value"),
    [
        ({"grafana.ini": "g", "sample.ini": "s", "defaults.ini": "d"}, "g"),
        ({"custom.ini": "c", "defaults.ini": "d"}, "c"),
        ({"grafana.ini": "g", "custom.ini": "c"}, "g"),
        ({"grafana.ini": "", "defaults.ini": "d"}, "d"),
        ({"defaults.ini": "d"}, "d"),
        ({"sample.ini": "s", "provisioning/x.ini": "x"}, secrets.DEFAULT_KEY),
        ({}, secrets.DEFAULT_KEY),
    ],
)
def test_the_file_that_grafana_reads_counts(tmp_path: Path, held: dict[str, str], value: str) -> None:
    for name, text in held.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"[security]\nsecret_key = {text}\n")

    assert secrets.keys(in_force.read(tmp_path)) == (value,)


def test_the_file_that_the_environment_names_counts(tmp_path: Path) -> None:
    (tmp_path / "grafana.ini").write_text("[security]\nsecret_key = g\n")
    (tmp_path / "mine.ini").write_text("[security]\nsecret_key = m\n")

    assert secrets.keys(in_force.read(tmp_path, Outside({"GF_PATHS_CONFIG": "/etc/grafana/mine.ini"}))) == ("m",)


def test_a_file_that_grafana_would_refuse_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "grafana.ini").write_text("[security\n")
    found = in_force.read(tmp_path)

    assert found.setting(*KEY) == Setting(unknown="grafana.ini cannot be read: line 1: the section is not closed")
    assert secrets.keys(found) == ()


def test_two_readings_are_kept_apart(tmp_path: Path) -> None:
    """The right one is that which opens the secrets, and the copy gets it."""
    build(tmp_path / "grafana.db", layout="resource", secret_key='"a')
    (tmp_path / "grafana.ini").write_text('[security]\nsecret_key = "a;b"\n')
    found = in_force.read(tmp_path)
    with opened(tmp_path / "grafana.db") as database:
        judged = secrets.judge(database, secrets.keys(found))
        (tmp_path / "copy").mkdir()
        configuration.write_configuration(tmp_path / "copy", found, database)

    assert secrets.keys(found) == ("a;b", '"a')
    assert (judged.closed, judged.key) == ((), '"a')
    assert secrets.keys(_of_copy(tmp_path / "copy")) == ('"a',)


@pytest.mark.parametrize(
    "text",
    ["$__file{/run/key}", "${MINE}", "$__vault{a}", "%(nowhere)s", "a$__env{MINE}b"],
    ids=["file", "variable", "vault", "key", "within"],
)
def test_the_copy_gets_no_foreign_expander(tmp_path: Path, text: str) -> None:
    """Its server would end at its start, or read another's environment."""
    (tmp_path / "grafana.ini").write_text(f"[security]\nsecret_key = {text}\n[feature_toggles]\nenable = {text}\nother = on\n")
    build(tmp_path / "grafana.db", layout="resource")
    (tmp_path / "copy").mkdir()
    with opened(tmp_path / "grafana.db") as database:
        configuration.write_configuration(tmp_path / "copy", in_force.read(tmp_path), database)

    written = (tmp_path / "copy" / "lifeboat.ini").read_text()
    assert written == '[feature_toggles]\nother = """on"""\n'


def test_nothing_of_the_source_becomes_a_line_of_the_copy(tmp_path: Path) -> None:
    """Names and values of many lines, as somebody might forge them."""
    (tmp_path / "grafana.ini").write_text(
        '[unified_storage]\n[server]\n"""a\n[feature_toggles]\nenable = """x\n[server]\nprotocol = https\n"""\n`b]c` = 1\n'.replace(
            '"""a\n', ""
        )
    )
    build(tmp_path / "grafana.db", layout="resource")
    (tmp_path / "copy").mkdir()
    with opened(tmp_path / "grafana.db") as database:
        configuration.write_configuration(tmp_path / "copy", in_force.read(tmp_path), database)

    settings = _of_copy(tmp_path / "copy").readings[0]
    assert settings == {("feature_toggles", "enable"): "x\n[server]\nprotocol = https\n"}


def test_what_came_from_outside_is_kept_in_the_backup(tmp_path: Path) -> None:
    variables = {"GF_FEATURE_TOGGLES_ENABLE": "ssoSettingsApi", "GF_UNIFIED_ALERTING_ENABLED": "false"}
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "grafana.ini").write_text("[security]\nsecret_key = $__file{/run/key}\n[feature_toggles]\nenable =\n")
    found = in_force.read(tmp_path / "config", Outside(variables, files(key="mine\n")))

    outside.note(found, configuration.kept(found), tmp_path, opens=True)

    assert (tmp_path / outside.NOTED).stat().st_mode & 0o777 == 0o600
    again = in_force.read(tmp_path / "config", known=outside.noted(tmp_path))
    assert secrets.keys(again) == ("mine",)
    assert (again.setting(*KEY) or Setting()).path == "/run/key"
    assert (again.setting("unified_alerting", "enabled") or Setting()).readings == ("false",)


def test_what_a_named_file_holds_is_kept_only_as_a_key_that_opens(tmp_path: Path) -> None:
    """A grafana.ini may name any file of the machine; its content goes nowhere unless it was seen to be the key."""
    (tmp_path / "grafana.ini").write_text(
        "[security]\nsecret_key = $__file{/run/shadow}\n[feature_toggles]\nenable = $__file{/run/shadow}\n"
    )
    found = in_force.read(tmp_path, Outside({}, files(shadow="root:secret")))

    outside.note(found, configuration.kept(found), tmp_path, opens=False)

    assert not (tmp_path / outside.NOTED).exists()
    outside.note(found, configuration.kept(found), tmp_path, opens=True)
    assert list(outside.noted(tmp_path)) == [KEY]


def test_a_note_that_is_damaged_is_no_key(tmp_path: Path) -> None:
    for text in ("", "{}", "[1]", '[["a"]]', "[[1, 2, 3, 4, 5]]", "null"):
        (tmp_path / outside.NOTED).write_text(text)
        assert outside.noted(tmp_path) == {}


def _of_copy(directory: Path) -> in_force.InForce:
    (directory / "grafana.ini").write_bytes((directory / "lifeboat.ini").read_bytes())
    return in_force.read(directory)


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("enabled = false", {1, 2, 3}),
        ("enabled = off", {1, 2, 3}),
        ("enabled = true", set()),
        ("enabled =", set()),
        ("", set()),
        ("disabled_orgs = 2, 7", {2}),
        ("disabled_orgs = 1,3", {1, 3}),
        ("disabled_orgs = 2 3", {2, 3}),
        ("enabled = ${UNKNOWN}", set()),
    ],
)
def test_organisations_without_alerting(tmp_path: Path, text: str, without: set[int]) -> None:
    (tmp_path / "grafana.ini").write_text(f"[unified_alerting]\n{text}\n")

    assert answers.without_alerting(in_force.read(tmp_path), (1, 2, 3)) == without


def test_nothing_of_alerting_is_expected_where_it_is_off(tmp_path: Path) -> None:
    build(tmp_path / "grafana.db", layout="resource")
    with opened(tmp_path / "grafana.db") as database:
        found = objects.read(database)
        both, one, none = (
            {(fact.subject.partition(" ")[2].split(" ")[0], fact.metric) for fact in answers.expected(database, found, silent)}
            for silent in ({}, {1}, {1, 2})
        )

    rules = ("definition over http", "type over http")
    assert {metric for organisation, metric in both if organisation == "1"} >= set(rules)
    assert not any(metric in rules for organisation, metric in one if organisation == "1")
    assert not any(metric in rules for _, metric in none)
