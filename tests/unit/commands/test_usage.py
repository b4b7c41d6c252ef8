"""Mistyped command lines: exit code 2, plain words, what to type instead; and what may be written before the command."""

import re
import shlex
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer

from flows.commands import console, verbosity, verbs

Lifeboat = Callable[..., Any]


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("list", "--confg", "x"), "list has no option --confg", "did you mean --config?"),
        (("prune", "--dryrun"), "prune has no option --dryrun", "did you mean --dry-run?"),
        (("list", "--frobnicate"), "list has no option --frobnicate", "see: lifeboat list --help"),
        (("--frobnicate",), "there is no option --frobnicate", "see: lifeboat --help"),
        (("--json", "list"), "there is no option --json", "--json goes after the command: lifeboat list --json"),
        (("staus",), "there is no command staus", "did you mean lifeboat status?"),
        (("frobnicate",), "there is no command frobnicate", "the commands are: "),
        (("list", "--config"), "--config needs a value", "see: lifeboat list --help"),
        (("verify", "-o"), "-o needs a value", "see: lifeboat verify --help"),
        (("list", "--json=3"), "--json takes no value", "see: lifeboat list --help"),
        (("restore",), "SERVICE is missing", "see: lifeboat restore --help"),
        (("restore", "agama", "grafana"), "unexpected extra argument", "see: lifeboat restore --help"),
        (
            ("backup", "--kind", "huge"),
            "--kind: 'huge' is not one of 'auto', 'full', 'incremental'",
            "see: lifeboat backup --help",
        ),
    ],
)
def test_a_mistyped_command_line_is_told_in_plain_words(
    lifeboat: Lifeboat, arguments: tuple[str, ...], message: str, hint: str
) -> None:
    said = lifeboat(*arguments)
    assert said.code == 2
    assert said.out == ""
    first, second = said.err.splitlines()
    assert first.startswith("lifeboat: ")
    assert message in first
    assert second.startswith("hint: ")
    assert hint in second
    assert "bug" not in said.err


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("restore", "agama", "--before", "", "--to", "docker:again"), "the value of --before"),
        (("restore", "agama", "--to="), "the value of --to"),
        (("prune", "--repository", " "), "the value of --repository"),
        (("-c", "", "list"), "the value of -c"),
        (("status", "--metrics", ""), "the value of --metrics"),
        (("backup", ""), "an argument"),
    ],
)
def test_an_empty_value_does_not_mean_what_leaving_the_option_out_means(
    lifeboat: Lifeboat, arguments: tuple[str, ...], what: str
) -> None:
    """`--before "$GTID"` with a variable that is not set would bring back the newest backup, and prune all repositories."""
    said = lifeboat(*arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"lifeboat: {what} is empty; nothing was done\nhint: ")


@pytest.mark.parametrize("before", [True, False])
def test_what_is_to_be_typed_names_the_configuration_that_was_named(lifeboat: Lifeboat, tmp_path: Path, *, before: bool) -> None:
    """Without it another lifeboat.yaml would be read, or none: in hints and in results alike, of text and of columns."""
    path = tmp_path / "my site.yaml"
    path.write_text(
        "state: s\nrepository: {url: r, password: x}\nservices: {a: {type: mysql, host: h, image: 'm:9', password: x}}\n"
    )
    said = lifeboat(*(("-c", str(path), "restore", "a") if before else ("restore", "a", "-c", str(path))))
    assert f"hint: lifeboat -c '{path}' restore a --to" in said.err, said.err
    assert verbosity.chosen.config is None, "the next one that prints in this process names another"
    verbosity.chosen.config = path
    for text in (console.Text("see: lifeboat list"), console.Text().append("see: lifeboat list")):
        assert text.plain == f"see: lifeboat -c '{path}' list"
    # What is named for another machine has no file of this one.
    assert console.Text("run `lifeboat prune` there").plain == "run `lifeboat prune` there"
    verbosity.reset()
    assert console.Text("see: lifeboat list").plain == "see: lifeboat list"


def test_without_a_command_the_help_is_printed(lifeboat: Lifeboat) -> None:
    said = lifeboat()
    assert said.code == 2
    assert "Usage: lifeboat" in said.out
    assert said.err == ""


@pytest.mark.parametrize(
    "arguments", [("--config", "absent.yaml", "list"), ("list", "--config", "absent.yaml"), ("-c", "absent.yaml", "list")]
)
def test_the_configuration_may_be_named_before_the_command(lifeboat: Lifeboat, arguments: tuple[str, ...]) -> None:
    said = lifeboat(*arguments)
    assert said.code == 2
    assert "there is no configuration file absent.yaml" in said.err


def test_what_is_named_after_the_command_counts(lifeboat: Lifeboat) -> None:
    assert "there is no configuration file after.yaml" in lifeboat("-c", "before.yaml", "list", "-c", "after.yaml").err


def test_the_version_is_the_packages_own(lifeboat: Lifeboat) -> None:
    said = lifeboat("--version")
    assert (said.code, said.out) == (0, f"lifeboat {version('lifeboat')}\n")


@pytest.mark.parametrize("command", [(), ("list",), ("config", "show")])
def test_the_short_form_of_help_is_understood(lifeboat: Lifeboat, command: tuple[str, ...]) -> None:
    said = lifeboat(*command, "-h")
    assert said.code == 0
    assert said.out == lifeboat(*command, "--help").out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_shown_for_each_shell(lifeboat: Lifeboat, shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a value it is that of the shell that runs the command, which a test run need not have."""
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    said = lifeboat("--show-completion", shell)
    assert said.code == 0
    assert "_LIFEBOAT_COMPLETE" in said.out


def test_completion_is_installed_into_the_home_directory(
    lifeboat: Lifeboat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    monkeypatch.setenv("HOME", str(tmp_path))
    said = lifeboat("--install-completion", "bash")
    assert said.code == 0
    assert "lifeboat" in (tmp_path / ".bashrc").read_text()


@pytest.mark.parametrize(
    ("typed", "position", "offered"),
    [("lifeboat st", 1, {"status"}), ("lifeboat ", 1, set(verbs.VERBS)), ("lifeboat prune --dry", 2, {"--dry-run"})],
)
def test_commands_and_options_are_completed(child: Callable[..., Any], typed: str, position: int, offered: set[str]) -> None:
    done = child(
        "import os, sys\n"
        f"os.environ.update(COMP_WORDS={typed!r}, COMP_CWORD='{position}', _LIFEBOAT_COMPLETE='complete_bash')\n"
        "sys.argv[0] = 'lifeboat'\n"
        "from flows.commands.main import main; main()"
    )
    assert set(done.stdout.split()) == offered, done.stderr


def _commands() -> list[tuple[str, Any]]:
    found = []
    for name in verbs.VERBS:
        command = verbs.load(name)
        inner = getattr(command, "commands", None)
        found += [(f"{name} {sub}", each) for sub, each in inner.items()] if inner else [(name, command)]
    return found


@pytest.mark.parametrize(("name", "command"), _commands())
def test_each_command_explains_itself(lifeboat: Lifeboat, name: str, command: Any) -> None:
    """One plain sentence first, examples that begin with its name, and what its exit codes mean; -q, -v and --config everywhere."""
    said = lifeboat(*name.split(), "--help")
    assert said.code == 0
    text = " ".join(said.out.split())
    assert re.search(rf"Examples?: lifeboat {name}", text), text
    for example in re.findall(r"(?m)^    (lifeboat .*)$", said.out):
        # A line each, so that they can be copied; and each can be typed as it stands.
        command.make_context(name, shlex.split(example)[1 + len(name.split()) :])
    assert re.search(r"Exit code: 0 ", text)
    options = {option for parameter in command.params for option in parameter.opts}
    assert {"--quiet", "-q", "--verbose", "-v"} <= options
    assert "--config" in options or name in {"demo", "init"}


@pytest.mark.parametrize("name", verbs.VERBS)
def test_the_list_of_commands_fits_a_terminal(lifeboat: Lifeboat, name: str) -> None:
    """80 columns, no summary cut off."""
    line = next(line for line in lifeboat("--help").out.splitlines() if line.startswith(f"  {name} "))
    assert line.endswith(verbs.VERBS[name].summary)
    assert len(line) <= 80


def test_a_bug_is_still_a_message_without_a_traceback(lifeboat: Lifeboat, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no usage error and no fault of ours is told as a bug; a usage error never is."""
    monkeypatch.setattr("backups.config.file.find", lambda path: 1 / 0)
    said = lifeboat("list")
    assert said.code == 2
    assert "ZeroDivisionError" in said.err


def test_an_interrupt_ends_with_130(lifeboat: Lifeboat, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupted(path: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("backups.config.file.find", interrupted)
    said = lifeboat("list")
    assert said.code == 130
    assert "interrupted" in said.err


def test_exit_codes_of_commands_are_kept(lifeboat: Lifeboat, monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(path: object) -> None:
        raise typer.Exit(1)

    monkeypatch.setattr("backups.config.file.find", ended)
    assert lifeboat("list").code == 1


def _mistyped(name: str, command: Any) -> Iterator[tuple[str, ...]]:
    """Ways to get each option of a command wrong. None of them may begin to do anything."""
    for parameter in command.params:
        if parameter.param_type_name != "option":
            continue
        for option in parameter.opts:
            is_flag = getattr(parameter, "is_flag", False)
            if option.startswith("--"):
                yield (*name.split(), f"{option}x")
                yield (*name.split(), f"{option}x=3")
                yield (*name.split(), option.upper())
            yield (*name.split(), option) if not is_flag else (*name.split(), f"{option}=3")
            if option not in {"--config", "-c", "--quiet", "-q", "--verbose", "-v", "--help", "-h"}:
                yield (option, *name.split()) if is_flag else (option, "3", *name.split())
            if not is_flag and option not in {"--config", "-c"}:
                yield (*name.split(), option, "\udcff")
                yield (*name.split(), option, "", option, "")
    yield (*name.split(), "--")
    yield (*name.split(), "-")
    yield (*name.split(), "-Z")
    yield (*name.split(), "--=")
    yield (*name.split(), "one", "two", "three", "four")


@pytest.mark.long
@pytest.mark.parametrize(("name", "command"), [one for one in _commands() if one[0] not in {"demo", "init"}])
def test_no_way_to_mistype_an_option_is_told_as_a_bug(lifeboat: Lifeboat, name: str, command: Any) -> None:
    """Each ends with 2, in one line and a hint. What is understood after all finds no configuration, which is said the same way."""
    wrong = []
    for arguments in _mistyped(name, command):
        said = lifeboat(*arguments)
        lines = said.err.splitlines()
        plain = len(lines) == 2 and lines[0].startswith("lifeboat: ") and lines[1].startswith("hint: ")
        if said.code != 2 or said.out or not plain or "bug" in said.err or "Error" in said.err:
            wrong.append((arguments, said.code, said.out[:200], said.err[:300]))
    assert wrong == []
