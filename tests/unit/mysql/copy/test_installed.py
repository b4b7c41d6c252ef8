"""A copy gets the plugins and components that were installed at the source after its full, in whatever order that happened."""

from collections.abc import Sequence
from typing import Any

import pymysql.err
import pytest

from backups.services.mysql.copy import installed
from backups.services.mysql.details import Installed, MySQLDetails, Position


class Server:
    """A copy's server: two tables, and what it refuses to install."""

    def __init__(self, plugins: dict[str, str], components: list[str], refuses: tuple[str, ...] = ()) -> None:
        self.plugins = plugins
        self.components = components
        self.refuses = refuses

    def rows(self, session: object, statement: str, arguments: Sequence[Any] = ()) -> list[tuple[object, ...]]:
        """Do as a server does."""
        assert session is self
        words = statement.split()
        match words[0], words[-1]:
            case "SELECT", "mysql.plugin":
                return list(self.plugins.items())
            case "SELECT", "mysql.component":
                return [(urn,) for urn in self.components]
            case "INSTALL", _ if arguments[0] in self.refuses:
                raise pymysql.err.OperationalError(3529, f"Cannot load component from specified URN: '{arguments[0]}'.")
            case "INSTALL", _:
                self.components.append(arguments[0])
            case "REPLACE", _:
                self.plugins[arguments[0]] = arguments[1]
            case "DELETE", _ if "mysql.plugin" in statement:
                del self.plugins[arguments[0]]
            case "DELETE", _:
                self.components.remove(arguments[0])
            case other:
                raise AssertionError(other)
        return []


def details(*names: str, known: bool = True) -> MySQLDetails:
    """Return the details of a backup at which these were installed: components by URN, plugins by name."""
    end = Position(file="binlog.000001", offset=157)
    found = Installed(
        plugins={name: f"{name}.so" for name in names if "://" not in name},
        components=tuple(name for name in names if "://" in name),
    )
    return MySQLDetails(
        server_uuid="u", gtid=False, start=end, end=end, log_created=1, segments=(), lock_seconds=0, lock_attempts=1,
        variables={}, plugins=(), installed=found if known else None,
    )  # fmt: skip


def brought(server: Server, *chain: MySQLDetails, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Do both steps; returns the notes."""
    monkeypatch.setattr(installed, "rows", server.rows)
    notes = list(installed.install(server, chain))  # type: ignore[arg-type]
    installed.settle(server, chain)  # type: ignore[arg-type]
    return notes


@pytest.mark.parametrize(
    ("chain", "wanted"),
    [
        (
            [details("clone"), details("clone", "auth_socket", "file://b", "file://a")],
            {"clone", "auth_socket", "file://b", "file://a"},
        ),
        ([details("clone", "auth_socket", "file://a"), details("clone")], {"clone"}),
        ([details("clone"), details("clone", "x", "file://a"), details("clone", "file://b")], {"clone", "file://b"}),
        ([details("clone"), details("clone")], {"clone"}),
        ([details(known=False), details(known=False)], {"clone", "auth_socket", "file://a"}),
    ],
)
def test_a_copy_registers_what_the_source_had_at_its_last_backup(
    chain: list[MySQLDetails], wanted: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Installed since the full, removed since, both, neither; and older manifests, which do not say it, change nothing."""
    first = chain[0].installed or Installed(plugins={"clone": "c.so", "auth_socket": "a.so"}, components=("file://a",))
    server = Server(dict(first.plugins), list(first.components))
    assert brought(server, *chain, monkeypatch=monkeypatch) == []
    assert {*server.plugins, *server.components} == wanted


def test_components_are_installed_before_the_replay_in_the_sources_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """One may need another; and the log may call what was removed again before its end."""
    server = Server({}, [])
    monkeypatch.setattr(installed, "rows", server.rows)
    names = [f"file://{name}" for name in "zqbxa"]
    assert list(installed.install(server, [details("file://gone"), details(*names)])) == []  # type: ignore[arg-type]
    assert server.components == ["file://gone", *names]


def test_a_component_that_a_copy_does_not_load_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its library may be missing in the image; the rest goes on."""
    server = Server({}, [], refuses=("file://a",))
    (note,) = brought(server, details(), details("file://a", "file://b"), monkeypatch=monkeypatch)
    assert "file://a, which the copy's server refuses: Cannot load component" in note
    assert server.components == ["file://b"]


def test_what_was_installed_while_a_full_was_taken_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """The source was asked before it was cloned."""
    server = Server({"clone": "c.so", "new": "n.so"}, ["file://new"])
    assert brought(server, details("clone"), monkeypatch=monkeypatch) == []
    assert (set(server.plugins), server.components) == ({"clone", "new"}, ["file://new"])


def test_between_two_backups_nobody_knows_and_the_operator_is_told() -> None:
    """A moment on the way: INSTALL and UNINSTALL are in no log."""
    notes = list(installed.installed_later([details("old", "both")], details("both", "file://new")))
    assert notes == [
        "plugin old was removed about that moment, which no log tells: UNINSTALL PLUGIN if it shall be so",
        "component file://new was installed about that moment, which no log tells: INSTALL COMPONENT if it shall be so",
    ]
    assert list(installed.installed_later([details(known=False)], details("x"))) == []
