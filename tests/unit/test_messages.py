"""What a person reads when something is wrong: every message and hint in the code keeps to the same four rules."""

import re
from pathlib import Path

import pytest

from tests.unit.raised_messages import Text, error_classes, parse, project, raised

PROJECT = Path(__file__).parents[2]
ROOMS = ["backups", "verification", "tasks", "flows", "deployments"]
STAND_IN = "deployments/grafana_standin"
PROPER_NAMES = {"Docker", "Grafana", "Great", "Lifeboat", "Prefect", "Prometheus"}


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


def test_every_message_in_the_code_keeps_to_the_rules() -> None:
    """Lower case, one line, no full stop, not empty: it is printed after `failed:` and before its hint."""
    texts = raised(project(PROJECT, ROOMS, [STAND_IN]))
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
