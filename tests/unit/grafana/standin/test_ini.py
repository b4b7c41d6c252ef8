"""The stand-in reads grafana.ini, as far as it is plain, and the environment before it."""

from pathlib import Path

import pytest

from deployments.grafana_standin.server import ini, settings


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("[unified_alerting]\nenabled = false\n", "GF_UNIFIED_ALERTING_ENABLED", "false"),
        ("[auth.proxy]\nheader_name=X-Me\n", "GF_AUTH_PROXY_HEADER_NAME", "X-Me"),
        ('app_mode = production\n[security]\nsecret_key = """a#b;c"""\n', "GF_SECURITY_SECRET_KEY", "a#b;c"),
        ("[security]\nsecret_key = one\n[security]\nsecret_key = two\n", "GF_SECURITY_SECRET_KEY", "two"),
        ("[security]\nsecret_key =\n", "GF_SECURITY_SECRET_KEY", None),
        (";[security]\n[security]\n;secret_key = no\n", "GF_SECURITY_SECRET_KEY", None),
        ("[security]\nsecret_key = $__file{/run/key}\n", "GF_SECURITY_SECRET_KEY", None),
        ("[security]\nsecret_key = ${KEY}\n", "GF_SECURITY_SECRET_KEY", None),
        ("\ufeff[security]\r\nsecret_key = bom\r\n", "GF_SECURITY_SECRET_KEY", "bom"),
        ("[security]\nnothing\n  secret_key = indented\n", "GF_SECURITY_SECRET_KEY", "indented"),
        ("[[nonsense\n = \n", "GF_SECURITY_SECRET_KEY", None),
    ],
)
def test_a_setting_is_the_environments_that_says_the_same(text: str, name: str, value: str | None, tmp_path: Path) -> None:
    (tmp_path / "grafana.ini").write_text(text, newline="")
    assert ini.joined({"GF_PATHS_CONFIG": str(tmp_path / "grafana.ini")}).get(name) == value


def test_the_environment_counts_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "grafana.ini").write_text("[security]\nsecret_key = file\n[unified_alerting]\nenabled = false\n")
    environment = {"GF_PATHS_CONFIG": str(tmp_path / "grafana.ini"), "GF_SECURITY_SECRET_KEY": "environment"}
    found = settings.read(ini.joined(environment))
    assert (found.secret_key, found.alerting) == ("environment", False)


def test_without_a_file_it_is_the_environment_alone(tmp_path: Path) -> None:
    environment = {"GF_PATHS_CONFIG": str(tmp_path / "absent.ini")}
    assert ini.joined(environment) == environment
