"""Reads the project's pages: their links and headings, and what their code names. Finds what leads nowhere."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.syntax import every

ROOT = Path(__file__).parents[1]

_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^()\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_PROJECT_PATH = re.compile(r"(?:backups|verification|flows|tasks|tests|deployments|docs|\.ci)/\S*")
_COMMENT = re.compile(r"(^|\s)#.*")


@dataclass(frozen=True)
class Page:
    """One Markdown file below `root`."""

    path: Path
    root: Path = ROOT

    def __str__(self) -> str:
        return self.path.relative_to(self.root).as_posix()

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def links(self) -> list[str]:
        """The targets of its links and pictures, less those that lead out of the project."""
        prose = _SPAN.sub("", _FENCE.sub("", self.text))
        return [target for target in _LINK.findall(prose) if not re.match(r"[a-z]+:", target)]

    @property
    def anchors(self) -> set[str]:
        """The anchors of its headings, as GitHub makes them."""
        found: set[str] = set()
        for heading in _HEADING.findall(_FENCE.sub("", self.text)):
            plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
            anchor = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
            number = next(number for number in range(len(found) + 1) if _numbered(anchor, number) not in found)
            found.add(_numbered(anchor, number))
        return found

    @property
    def spans(self) -> list[str]:
        """What stands in backticks, outside of blocks."""
        return _SPAN.findall(_FENCE.sub("", self.text))

    @property
    def code(self) -> list[str]:
        """Every line of code: spans, and the lines of blocks without their comments."""
        blocks = [line for block in _FENCE.findall(self.text) for line in block.splitlines()[1:-1]]
        return [*self.spans, *(_COMMENT.sub("", line) for line in blocks)]

    def broken_links(self) -> Iterator[str]:
        """Links to a file that is not there, or to a heading that its page has not."""
        for target in self.links:
            name, _, anchor = target.partition("#")
            path = (self.path.parent / name).resolve() if name else self.path
            if not path.exists():
                yield f"{self}: {target}: there is no {name}"
            elif anchor and anchor not in Page(path, self.root).anchors:
                yield f"{self}: {target}: {path.name} has no heading for #{anchor}"

    def missing_paths(self) -> Iterator[str]:
        """Paths of the project in backticks that are not there. `<type>` and `*` stand for anything."""
        for span in self.spans:
            if _PROJECT_PATH.fullmatch(span) and not any(self.root.glob(re.sub(r"<\w+>", "*", span).rstrip("/"))):
                yield f"{self}: `{span}` is not there"

    def words_after(self, program: str) -> set[str]:
        """What follows `program` in its code: `lifeboat backup` gives `backup`."""
        pattern = re.compile(rf"(?:^|[\s;&|(]){program} +([a-z][a-z-]*)(?![\w.:/])")
        return {word for line in self.code for word in pattern.findall(line)}


def pages(root: Path = ROOT) -> list[Page]:
    """Every page of the project."""
    places = ("*.md", "docs/**/*.md", "deployments/**/*.md")
    return [Page(path, root) for place in places for path in sorted(root.glob(place))]


def literals(*packages: str) -> list[str]:
    """Every piece of text in the code of the packages; of an f-string, the pieces between its fields."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for package in packages for path in (ROOT / package).rglob("*.py"))
    return [
        node.value for tree in trees for node in every(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def _numbered(anchor: str, number: int) -> str:
    return f"{anchor}-{number}" if number else anchor
