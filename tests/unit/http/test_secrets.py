"""Where a password or a token goes, and where it does not."""

from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from backups.errors import ConfigError, LifeboatError
from backups.services.http import address
from backups.services.http.bounds import Bounds
from backups.services.http.line import Line, basic
from backups.services.http.settings import examine
from backups.services.prometheus.settings import PrometheusSettings
from tests.servers.http import answering

BOUNDS = Bounds(connect=5.0, silence=5.0, total=10.0, size=1 << 20)


def test_a_redirect_is_followed_on_the_same_server_only_and_takes_no_secret_along() -> None:
    seen: list[tuple[str, str | None]] = []

    def answer(request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        seen.append((request.path, request.headers["Authorization"]))
        return (302, {"Location": there[0]}, b"") if request.path == "/x" else (200, {}, b"there")

    there = ["/y"]
    with answering(answer) as other, answering(answer) as url, Line("Service", url, authorization="Bearer t") as line:
        assert line.ask("GET", "/x", BOUNDS, follow=True).body == b"there"
        assert line.ask("GET", "/x", BOUNDS).status == 302
        there[0] = f"{other}/y?token=PlantedQ"
        with pytest.raises(LifeboatError, match=f"redirects to {other}/y\nhint"):
            line.ask("GET", "/x", BOUNDS, follow=True)
    assert seen == [("/x", "Bearer t"), ("/y", "Bearer t"), ("/x", "Bearer t"), ("/x", "Bearer t")]


@pytest.mark.parametrize("secret", [{"authorization": "Bearer PlantedPw"}, {}])
def test_a_secret_goes_over_a_network_in_clear_only_when_the_operator_says_so(
    monkeypatch: pytest.MonkeyPatch, secret: dict[str, str]
) -> None:
    """With a password of its own, or with one in the url."""
    seen: list[str | None] = []

    def answer(request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        seen.append(request.headers["Authorization"])
        return 200, {}, b"ok"

    monkeypatch.setattr(address, "of_this_machine", lambda _: False)
    with answering(answer) as plain:
        url = plain if secret else plain.replace("http://", "http://me:PlantedPw@")
        with Line("Service", url, direct=True, **secret) as line, pytest.raises(ConfigError, match="in clear, so it is not sent"):
            line.ask("GET", "/x", BOUNDS)
        assert seen == []
        with Line("Service", url, direct=True, tls="disabled", **secret) as line:
            line.ask("GET", "/x", BOUNDS)
        assert seen == [secret.get("authorization", basic("me", "PlantedPw"))]


def test_a_netrc_adds_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password PlantedPw\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    seen: list[str | None] = []

    def answer(request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        seen.append(request.headers["Authorization"])
        return 200, {}, b"ok"

    with answering(answer) as url, Line("Service", url) as line:
        line.ask("GET", "/x", BOUNDS)
    assert seen == [None]


def test_which_addresses_are_this_machines() -> None:
    assert all(address.of_this_machine(one) for one in ("127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1"))
    assert not any(address.of_this_machine(one) for one in ("192.0.2.1", "2001:db8::1", "0.0.0.0", "::", "nonsense", ""))


def test_the_query_of_a_url_goes_along() -> None:
    seen: list[str] = []

    def answer(request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        seen.append(request.path)
        return 200, {}, b"ok"

    with answering(answer) as url, Line("Service", f"{url}/prom/?auth=q", direct=True) as line:
        line.ask("GET", "/x", BOUNDS, params={"a": "b"})
    assert seen == ["/prom/x?auth=q&a=b"]


@pytest.mark.parametrize(
    ("url", "keys", "said"),
    [
        ("https://p.example:9090", {}, None),
        ("https://p.example:9090", {"user": "me"}, None),
        ("http://127.0.0.1:9090", {"user": "me"}, None),
        ("http://localhost:9090", {}, None),
        ("https://p.example:9090", {"tls": "required"}, "is encrypted and not verified"),
        ("https://p.example:9090", {"tls": "required", "user": "me"}, "can read the password"),
        ("http://192.0.2.1:9090", {}, "is not verified: over http"),
        ("http://192.0.2.1:9090", {"tls": "disabled", "user": "me"}, "goes over the network in clear"),
        (
            "http://me:PlantedPw@192.0.2.1:9090/?a=PlantedQ",
            {"tls": "disabled"},
            "for http://192.0.2.1:9090 goes over the network",
        ),
    ],
)
def test_the_doctor_names_each_connection_that_is_not_verified(url: str, keys: dict[str, str], said: str | None) -> None:
    section = {"type": "prometheus", "image": "x", "place": "local:/x", "url": url, **keys}
    findings = list(examine(PrometheusSettings.model_validate(section), "Prometheus"))
    assert [finding.message for finding in findings if said is None or said not in finding.message] == []
    assert len(findings) == (said is not None)
    assert "Planted" not in repr(findings)
