"""Asks the copies what their sources were asked, as the restored Grafana asks them, or each of them itself.

Next file: `asking.py`, one service's questions.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from backups.errors import Damaged, LifeboatError, Transient
from backups.foreign import shown
from backups.machine import parallel
from backups.panels.compare import compared
from backups.panels.question import NotAsked, Question
from backups.panels.walk import asking as every_asking
from verification.evidence.together import WRONG
from verification.together import count
from verification.together.asking import Asking, unknown
from verification.together.company import Back, Company
from verification.together.count import Counted, Judged


@dataclass(frozen=True)
class Found:
    """What came of asking. faults: of the copy that shows dashboards, a sentence each; notes: how it was asked, likewise.

    errors: what kept a service's copy from being asked, and says nothing of its backup
    """

    judged: tuple[Judged, ...]
    counted: Counted
    way: Literal["grafana", "direct"]
    words: str
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    errors: tuple[LifeboatError, ...] = ()

    @property
    def wrong(self) -> bool:
        """Whether anything that answered at the source does not answer equally."""
        return bool(self.faults) or any(each.outcome in WRONG for each in self.judged)


def ask(those: Company, *, until: float, monotonic: Callable[[], float] = time.monotonic) -> Found:
    """Ask everything that the backups hold questions of, the services side by side, each question after the other.

    until: when it has to end, by that clock. Never raises for what a copy answers, or does not.
    """
    askings = [Asking(those, back, until, monotonic) for back in those.copies.values() if back.side.panels is not None]
    judged: list[Judged] = []
    errors: list[LifeboatError] = []
    outcomes = parallel.side_by_side(lambda each: each.judge(), askings, at_once=len(askings))
    for each, outcome in zip(askings, outcomes, strict=True):
        if isinstance(outcome, LifeboatError):
            judged += [_unanswered(each, question, outcome) for question in _questions(each.back)]
            errors += [] if _silent(outcome) else [outcome]
        else:
            judged += outcome
    unopened, faults, altered = _shown(those)
    through = any(each.by_grafana for each in askings)
    return Found(
        tuple(judged),
        count.counted(judged, _not_asked(those), _every(those), unopened),
        "grafana" if through else "direct",
        _words(those, through=through, altered=bool(altered)),
        (*faults, *altered),
        tuple(note for each in askings for note in each.notes),
        tuple(errors),
    )


def _questions(back: Back) -> Sequence[Question]:
    return back.side.panels.questions if back.side.panels else ()


def _unanswered(each: Asking, question: Question, fault: LifeboatError) -> Judged:
    panels = each.back.side.panels
    then = next((answer for answer in (panels.answers if panels else ()) if answer.question == question.id), unknown(question))
    comparison = compared(then, None, fault.message)
    if comparison.outcome == "silent" and not _silent(fault):
        return Judged(question, then, None, "cannot-be-asked", fault.message)
    return Judged(question, then, None, comparison.outcome, comparison.why)


def _silent(fault: LifeboatError) -> bool:
    """Whether the copy is what does not answer, and not Lifeboat what does not ask."""
    return isinstance(fault, Damaged | Transient)


def _not_asked(those: Company) -> tuple[NotAsked, ...]:
    """What was not asked of any service: the newest backup says it of all."""
    every = [back.side for back in those.copies.values() if back.side.panels]
    newest = max(every, key=lambda side: side.backup.taken_at, default=None)
    return newest.panels.not_asked if newest and newest.panels else ()


def _every(those: Company) -> Iterator[count.Thing]:
    """What asks in the restored dashboards; `count` takes away what was asked, or told apart."""
    for one in every_asking(those.boards) if those.boards else ():
        yield one.organisation, one.dashboard, one.title, one.panel


def _shown(those: Company) -> tuple[dict[tuple[int, str], str], list[str], list[str]]:
    """Have the copy that shows dashboards give out every one, and compare its data sources.

    Returns those that do not open, why, the same as sentences, and a sentence for each data source that is another one.
    """
    shows = those.shows
    if shows is None or those.boards is None:
        return {}, [], []
    titles = {(board.organisation, board.uid): board.title for board in those.boards.boards}
    try:
        found = dict(shows.unopened(titles.keys()))
        altered = shows.altered()
    except LifeboatError as fault:
        return {}, [f"the restored {those.shower} does not give out its dashboards: {fault.message}"], []
    lines = [f"dashboard {shown(titles[key])} ({shown(key[1])}) does not open: {why}" for key, why in found.items()]
    return found, lines, [f"{shown(name)} is not as it was restored, after the start of {those.shower}" for name in altered]


def _words(those: Company, *, through: bool, altered: bool) -> str:
    """Say how they were asked, and why not otherwise."""
    if through:
        stand = ", a stand-in that is not the real server" if those.standin else ""
        sources = "whose data sources are " + ("not all " if altered else "") + "as they were restored"
        return f"asked through the restored Grafana{stand}, {sources}"
    back = those.copies.get(those.shower or "")
    if back is None or back.copy is None or those.pod is None:
        why = "no restored Grafana stands before them"
    elif those.shows is None:
        why = "its backup, taken through the API, holds no passwords by which a restored Grafana could ask them"
    else:
        why = "the restored Grafana is a stand-in, which is not the real server"
    return f"asked of each copy itself, as the sources were, with the conversions that Grafana would make: {why}"
