"""Writes JUnit XML: a suite for each drill, a case for its restore, one for its time, and one for each subject of its checks."""

from collections.abc import Mapping, Sequence
from datetime import UTC
from types import MappingProxyType
from xml.etree import ElementTree as ET

from backups import durations
from backups.text import shown
from backups.witness import Check
from verification.evidence.evidence import CulpritsPart, DrillResult, Evidence
from verification.evidence.rehearsed import RehearsalPart
from verification.evidence.together import WORDS, WRONG, TogetherPart
from verification.report.groups import kinds


def render(evidence: Evidence) -> str:
    """Write the evidence as JUnit XML. A failed verdict has a failure in it, one that could not run an error.

    What was compared with nothing has no case: the property `proof` says so.
    """
    root = ET.Element("testsuites", name="lifeboat")
    for drill in evidence.drills:
        root.append(_suite(drill, evidence))
        if drill.rehearsal:
            root.append(_rehearsed(drill, drill.rehearsal, evidence))
    if evidence.together:
        root.append(_together(evidence.together, evidence))
    if not evidence.drills and evidence.together is None:
        suite = ET.SubElement(root, "testsuite", name="verification")
        ET.SubElement(_case(suite, "lifeboat", "drills"), "error", message="there was nothing to drill", type="could-not-run")
        _count(suite)
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    root.set("time", f"{(evidence.finished_at - evidence.started_at).total_seconds():.3f}")
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(drill: DrillResult, evidence: Evidence) -> ET.Element:
    title = f"{drill.service} {drill.drilled}"
    suite = ET.Element(
        "testsuite",
        name=title,
        timestamp=drill.started_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        hostname=_text(drill.machine or evidence.host),
        time=f"{sum(phase.seconds for phase in drill.phases):.3f}",
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(drill).items():
        ET.SubElement(properties, "property", name=name, value=_text(value))
    _restored(suite, drill)
    _in_time(suite, drill, evidence.rto.budget_seconds)
    _subjects(suite, f"{drill.service}.{drill.drilled}", drill.checks, {each.subject: each for each in drill.culprits})
    if drill.moment:
        _subjects(suite, f"{drill.service}.{drill.drilled}.at the moment itself", drill.moment.there)
        _subjects(suite, f"{drill.service}.{drill.drilled}.onward to {drill.moment.later}", drill.moment.checks)
    _count(suite)
    return suite


def _rehearsed(drill: DrillResult, tried: RehearsalPart, evidence: Evidence) -> ET.Element:
    """Write an upgrade that was tried as a suite: a case for all of it, and one for each thing to look at."""
    title = f"{drill.service} {drill.chosen} upgraded to {tried.after}"
    started = drill.started_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    suite = ET.Element(
        "testsuite", name=_text(title), timestamp=started, hostname=_text(evidence.host), time=f"{tried.seconds:.3f}"
    )
    properties = ET.SubElement(suite, "properties")
    stated = {
        "verdict": tried.verdict,
        "image": f"{tried.image} {tried.image_id}",
        "outcome": tried.words,
        "way_back": tried.back,
    }
    phases = {f"phase.{phase.name}": f"{phase.seconds:.3f}" for phase in tried.phases}
    for name, value in (stated | ({"way_back_tried": tried.back_tried} if tried.back_tried else {}) | phases).items():
        ET.SubElement(properties, "property", name=name, value=_text(value))
    group = f"{drill.service}.{drill.chosen}.upgrade"
    case = _case(suite, group, f"{tried.maker} {tried.before} to {tried.after}", tried.seconds)
    if tried.error:
        kind = "failure" if tried.verdict == "failed" else "error"
        child = ET.SubElement(case, kind, message=_text(tried.error)[:500], type=tried.verdict)
        child.text = "\n".join(map(_text, filter(None, (tried.error, tried.hint and f"hint: {tried.hint}"))))
    _subjects(suite, group, [Check(each.subject, each.metric, each.before, each.after, passed=False) for each in tried.look])
    _count(suite)
    return suite


def _together(joint: TogetherPart, evidence: Evidence) -> ET.Element:
    """Write the joint drill as a suite: a case for each dashboard, which fails when a panel of it does not answer as it did."""
    started = joint.started_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    suite = ET.Element(
        "testsuite", name="together", timestamp=started, hostname=_text(evidence.host), time=f"{joint.seconds or 0:.3f}"
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in (
        ("verdict", joint.verdict or "skipped"),
        ("proof", joint.headline),
        ("way", joint.words),
        ("tampered", joint.tampered),
    ):
        if value:
            ET.SubElement(properties, "property", name=name, value=_text(value))
    whole = _case(suite, "together", "brought back side by side, and asked", joint.seconds)
    if joint.verdict not in ("verified", None):
        kind = "failure" if joint.verdict == "failed" else "error"
        child = ET.SubElement(whole, kind, message=_text("; ".join(joint.reasons))[:500], type=joint.verdict or "")
        child.text = "\n".join(map(_text, joint.reasons))
    for board in joint.boards:
        case = _case(
            suite, "together.dashboards", f"{board.title} ({board.uid})" if board.uid else f"alert rules in {board.title}"
        )
        if wrong := sum(board.counts.get(outcome, 0) for outcome in WRONG):
            failure = ET.SubElement(
                case, "failure", message=f"{wrong} of {board.panels} panels do not answer equally", type="failed"
            )
            lines = [f"{WORDS[one.outcome]}: {one.panel}: {one.why}" for one in joint.different if one.title == board.title]
            failure.text = "\n".join(map(_text, [*([board.why] if board.why else []), *lines]))
    _count(suite)
    return suite


def _subjects(
    suite: ET.Element, group: str, every: Sequence[Check], culprits: Mapping[str, CulpritsPart] = MappingProxyType({})
) -> None:
    """Add a case for each subject of the checks; with the rows that differ, where they are known."""
    subjects: dict[str, list[Check]] = {}
    for check in every:
        subjects.setdefault(check.subject, []).append(check)
    kind = kinds(subjects)
    for subject, checks in subjects.items():
        found = culprits.get(subject)
        more = [found.words, *(row.words for row in found.rows)] if found else []
        _subject(_case(suite, f"{group}.{kind[subject]}", subject), checks, more)


def _properties(drill: DrillResult) -> dict[str, str]:
    values = {
        "verdict": drill.backup_verdict if drill.rehearsal else drill.verdict,
        "proof": drill.proof or None,
        "asked": drill.asked,
        "later": drill.moment.later if drill.moment else None,
        "backup": drill.backup.id if drill.backup else None,
        "repository": drill.repository,
        "image": f"{drill.image.name} {drill.image.id}" if drill.image else None,
        "standin": "yes" if drill.image and drill.image.standin else None,
        "restore_seconds": None if drill.restore_seconds is None else str(drill.restore_seconds),
        "tampered": drill.tampered,
        "partial": drill.partial,
        "machine": drill.machine,
        "reached": None if drill.reached else "no",
        **{f"phase.{phase.name}": f"{phase.seconds:.3f}" for phase in drill.phases},
    }
    return {name: value for name, value in values.items() if value is not None}


def _restored(suite: ET.Element, drill: DrillResult) -> None:
    """Add the case of what no check covers: the copy did not start, or the drill could not run."""
    case = _case(suite, f"{drill.service}.{drill.drilled}", "restored and compared", drill.restore_seconds)
    if drill.error:
        kind_of = "failure" if drill.verdict == "failed" and not drill.failures and drill.rto_met is not False else "error"
        child = ET.SubElement(case, kind_of, message=_text(drill.error), type=drill.verdict)
        child.text = "\n".join(_text(line) for line in (drill.error, f"hint: {drill.hint}" if drill.hint else "") if line)
    elif drill.verdict == "could-not-run":
        ET.SubElement(case, "error", message=_text("; ".join(drill.reasons)), type=drill.verdict)


def _in_time(suite: ET.Element, drill: DrillResult, budget: float) -> None:
    if drill.restore_seconds is None:
        return
    case = _case(suite, f"{drill.service}.{drill.drilled}", f"back within {durations.describe(budget)}", drill.restore_seconds)
    if not drill.rto_met:
        message = f"the restore took {durations.describe(drill.restore_seconds)}, the objective is {durations.describe(budget)}"
        ET.SubElement(case, "failure", message=message, type="failed")


def _subject(case: ET.Element, checks: Sequence[Check], more: Sequence[str]) -> None:
    wrong = [check for check in checks if not check.passed]
    if wrong:
        lines = [f"{check.metric}: expected {check.expected!r}, observed {check.observed!r}" for check in wrong]
        failure = ET.SubElement(case, "failure", message=_text(lines[0])[:500], type="failed")
        failure.text = "\n".join(map(_text, [*lines, *more]))


def _case(suite: ET.Element, group: str, name: str, seconds: float | None = None) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=_text(group), name=_text(name), time=f"{seconds or 0:.3f}")


def _count(suite: ET.Element) -> None:
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    suite.set("errors", str(len(suite.findall("testcase/error"))))
    suite.set("skipped", "0")


def _text(value: str) -> str:
    """Escape control characters, which names in a database may hold and XML cannot; a name is one line."""
    return shown(value)
