"""Records what a restore did, step by step, so that a person could do it again by hand."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from backups import plural
from backups.errors import LifeboatError
from backups.machine import commands_run
from backups.text import fenced, markdown
from verification.restore.order import Restoration
from verification.restore.words import losses, statement, whereabouts


@dataclass
class Step:
    """A step, the commands that were run in it and their seconds, and what came of it, a line each."""

    title: str
    commands: list[tuple[str, float]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class Runbook:
    """Collects the steps while they are done. What any thread of ours runs belongs to the step that is running."""

    steps: list[Step] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, title: str) -> None:
        """Begin the next step."""
        with self._guard:
            self.steps.append(Step(title))

    def note(self, line: str) -> None:
        """Note what came of the step that is running."""
        with self._guard:
            self.steps[-1].notes.append(line)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Collect every command that is run in the block."""
        with commands_run.listening(self._add_command):
            yield

    def _add_command(self, command: str, seconds: float) -> None:
        with self._guard:
            if self.steps:
                self.steps[-1].commands.append((command, seconds))

    def text(self, result: Restoration) -> str:
        """Write the runbook as Markdown."""
        return "\n".join([*_head(result), *(line for step in self.steps for line in _step(step)), *_end(result), ""])

    def write(self, result: Restoration, path: Path) -> None:
        """Write it, whole or not at all. Raises LifeboatError when it cannot be written."""
        part = path.with_name(f".{path.name}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(self.text(result), encoding="utf-8")
            part.replace(path)
        except OSError as error:
            raise LifeboatError(
                f"the runbook cannot be written to {path}: {error.strerror}", hint="name another file by --runbook"
            ) from error


def _head(result: Restoration) -> list[str]:
    backups = plural.count(len(result.backup.chain), "backup")
    return [
        f"# {markdown(f'{result.service} restored to {result.to}: {result.words}')}",
        "",
        f"- begun {_at(result.started_at)}, ended {_at(result.finished_at)}",
        f"- backup {markdown(result.backup.id)} of {_at(result.backup.taken_at)}, from {backups}",
        *([f"- out of the repository {markdown(result.repository)}"] if result.repository else []),
        *([f"- then on to {markdown(result.stands)}"] if result.stands else []),
        f"- {markdown(statement(result))}",
        *([f"- {markdown(result.image.words)}"] if result.image else []),
        "- passwords are read from where lifeboat.yaml says, and are not in this file",
        "",
        "| phase | seconds |",
        "|---|---|",
        *(f"| {markdown(phase.name)} | {phase.seconds:.1f} |" for phase in result.phases),
    ]


def _step(step: Step) -> list[str]:
    commands = [f"{command}    # {seconds:.1f} s" if seconds else command for command, seconds in step.commands]
    return ["", f"## {markdown(step.title)}", *(["", *fenced(commands)] if commands else []), *([""] if step.notes else []),
            *(f"- {markdown(line)}" for line in step.notes)]  # fmt: skip


def _end(result: Restoration) -> list[str]:
    failed = [
        f"- {markdown(f'{check.subject} {check.metric}: expected {check.expected}, observed {check.observed}')}"
        for check in result.failures
    ]
    return [
        "",
        "## Result",
        "",
        f"- {result.words}: {markdown(statement(result))}",
        *failed,
        *(f"- {markdown(line)}" for line in whereabouts(result)),
        *(f"- {markdown(line)}" for line in losses(result)),
        *(f"- {markdown(note)}" for note in result.notes),
        *([f"- fault: {markdown(result.error)}"] if result.error else []),
        *([f"- hint: {markdown(result.hint)}"] if result.hint else []),
    ]


def _at(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
