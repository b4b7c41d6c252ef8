"""How the house is kept: modules that fit on a few screens, and each says in one sentence what it does."""

import ast
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
ROOMS = ["backups", "verification", "tasks", "flows", "deployments"]
MOST_LINES = 350
LONGEST_SENTENCE = 130


def modules(*folders: str) -> list[Path]:
    """Return the Python files below some of the project's folders."""
    return sorted(path for folder in folders for path in (PROJECT / folder).rglob("*.py"))


def fault_of_docstring(source: str) -> str | None:
    """Return what is wrong with the first line of a module's docstring, or None."""
    # Parsed is no more than the docstring, where that comes first.
    end = source.find('"""', 3) + 3 if source.startswith('"""') else None
    docstring = ast.get_docstring(ast.parse(source[:end]))
    if not docstring:
        return "no docstring"
    first, *more = docstring.splitlines()
    if more and more[0].strip():
        return f"its first sentence does not end in the first line: {first}"
    if not first.endswith("."):
        return f"its first line ends without a full stop: {first}"
    if re.search(r"[.!?] [A-Z]", first):
        return f"its first line is more than one sentence: {first}"
    return f"its first line has {len(first)} characters: {first}" if len(first) > LONGEST_SENTENCE else None


def test_no_module_is_longer_than_a_few_screens() -> None:
    """Tests too: a longer one holds two subjects."""
    lengths = {path.relative_to(PROJECT): len(path.read_text().splitlines()) for path in modules(*ROOMS, "tests")}
    assert len(lengths) > 300, "the modules were not found"
    assert not {str(path): lines for path, lines in lengths.items() if lines > MOST_LINES}


def test_every_package_says_what_is_in_it() -> None:
    """A folder with modules is a package, and its `__init__.py` has a docstring."""
    packages = {path.parent for path in modules(*ROOMS)}
    unnamed = [
        folder.relative_to(PROJECT)
        for folder in packages
        if not (folder / "__init__.py").exists() or not ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
    ]
    assert not unnamed


def test_every_module_says_in_one_sentence_what_it_does() -> None:
    """The first line of its docstring, which is what a listing of the tree shows."""
    faults = {path.relative_to(PROJECT): fault_of_docstring(path.read_text()) for path in modules(*ROOMS)}
    assert not [f"{path}: {fault}" for path, fault in faults.items() if fault]


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("import os", "no docstring"),
        ('"""Reads files"""', "without a full stop"),
        ('"""Reads files. Writes them too."""', "more than one sentence"),
        ('"""Reads files and\nwrites them."""', "does not end in the first line"),
        (f'"""Reads {"many " * 30}files."""', "characters"),
    ],
)
def test_a_docstring_that_breaks_a_rule_is_found(source: str, fault: str) -> None:
    """Each rule can fail."""
    assert fault in (fault_of_docstring(source) or "")


def test_a_docstring_that_keeps_to_the_rules_passes() -> None:
    """What follows after an empty line is free."""
    assert fault_of_docstring('"""Reads files, e.g. lifeboat.yaml.\n\nMore. And more\n"""') is None


_REMOVAL = re.compile(r'docker\w*(?:",|\() ?"rm"(?P<options>.*)')
"""A call of `docker rm`, by a list of words or by a function of that name."""


def removals_that_leave_volumes(source: str) -> list[str]:
    """Return the lines that remove a container and leave the anonymous volumes that its image declares."""
    found = (_REMOVAL.search(line) for line in source.splitlines())
    return [each.string.strip() for each in found if each and not re.search(r'"-f?v"', each["options"])]


def test_whoever_removes_a_container_removes_its_anonymous_volumes() -> None:
    """Of the images of MySQL and Prometheus each leaves one: two of them stayed behind every run of the tests."""
    left = {str(path.relative_to(PROJECT)): removals_that_leave_volumes(path.read_text()) for path in modules(*ROOMS, "tests")}
    own = left.pop("tests/unit/test_house.py")
    assert len(own) > 2, "the lines below were not found"
    assert {path: lines for path, lines in left.items() if lines} == {}


@pytest.mark.parametrize(
    ("line", "leaves"),
    [
        ('subprocess.run(["docker", "rm", "-f", name])', True),
        ('subprocess.run(["docker", "rm", container], check=True)', True),
        ('docker("rm", "-f", name)', True),
        ('docker_cli("rm", name)', True),
        ('subprocess.run(["docker", "rm", "-f", "-v", *names])', False),
        ('subprocess.run(["docker", "rm", "-fv", name])', False),
        ('subprocess.run(["docker", "volume", "rm", name])', False),
    ],
)
def test_a_removal_that_leaves_a_volume_is_found(line: str, leaves: bool) -> None:
    """Each way to write it."""
    assert bool(removals_that_leave_volumes(line)) == leaves
