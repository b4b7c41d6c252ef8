"""Compares what a panel's question was answered at the source with what a copy answers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from backups import plural
from backups.foreign import shown
from backups.panels import canonical
from backups.panels.question import Answer, Outcome, Question

Compared = Literal["equal", "otherwise", "silent", "empty-at-source", "error-at-source", "not-fixed", "not-asked"]
"""silent: the copy does not answer what the source did. Of the last four nothing is proven."""

_ODD = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, RecursionError)
_MOST_EXECUTED = 10_000
_FEW_NAMES = 3
_PROMETHEUS = re.compile(r"\b(bad_data|execution|timeout|canceled|internal|unavailable|not_found|too_many_requests)(?=: )")
_MYSQL = re.compile(r"\bError (\d{4,5})\b")
_CLASSES = {
    "unreachable": r"dial tcp|connection refused|is unreachable|i/o timeout|no such host|no route to host|deadline exceeded",
    "not found": r"data source not found|plugin not registered",
    "unknown macro": r"unknown macro",
    "invalid query": r"invalid query",
    "query failed": r"query failed|db query error",
}
"""Errors whose words name a random series, an address or a log, by what is alike in them."""


@dataclass(frozen=True)
class Comparison:
    """Two answers to one question, compared. why: for a person, empty where there is nothing to say."""

    outcome: Compared
    why: str = ""


def answer_of(question: Question, reply: Mapping[str, Any]) -> Answer:
    """Return the answer that a reply is: as /api/ds/query has it below `results[refId]`, or a resource with its status.

    A reply of another shape is an error, too.
    """
    try:
        return _answer(question, reply)
    except _ODD:
        return Answer(question=question.id, outcome="error", error="an answer that is of another shape than Grafana's")


def settled(first: Answer, second: Answer) -> Answer:
    """Return what both askings of the source gave; where they differ it is not fixed, which no copy can be held to."""
    for answer in (first, second):
        if answer.outcome in ("not-asked", "not-fixed"):
            return answer
    if _same(first, second):
        return first
    return Answer(
        question=first.question,
        outcome="not-fixed",
        executed=first.executed,
        why=f"asked twice, the source answered in two ways: {_told(first)}, then {_told(second)}",
    )


def not_asked(question: Question, why: str) -> Answer:
    """Return that a question was not asked, and why."""
    return Answer(question=question.id, outcome="not-asked", why=_whole(why)[:_MOST_EXECUTED])


def compared(then: Answer, now: Answer | None, why: str = "") -> Comparison:
    """Compare the source's answer with the copy's. now: None where nobody answered, or not in time, as `why` says."""
    unproven: dict[Outcome, Compared] = {"error": "error-at-source", "not-fixed": "not-fixed", "not-asked": "not-asked"}
    if then.outcome in unproven:
        return Comparison(unproven[then.outcome], then.why or then.error or "")
    if now is None or now.outcome not in ("answered", "empty"):
        return Comparison("silent", why or (now.why or now.error if now else None) or "the copy does not answer")
    if then.executed is not None and now.executed is not None and then.executed != now.executed:
        return Comparison("otherwise", "the copy was asked another query than the source: its data source is set up otherwise")
    if then.outcome == "empty" and now.outcome == "empty":
        return Comparison("empty-at-source")
    if _same(then, now):
        return Comparison("equal")
    return Comparison("otherwise", f"the source answered {_told(then)}, the copy {_told(now)}{_where(then, now)}")


def _answer(question: Question, reply: Mapping[str, Any]) -> Answer:
    status = int(reply.get("status") or 200)
    if status >= 400 or reply.get("error"):
        return Answer(
            question=question.id,
            outcome="error",
            error=_class(status, str(reply.get("error") or "")),
            executed=None if "resource" in reply else _executed(reply.get("frames") or []),
        )
    if "resource" in reply:
        form, executed = canonical.of_resource(reply["resource"]), None
    else:
        frames = reply.get("frames") or []
        form, executed = canonical.of_frames(frames), _executed(frames)
    return Answer(
        question=question.id,
        outcome="answered" if form.rows else "empty",
        frames=form.frames,
        rows=form.rows,
        digest=form.digest,
        shown=form.shown,
        columns=dict(form.columns),
        executed=executed,
    )


def _same(one: Answer, other: Answer) -> bool:
    return (one.outcome, one.digest, one.error) == (other.outcome, other.digest, other.error)


def _told(answer: Answer) -> str:
    if answer.outcome == "error":
        return f"with an error ({answer.error})"
    if answer.outcome == "empty":
        return "without a row"
    size = f"{plural.count(answer.rows, 'row')} in {plural.count(answer.frames, 'frame')}"
    return f"{size}, sha256 {str(answer.digest)[:12]}"


def _where(then: Answer, now: Answer) -> str:
    """Which columns of two large answers differ, for the end of a sentence."""
    if not then.columns or not now.columns:
        return ""
    changed = [name for name, digest in then.columns.items() if now.columns.get(name, digest) != digest]
    gone, more = ([name for name in one.columns if name not in other.columns] for one, other in ((then, now), (now, then)))
    named = (("otherwise", changed), ("missing", gone), ("more", more))
    return "".join(f"; {what}: {_listed(names)}" for what, names in named if names)


def _listed(names: list[str]) -> str:
    rest = len(names) - _FEW_NAMES
    return ", ".join(shown(name) for name in names[:_FEW_NAMES]) + (f" and {rest} more" if rest > 0 else "")


def _executed(frames: list[Any]) -> str | None:
    """What Grafana says it has sent; each frame may say it, in any order."""
    found = {str((frame["schema"].get("meta") or {}).get("executedQueryString") or "") for frame in frames} - {""}
    return _whole("\n".join(sorted(found)))[:_MOST_EXECUTED] or None


def _class(status: int, words: str) -> str:
    if found := _PROMETHEUS.search(words):
        return found[1]
    if found := _MYSQL.search(words):
        return f"MySQL's error {found[1]}"
    return next((name for name, form in _CLASSES.items() if re.search(form, words, re.IGNORECASE)), f"status {status}")


def _whole(text: str) -> str:
    """Text without half characters."""
    return text.encode("utf-8", "replace").decode()
