"""Asks questions one after the other within a time, and keeps them and their answers in a backup's file."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from backups.errors import Damaged, LifeboatError, Transient
from backups.foreign import require_bounded, shown
from backups.panels.compare import answer_of, not_asked, settled
from backups.panels.question import FILE, Answer, Asker, Panels, Question

_IN_A_ROW = 5
"""So many questions without any answer: the others would wait in vain, too."""
ODD = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What a dashboard's words can do to whoever takes them for better ones."""
_HINT = "verify another backup, and take a new one"
NO_TIME = "there was no time left for it"
"""Why of a question that was not asked, since all of them together took too long."""


def ask_all(
    asker: Asker,
    questions: Sequence[Question],
    until: float,
    clock: Callable[[], float] = time.monotonic,
    *,
    odd: tuple[type[Exception], ...] = (),
) -> dict[str, Answer]:
    """Ask each question, until `clock` says `until`; what cannot be asked is `not-asked`, with the reason, and fails nothing.

    odd: faults of the asker's own that cost their question only; of a copy's asker they must not look like damage
    """
    answers: dict[str, Answer] = {}
    unanswered, why = 0, ""
    for question in questions:
        if not why and clock() >= until:
            why = NO_TIME
        if why:
            answers[question.id] = not_asked(question, why)
            continue
        try:
            answers[question.id] = answer_of(question, asker.ask(question))
            unanswered = 0
        except odd as error:
            answers[question.id] = not_asked(question, f"it cannot be asked: {type(error).__name__}: {shown(str(error), 200)}")
        except LifeboatError as error:
            answers[question.id] = not_asked(question, error.message)
            unanswered = unanswered + 1 if isinstance(error, Transient) else 0
            if unanswered == _IN_A_ROW:
                why = f"{_IN_A_ROW} questions in a row had no answer: {error.message}"
    return answers


def asked(questions: Sequence[Question], answers: Mapping[str, Answer]) -> list[Question]:
    """Return those of the questions that had an answer, which are worth a second asking."""
    return [question for question in questions if answers[question.id].outcome not in ("not-asked", "not-fixed")]


def settle(questions: Sequence[Question], first: Mapping[str, Answer], second: Mapping[str, Answer]) -> tuple[Answer, ...]:
    """Return one answer to each question, of two askings; what was asked once only is not asked."""
    return tuple(
        settled(first[question.id], second.get(question.id) or not_asked(question, "it was asked once only"))
        for question in questions
    )


def write(directory: Path, panels: Panels) -> None:
    """Write the file that a backup keeps of its panels, below its data directory. Raises LifeboatError for one too large."""
    text = json.dumps(panels.model_dump(mode="python", exclude_defaults=True), ensure_ascii=False, separators=(",", ":"))
    # Half characters, which a dashboard's JSON can name, have no bytes.
    content = text.encode("utf-8", "replace")
    try:
        require_bounded(content, "what dashboards ask and are answered")
    except Damaged as error:
        raise LifeboatError(error.message, hint="ask fewer questions: `panels.questions` in Grafana's section") from None
    (directory / FILE).write_bytes(content)


def read(content: bytes, origin: str) -> Panels:
    """Read such a file. Raises Damaged when it is larger than any, not one, or does not answer each of its questions once."""
    try:
        panels = Panels.model_validate_json(require_bounded(content, origin))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Damaged(f"{origin} cannot be read: {where}: {first['msg']}", hint=_HINT) from None
    questions, answers = [each.id for each in panels.questions], [each.question for each in panels.answers]
    # What is asked and not answered would be left out in silence.
    if sorted(questions) != sorted(answers) or len(set(questions)) != len(questions):
        raise Damaged(
            f"{origin} cannot be read: its {len(answers)} answers are not one for each of its {len(questions)} questions",
            hint=_HINT,
        )
    return panels
