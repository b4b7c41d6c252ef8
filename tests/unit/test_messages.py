"""What a person reads: every message and hint in the code keeps to the same four rules, and names no option that is not there."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from flows.commands import verbs
from tests.unit.commands.test_documented import COMMANDS
from tests.unit.raised_messages import Module, Symbol, Text, error_classes, parse, project, raised
from tests.unit.reached import Code

PROJECT = Path(__file__).parents[2]
ROOMS = ["backups", "verification", "tasks", "flows", "deployments"]
STAND_IN = "deployments/grafana_standin"
PROPER_NAMES = {"Docker", "Grafana", "Great", "Lifeboat", "Prefect", "Prometheus"}


@pytest.fixture(scope="module")
def modules() -> list[Module]:
    return project(PROJECT, ROOMS, [STAND_IN])


def faults(text: Text) -> list[str]:
    """Return which rules a message or a hint breaks."""
    said = text.text
    if not said.strip():
        return ["is empty"]
    first = said.split()[0]
    lower = not first[0].isupper() or first.rstrip(":,;").removesuffix("'s") in PROPER_NAMES or _is_identifier(first)
    broken = {
        "does not start lower-case": not lower,
        "ends with a full stop": said.rstrip().endswith("."),
        "is not one line": "\n" in said or "'\\n'.join" in said,
    }
    return [fault for fault, there in broken.items() if there]


def _is_identifier(word: str) -> bool:
    return bool(re.search(r"[_:./=(]\w", word)) or sum(letter.isupper() for letter in word) > 1


@pytest.mark.long
def test_every_message_in_the_code_keeps_to_the_rules(modules: list[Module]) -> None:
    """Lower case, one line, no full stop, not empty: it is printed after `failed:` and before its hint."""
    texts = raised(modules)
    broken = [f"{each.place}: the {each.part} {' and '.join(faults(each))}: {each.text!r}" for each in texts if faults(each)]
    assert len(texts) > 500, "the messages were not found"
    assert not broken, "\n".join(broken)


def read(source: str) -> list[Text]:
    return raised(
        [parse("sample", "sample.py", "from backups.errors import LifeboatError\nfrom backups import errors\n" + source)]
    )


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ('raise LifeboatError("")', "is empty"),
        ("raise LifeboatError()", "is empty"),
        ('raise LifeboatError("it broke", hint="")', "is empty"),
        ('raise LifeboatError("The disk is full")', "does not start lower-case"),
        ('raise LifeboatError(f"Backup {name} is gone")', "does not start lower-case"),
        ('raise LifeboatError("it broke", hint="Mend it")', "does not start lower-case"),
        ('raise LifeboatError("it broke.")', "ends with a full stop"),
        ('raise LifeboatError(f"it broke at {place}.")', "ends with a full stop"),
        ('raise LifeboatError("it broke", hint="mend it.")', "ends with a full stop"),
        ('raise LifeboatError("it broke\\nin two")', "is not one line"),
        ('raise LifeboatError("these broke: " + "\\n".join(names))', "is not one line"),
        ('def fail():\n    lines = "\\n".join(names)\n    raise LifeboatError(f"these broke: {lines}")', "is not one line"),
        # however it is written:
        ('raise errors.LifeboatError("It broke")', "does not start lower-case"),
        ('raise LifeboatError("it broke" if mended else "It broke")', "does not start lower-case"),
        ('raise LifeboatError("it " + "broke.")', "ends with a full stop"),
        ('raise LifeboatError(message="It broke")', "does not start lower-case"),
        ('def why(): return LifeboatError("It broke")', "does not start lower-case"),
        ('def fail():\n    reason = "It broke"\n    raise LifeboatError(reason)', "does not start lower-case"),
        ('def fail(reason):\n    raise LifeboatError(reason)\nfail("It broke")', "does not start lower-case"),
        ('def fail(*, hint):\n    raise LifeboatError("it broke", hint=hint)\nfail(hint="Mend it")', "does not start lower-case"),
        ('class Gone(LifeboatError):\n    """."""\nraise Gone("It broke")', "does not start lower-case"),
        (
            'class Gone(LifeboatError):\n    """."""\nclass Lost(Gone):\n    """."""\nraise Lost("It broke")',
            "does not start lower-case",
        ),
        (
            'class Gone(LifeboatError):\n    def __init__(self, name):\n        super().__init__(f"Gone: {name}")\nraise Gone("Fine")',
            "does not start lower-case",
        ),
        (
            'class Gone(LifeboatError):\n    def __init__(self, why, n):\n        super().__init__(why)\nraise Gone("It broke", 3)',
            "does not start lower-case",
        ),
    ],
)
def test_a_message_that_breaks_a_rule_is_found(source: str, fault: str) -> None:
    """Each rule can fail, for a message and for a hint, however the error is built."""
    assert [each for text in read(source) for each in faults(text)] == [fault]


@pytest.mark.parametrize(
    "source",
    [
        'raise LifeboatError("it broke", hint="mend it")',
        'raise LifeboatError("it broke", hint=None)',
        'raise LifeboatError(f"{place} broke: {reason}", hint=f"is {place} there? try again")',
        'raise LifeboatError("Docker does not answer", hint="GRANT SELECT ON *.* TO lifeboat")',
        'raise LifeboatError("\'Demo\' is not a service", hint="LIFEBOAT_CONFIG names the file")',
        'raise LifeboatError("MySQL at db:3306 ended the connection")',
        'raise ValueError("A bug is told as it is.")',
    ],
)
def test_a_message_that_keeps_to_the_rules_passes(source: str) -> None:
    """A proper name, an identifier, a quoted word or a value may come first; what is not a LifeboatError is not looked at."""
    assert not [each for text in read(source) for each in faults(text)]


def test_a_class_that_is_written_in_one_module_is_found_in_another() -> None:
    """Subclasses are followed through imports."""
    home = parse("home", "home.py", "from backups.errors import Transient as Later\nclass Away(Later):\n    pass")
    errors = parse(
        "backups.errors", "errors.py", "class LifeboatError(Exception):\n    pass\nclass Transient(LifeboatError):\n    pass"
    )
    user = parse("user", "user.py", 'from home import Away\nimport home\nraise Away("One.")\nraise home.Away("Two.")')
    assert error_classes([user, home, errors]).keys() >= {("home", "Away"), ("backups.errors", "Transient")}
    assert [text.text for text in raised([user, home, errors])] == ["One.", "Two."]


OPTIONS = {
    name: {option for parameter in command.params for option in parameter.opts if option.startswith("--")} | {"--help"}
    for name, command in COMMANDS.items()
}
KNOWN = set().union(*OPTIONS.values())
_TYPED = re.compile(
    r"\blifeboat (?P<command>[a-z]+(?: (?:check|show|key|verify|export)\b)?)|(?<![\w-])(?P<option>--[a-z][a-z-]+)"
)

RESTORE: Symbol = ("verification.restore.restore", "restore")
PRINTED = {"verification/rescue/page.py": "the page to print is about `lifeboat rescue`"}
ON_ITS_OWN = {"demo": "it types commands of its own, and shows what they print"}
THROUGH_RESTORE = {
    "rescue": "what a restore says is passed on as words about `lifeboat restore SERVICE`",
    "watch": "what a restore says is told by the flow that restores",
}


def strange(text: str, own: Iterable[str]) -> Iterator[str]:
    """Yield the options in a text that their command has not: the one that is named before them, else one with the options `own`."""
    for part in re.split(r"[;|]", text) if "--" in text else ():
        named = None
        for found in _TYPED.finditer(part):
            if found["command"]:
                named = next(
                    (name for name in (found["command"], found["command"].split()[0]) if name in verbs.VERBS or name in OPTIONS),
                    None,
                )
            elif found["option"] in KNOWN and found["option"] not in _of(named, own):
                yield found["option"]


def _of(command: str | None, own: Iterable[str]) -> set[str]:
    if command is None:
        return set(own)
    return set().union(*(options for name, options in OPTIONS.items() if name == command or name.startswith(f"{command} ")))


def is_for_a_person(text: str) -> bool:
    """Whether it is more than one argument of a program."""
    return bool(re.search(r"\s", text.strip()))


def root(name: str) -> Symbol:
    """Return the function of a command."""
    callback = COMMANDS[name].callback
    return callback.__module__, callback.__name__


@pytest.fixture(scope="module")
def code(modules: list[Module]) -> Code:
    return Code.of(modules)


def said(code: Code, name: str) -> dict[str, str]:
    """Return what a command may print that names an option which is not its own, by where that is written."""
    without = [RESTORE] if name in THROUGH_RESTORE else []
    return {
        f"{unit.module.path}: {text}": ", ".join(found)
        for unit in code.reached([root(name)], without)
        if unit.module.path not in PRINTED
        for text in unit.texts
        if is_for_a_person(text) and (found := list(strange(text, OPTIONS[name])))
    }


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ON_ITS_OWN])
def test_a_command_names_no_option_that_it_has_not(code: Code, name: str) -> None:
    assert said(code, name) == {}


def names_what_is_not_there(shared: str, *, own: str = "") -> list[str]:
    """What a made-up program of `lifeboat list` is found to name, that comes to `shared` by a method of a class that it makes."""
    program = parse("flows.list", "list.py", f"from backups.it import It\ndef list_it():\n    {own or 'pass'}\n    It().look()\n")
    it = parse(
        "backups.it",
        "it.py",
        f"class It:\n    def look(self):\n        {shared}\nclass Other:\n    def look(self):\n        fail('--anyway now')\n",
    )
    units = Code.of([program, it]).reached([("flows.list", "list_it")])
    return [option for unit in units for text in unit.texts if is_for_a_person(text) for option in strange(text, OPTIONS["list"])]


@pytest.mark.parametrize(
    ("shared", "found"),
    [
        ("fail('go on all the same: --anyway')", ["--anyway"]),
        ("fail(f'go on {all}: --anyway')", ["--anyway"]),
        ("fail('go on' + ' --anyway')", ["--anyway"]),
        ("fail(hint=f'go on{chr(7) or \" --anyway\"}')", ["--anyway"]),
        ("fail('lifeboat restore --anyway')", []),
        ("fail('lifeboat restore; or --anyway')", ["--anyway"]),
        ("fail('lifeboat list --anyway')", ["--anyway"]),
        ("fail('lifeboat evidence export --out november')", []),
        ("fail('name another one by --from')", []),
        ("run(['--to', place, '--with-nothing-known 1'])", []),
        ("'Explains --anyway.'", []),
    ],
)
def test_an_option_that_is_not_there_is_found(shared: str, found: list[str]) -> None:
    """In what the command comes to, and there alone, however the text is put together."""
    assert names_what_is_not_there(shared) == found
    assert names_what_is_not_there("pass", own=shared) == found
