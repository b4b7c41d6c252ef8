"""Rehearses an upgrade: starts a newer server on the data of a copy that was proven, compares again, and tries the way back.

Nothing of it is a proof of the backup, nor a time of a restore: it has phases and a verdict of its own.
Next files: `backups/services/upgraded.py`, what services do for it; `backups/services/<type>/upgrades.py`, their tables.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from backups import witness
from backups.errors import Damaged, LifeboatError, Transient
from backups.machine import parallel
from backups.machine.docker import Image
from backups.manifest import Manifest
from backups.services.base import Copy, Service
from backups.services.upgraded import Sorted, Step, Upgradable, UpgradableCopy, sort_out
from backups.witness import Check
from verification.drill.clock import Stopwatch
from verification.drill.plan import Planned
from verification.drill.sandbox import DockerSandbox
from verification.drill.tamper import HARMLESS, Tamper
from verification.evidence.rehearsed import ChangePart, RehearsalPart, RehearsedPhase, ToldPart

log = logging.getLogger(__name__)

_BACK_SECONDS = 120.0
"""How long the old server may take to start on the upgraded data: that it does is worth knowing, and nothing else hangs on it."""
_TOLD = 300
"""Characters of why it does not: as much as the end of a server's log needs."""


@dataclass(frozen=True)
class Route:
    """The upgrade to try, and the image of the newer server, which is on this machine."""

    step: Step
    image: Image


def route(service: Service, planned: Planned, manifest: Manifest, box: DockerSandbox) -> Route | None:
    """Find the upgrade that the named image asks for; None where it is of the backup's own series: then it is the copy's image.

    Before anything is fetched. Raises LifeboatError for an image that is not to be had or holds another program, for an older
    version, for one that is not reached in one step, and for backups that no upgrade is tried on.
    """
    if planned.image is None or not isinstance(service, Upgradable):
        return None
    image = box.docker.image(planned.image)
    version = service.version_in(image, box.docker, f"{box.name}-version")
    made = service.step(manifest, version, planned.image)
    if made is None:
        log.info("%s: %s is of the backup's own series: the copy runs on it", service.name, planned.image)
        return None
    if planned.point or planned.partner:
        what = f"the moment {planned.point}" if planned.point else f"a backup whose database is in {planned.partner[-1].service}"
        raise LifeboatError(
            f"{planned.image} holds {made.maker} {version}, the backup is of {made.before}: no upgrade is rehearsed on {what}",
            hint="rehearse it on a backup of its own: --backup latest",
        )
    return Route(made, image)


@dataclass
class _Course:
    """What is known of a rehearsal while it runs."""

    watch: Stopwatch
    checks: list[Check] = field(default_factory=list)
    back: str | None = None
    fault: LifeboatError | None = None


def rehearse(
    copy: Copy,
    manifest: Manifest,
    found: Route,
    box: DockerSandbox,
    *,
    tamper: Tamper = HARMLESS,
    suites: Callable[[], list[Check]] = list,
    monotonic: Callable[[], float] = time.monotonic,
) -> RehearsalPart:
    """Try the upgrade on a copy that equals its witness. Every fault becomes part of the result; only an interrupt is raised.

    suites: runs the operator's own expectations on the upgraded copy
    """
    course, old = _Course(Stopwatch(monotonic)), box.chosen
    made = found.step
    log.info("%s: %s %s is proven; trying %s on the same data", manifest.service, made.maker, made.before, made.after)
    try:
        able = _upgradable(copy, manifest)
        _upgrade(able, manifest, found, box, course, tamper, suites)
        if old:
            course.watch.begin("back")
            course.back = _try_back(able, old, made, box)
    except Exception as fault:
        log.debug("a fault ended the rehearsal", exc_info=True)
        course.fault = box.excused(parallel.as_fault(fault), "no upgrade is")
    finally:
        box.chosen = old
        course.watch.stop()
    return _part(found, course)


def _upgradable(copy: Copy, manifest: Manifest) -> UpgradableCopy:
    if not isinstance(copy, UpgradableCopy):
        raise LifeboatError(
            f"no upgrade is rehearsed on a copy of {manifest.id}", hint="rehearse it on a backup by another `method:`"
        )
    return copy


def _upgrade(
    copy: UpgradableCopy,
    manifest: Manifest,
    found: Route,
    box: DockerSandbox,
    course: _Course,
    tamper: Tamper,
    suites: Callable[[], list[Check]],
) -> None:
    """End the old server, start the newer one, and compare; what differs is no fault."""
    made, watch = found.step, course.watch
    watch.begin("stop")
    with _told(f"{made.maker} {made.before} does not end as an upgrade needs it"):
        copy.end()
    watch.begin("upgrade")
    box.chosen = found.image
    with _told(f"{made.maker} {made.after} does not start on the data of {made.before}"):
        copy.run_on(found.image, made)
    if tamper.upgraded:
        tamper.upgraded(copy)  # type: ignore[arg-type]
    watch.begin("ready")
    wrong: Damaged | None = None
    try:
        copy.first_answer()
    except Damaged as fault:
        wrong = fault
    watch.begin("check")
    facts, beside = copy.upgraded()
    course.checks = [*witness.compare(manifest.witness, facts), *beside, *suites()]
    # What differs says more than that something does; but a change that is expected of something else explains no wrong answer.
    told = [each for each in sort_out(course.checks, made) if not each.change or _named(each.check) in str(wrong)]
    if wrong and not told:
        raise wrong


def _named(check: Check) -> str:
    """Return how a first answer that is wrong names what it asked for."""
    return f"{check.subject}, {check.metric}"


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Have a fault of the block be the upgrade's, which fails then, and say what it was about."""
    try:
        yield
    except Transient:
        raise
    except LifeboatError as fault:
        raise Damaged(f"{what}: {fault.message}", hint="read the release notes; the backup itself is proven") from fault


def _try_back(copy: UpgradableCopy, old: Image, made: Step, box: DockerSandbox) -> str:
    """Start the old server on the upgraded data, and say what came of it: that it starts is no promise."""
    what = f"{made.maker} {made.after} does not end in order"
    try:
        copy.end()
        box.chosen, what = old, f"{made.maker} {made.before} does not start on the upgraded data"
        copy.run_on(old, None, _BACK_SECONDS)
        what = f"{made.maker} {made.before} starts on the upgraded data, and answers wrongly"
        copy.first_answer()
    except Exception as error:
        # Whatever it is: the upgrade was compared before, and nothing hangs on this.
        log.debug("a fault ended the way back", exc_info=True)
        return f"tried: {what}: {' '.join(parallel.as_fault(error).message.split())[:_TOLD]}"
    starts = f"tried: {made.maker} {made.before} starts on the upgraded data and gives its first answer"
    return f"{starts}; nothing new was written to them before"


def _part(found: Route, course: _Course) -> RehearsalPart:
    made = found.step
    changed = sort_out(course.checks, made)
    expected, look = ([each for each in changed if bool(each.change) is whether] for whether in (True, False))
    fault = course.fault
    return RehearsalPart(
        maker=made.maker,
        before=made.before,
        after=made.after,
        image=found.image.name,
        image_id=found.image.id,
        standin=found.image.standin,
        verdict=_verdict(fault, changed),
        phases=tuple(RehearsedPhase(name=phase, seconds=round(took, 3)) for phase, took in course.watch.phases),
        compared=len(course.checks),
        equal=sum(check.passed for check in course.checks),
        expected=tuple(map(_change, expected)),
        look=tuple(map(_change, look)),
        told=tuple(ToldPart(words=each.words, source=each.source) for each in made.changes if not each.subject),
        back=made.back.words,
        back_source=made.back.source,
        back_tried=course.back,
        error=fault.message if fault else None,
        hint=fault.hint if fault else None,
    )


def _verdict(fault: LifeboatError | None, changed: Sequence[Sorted]) -> Literal["rehearsed", "failed", "could-not-run"]:
    """Decide what came of it: whatever nobody expects of the new version, a person has to look at before the day."""
    if fault and not isinstance(fault, Damaged):
        return "could-not-run"
    return "failed" if fault or any(each.change is None for each in changed) else "rehearsed"


def _change(each: Sorted) -> ChangePart:
    check, change = each.check, each.change
    return ChangePart(
        subject=check.subject,
        metric=check.metric,
        before=check.expected,
        after=check.observed,
        why=change.words if change else None,
        source=change.source if change else None,
    )
