"""Whatever text is shown, and by whichever door: no control character, nothing but the text, and no password in it."""

import ast
import contextlib
import io
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as some
from markdown_it import MarkdownIt

from backups import logs, text
from backups.errors import LifeboatError
from backups.witness import Fact, compare
from flows.commands import console, verify
from tests.unit.verification.samples import check, evidence, result
from verification.report import junit, page

ROOT = Path(__file__).parents[2]
EVIL = "[/evil]\x1b[2J\x1b]0;owned\x07\x9b1m\r\n12:00:00 a forged line\u202e\u2066\u200b\x00\x7f [red]x[/red] :smile: \ud800 | <b> `c`"
some_text = some.text(some.characters(), max_size=60)


def unescaped(line: str) -> str:
    return line.encode("latin-1", "backslashreplace").decode("unicode_escape")


def printed(text: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        console.out.print(text, soft_wrap=True)
    return out.getvalue()


def printed_in_colour(text: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        console.out.print(console.Text.assemble((text, "bold")), soft_wrap=True)
    return out.getvalue()


def in_a_table(text: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        console.print_columns(("",), [(text,)])
    return out.getvalue()


def in_a_hint(text: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stderr(out):
        console.print_fault(LifeboatError("", hint=f".{text}"))
    return out.getvalue().partition("hint: .")[2]


def logged(text: str) -> str:
    logs.install()
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    logger = logging.getLogger("backups.test_text")
    logger.addHandler(handler)
    try:
        logger.error("%s", text)
    finally:
        logger.removeHandler(handler)
        logging.setLogRecordFactory(logging.LogRecord)
    return out.getvalue()


DOORS = [printed, printed_in_colour, in_a_table, in_a_hint, logged]


@pytest.mark.parametrize("door", DOORS)
def test_no_text_leaves_a_door_with_control_characters_or_as_markup(door: Callable[[str], str]) -> None:
    @given(some_text)
    @example(EVIL)
    @example("[/]")
    @example("[bold]not bold[/bold] :warning:")
    def each(value: str) -> None:
        shown = door(value)
        assert shown.endswith("\n")
        assert shown[:-1].isprintable()
        assert shown.rstrip() == text.shown(value).rstrip()

    each()


@given(some_text)
@example(EVIL)
def test_what_is_shown_is_what_is_stored(value: str) -> None:
    """Text without a backslash of its own comes back from its escapes; and nothing is escaped twice."""
    shown = text.shown(value)
    assert shown.isprintable()
    assert text.shown(shown) == shown
    if "\\" not in value and text.without_password(value) == value:
        assert unescaped(shown) == value


@given(some.dictionaries(some_text, some.lists(some_text, max_size=3), max_size=3))
@example({EVIL: [EVIL]})
def test_json_says_the_same_and_holds_nothing_unprintable(value: object) -> None:
    shown = text.json_shown(json.dumps(value, indent=1, ensure_ascii=False))
    assert shown.replace("\n", "").isprintable()
    assert json.loads(shown) == value


@given(some_text)
@example(EVIL)
@example("[x](javascript:alert(1))")
@example("# heading")
@example("1. one")
@example("---")
@example("&lt;script&gt;<img src=x onerror=y>")
@example("~~~")
@example("_a_ __b__ a_b")
def test_markdown_is_text_alone(value: str) -> None:
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(f"- {text.markdown(value)}\n")
    inline = [child for token in tokens if token.type == "inline" for child in token.children or ()]
    assert {token.type for token in tokens} <= {
        "bullet_list_open", "list_item_open", "paragraph_open", "inline", "paragraph_close", "list_item_close", "bullet_list_close"
    }  # fmt: skip
    assert {child.type for child in inline} <= {"text"}
    assert "".join(child.content for child in inline) == text.shown(value).strip()


@given(some.lists(some_text))
def test_no_line_ends_a_block_of_code(lines: list[str]) -> None:
    [token] = MarkdownIt("commonmark").parse("\n".join(text.fenced([*lines, "```", "`````"])))
    assert token.type == "fence"
    assert token.content.split("\n")[: len(lines)] == [text.shown(line) for line in lines]


def test_a_report_shows_odd_names_and_values_as_they_are() -> None:
    told = evidence(
        result(verdict="failed", checks=(check(EVIL, "rows", EVIL, "x\x1b"),), reasons=(EVIL,), error=EVIL, hint=EVIL)
    )
    xml = junit.render(told)
    html = page.render(told)
    ET.fromstring(xml)
    for written in (xml, html):
        assert written.replace("\n", "").isprintable()
        assert "\\x1b[2J" in written
        assert "a forged line" in written
        assert "\n12:00:00" not in written
    assert "&lt;b&gt;" in html


def test_a_failed_check_with_an_odd_name_is_shown_and_the_proof_has_failed() -> None:
    """A witness whose subject reads as markup ended the command with 2, and no failing check was to be seen."""
    told = evidence(
        result(verdict="failed", checks=(check("[/evil]", "[red]rows[/red]", "[/a-z]+", "\x1b[2J"),), reasons=("[/evil] failed",))
    )
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        verify.show(told, None)
    assert told.exit_code == 1
    assert "  [/evil] [red]rows[/red]: expected [/a-z]+, observed \\x1b[2J\n" in out.getvalue()
    assert "[/evil] failed" in out.getvalue()


def test_nothing_of_a_page_is_escaped_twice() -> None:
    assert "&amp;lt;" not in page.render(evidence(result(checks=(check("<a>", "rows", 1, 1),))))


SECRETS = [
    "CREATE TABLE t (a INT) ENGINE=FEDERATED CONNECTION='mysql://u:{}@h:3306/d/t'",
    "connection = \"mysql://u:{}@h/d/t\"",
    "CREATE USER 'a'@'%' IDENTIFIED BY '{}'",
    "CREATE USER a IDENTIFIED WITH caching_sha2_password BY \"{}\" REQUIRE SSL",
    "CREATE USER a IDENTIFIED VIA mysql_native_password USING '*{}'",
    "CREATE USER a IDENTIFIED WITH 'mysql_native_password' AS '{}'",
    "ALTER USER a IDENTIFIED BY 'new' REPLACE '${}'",
    "SET PASSWORD FOR 'a'@'h' = '{}'",
    "SET PASSWORD = PASSWORD('{}')",
    "SELECT PASSWORD('{}')",
    "CHANGE MASTER TO MASTER_HOST='h', MASTER_PASSWORD='{}', MASTER_PORT=1",
    "CHANGE REPLICATION SOURCE TO SOURCE_PASSWORD = '{}'",
    "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (USER 'u', PASSWORD '{}', PORT 3)",
    "near 'IDENTIFIED BY '{}",
    "CONNECTION='mysql://u:{}",
    "CONNECTION='mysql://u:a b{}@h/d'",
    "https://u:{}@host:99/path",
    "rest:https://${{USER}}:{}@host/",
    "http://host/?auth={}&b=1",
    "mysql --password={} -e x",
]  # fmt: skip


@pytest.mark.parametrize("statement", SECRETS)
@pytest.mark.parametrize("password", ["Geheim9", "Ge'heim9".replace("'", "''"), "Geheim/9", "Geheim@9x"])
def test_no_statement_and_no_url_is_shown_with_its_password(statement: str, password: str) -> None:
    whole = statement.format(password)
    shown = text.shown(f"before {whole}")
    assert "heim" not in shown
    assert "****" in shown
    assert shown.startswith("before ")
    fault = LifeboatError(f"cannot: {whole}", hint=whole)
    assert "heim" not in f"{fault} {fault.message} {fault.hint} {fault.args}"
    [found] = compare([Fact("s", "m", whole)], [Fact("s", "m", whole)])
    assert found.passed
    assert "heim" not in f"{found.expected}"


def test_statements_that_differ_in_their_password_alone_are_not_equal() -> None:
    """What is compared is the true value; what is shown tells that they differ."""
    one, two = ("CREATE USER a IDENTIFIED BY 'x1'", "CREATE USER a IDENTIFIED BY 'x2'")
    [found] = compare([Fact("s", "m", one)], [Fact("s", "m", two)])
    assert not found.passed
    assert found.expected != found.observed
    assert "x1" not in str(found.expected)


@pytest.mark.parametrize(
    "words",
    [
        "set password: ${NAME} or password_file: /path in lifeboat.yaml",
        "CREATE USER lifeboat@'%' IDENTIFIED BY '…'",
        "Access denied for user 'lifeboat'@'h' (using password: YES)",
        "export AGAMA_PASSWORD=… before the command",
        '{"url":"http://host:3000","mail":"a@b"}',
        "sftp:user@host:/a/b:c",
        "CONNECTION='mysql://host:3306/d/t' COMMENT='a:b'",
    ],
)
def test_what_holds_no_password_stays_as_it_is(words: str) -> None:
    assert text.shown(words) == words


@pytest.mark.parametrize(
    "piece", ["a", "//a:", "//a:b@", "password ", "IDENTIFIED BY '", "CONNECTION='", "?a", "'", "SET PASSWORD FOR "]
)
def test_no_text_takes_long_to_look_through(piece: str) -> None:
    """An expression that tries every way would take an hour."""
    began = time.process_time()
    text.shown(piece * (30_000 // len(piece)))
    assert time.process_time() - began < 60


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


def test_commands_and_tasks_have_no_other_door() -> None:
    """rich's own Text and Console, and Prefect's artifacts, are used in one module each."""
    past = {
        path.relative_to(ROOT).as_posix(): names
        for folder in ("flows/commands", "tasks", "flows")
        for path in sorted((ROOT / folder).glob("*.py"))
        if (
            names := {
                name
                for name in imported(path)
                if name.startswith(("rich.text", "rich.markup", "prefect.artifacts."))
                or name in ("rich.console.Console", "rich.print")
            }
        )
    }
    assert set(past) == {"flows/commands/console.py", "tasks/artifacts.py", "flows/lifecycle.py"}
    assert past["flows/lifecycle.py"] == {"rich.console.Console"}
