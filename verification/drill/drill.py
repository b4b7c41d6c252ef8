"""The story of one drill: fetch a chain, bring it back in a sandbox, compare it with its witness, and say what that proves.

How a service comes back is its own affair: next file `backups/services/<type>/service.py`.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from backups import witness
from backups.errors import Damaged, LifeboatError
from backups.machine import parallel
from backups.machine.docker import Image
from backups.manifest import BackupRecord, Manifest
from backups.repository.repository import Repository
from backups.services.base import Copy, Service, SqlServiceSettings
from verification.drill import expectations, fetch, suites
from verification.drill.clock import Phase, Stopwatch
from verification.drill.outcome import Account, result
from verification.drill.plan import Planned
from verification.drill.sandbox import DockerSandbox
from verification.drill.tamper import Tamper
from verification.evidence.evidence import DrillResult, ExpectationPart

log = logging.getLogger(__name__)

_HARMLESS = Tamper("")


def drill(
    service: Service,
    planned: Planned,
    repository: Repository,
    sandbox: DockerSandbox,
    *,
    rto: timedelta,
    tamper: Tamper | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> DrillResult:
    """Drill the planned chain in the sandbox. Every fault becomes part of the result; only an interrupt is raised.

    `monotonic` gives the seconds by which phases are timed.
    """
    started_at = now()
    account = Account(Stopwatch(monotonic))
    try:
        with _faults_kept(account, sandbox, planned.chain, repository):
            _lower(service, planned.chain, repository, sandbox, tamper or _HARMLESS, account)
    finally:
        account.watch.stop()
    return result(planned, account, _ran(sandbox, account), started_at, rto, tamper)


def _lower(
    service: Service,
    records: Sequence[BackupRecord],
    repository: Repository,
    sandbox: DockerSandbox,
    tamper: Tamper,
    account: Account,
) -> None:
    """Lower the boat. The order is the contract of Copy."""
    # Before the clock: a suite that cannot be read is found without fetching anything.
    own_suites = suites.read_all(service.settings.suites) if isinstance(service.settings, SqlServiceSettings) else {}
    watch = account.watch

    watch.begin(Phase.FETCH)
    manifests = fetch.manifests(records, repository)
    account.manifest = manifests[-1]
    # Found, or pulled, before the data comes: on the bad day too, its time is the restore's.
    sandbox.image(account.manifest.source.image)
    fetched = fetch.files(service, records, manifests, repository, sandbox.directory)
    if tamper.fetched:
        tamper.fetched(fetched)
    fetch.count(fetched, service)
    copy = service.copy(fetched, sandbox)
    copy.assemble()
    if tamper.files:
        tamper.files(copy, sandbox.directory)
    watch.begin(Phase.START)
    copy.start()
    watch.begin(Phase.REPLAY)
    copy.replay()
    watch.begin(Phase.READY)
    copy.first_answer()

    watch.begin(Phase.CHECK)
    if tamper.running:
        tamper.running(copy)
    _check(copy, account.manifest, own_suites, account)


def _check(copy: Copy, manifest: Manifest, own_suites: dict[str, suites.Suite], account: Account) -> None:
    """Compare the copy with the witness, twice (our own comparison and Great Expectations), then run the operator's suites."""
    if not manifest.witness:
        raise Damaged(
            f"backup {manifest.id} has no witness: there is nothing to compare its copy with",
            hint="take a full: lifeboat backup --kind full",
        )
    observed = list(copy.observe())
    account.checks = witness.compare(manifest.witness, observed)
    account.expectations = expectations.judge(manifest.witness, observed, account.checks)
    for name, suite in own_suites.items():
        url = copy.database_url(suite.database)
        if url is None:
            raise LifeboatError(
                f"{manifest.service} answers no SQL, so the suite {name} cannot be run", hint="remove it from suites:"
            )
        found = expectations.judge_suite(name, suite, url)
        account.checks += found
        account.expectations += [
            ExpectationPart(suite=name, name=expectation.name, passed=check.passed, unexpected=int(check.observed or 0))
            for expectation, check in zip(suite.expectations, found, strict=True)
        ]


@contextmanager
def _faults_kept(
    account: Account, sandbox: DockerSandbox, records: Sequence[BackupRecord], repository: Repository
) -> Iterator[None]:
    """Keep whatever goes wrong as the drill's fault. A bug of ours proves nothing about the backup, and is told as a bug."""
    try:
        yield
    except Exception as fault:
        log.debug("a fault ended the drill", exc_info=True)
        account.fault = parallel.as_fault(fault)
    if isinstance(account.fault, Damaged) and (cut_short := sandbox.cut_short()):
        account.fault = LifeboatError(
            f"{cut_short}, so nothing is proven: {account.fault.message}",
            hint="raise sandbox.memory in lifeboat.yaml; does this machine have as much to spare?",
        )
    if account.fault and (gone := fetch.deleted(records, repository)):
        account.fault = LifeboatError(
            f"{gone} of the {len(records)} backups of chain {records[0].chain} were deleted while it was being drilled, so "
            f"nothing is proven: {account.fault.message}",
            hint="another machine has pruned it; choose again: lifeboat verify",
        )


def _ran(sandbox: DockerSandbox, account: Account) -> Image | None:
    """The image of the server that ran, as its container had it: a service may start helpers on other images first."""
    wanted = account.manifest.source.image if account.manifest else ""
    return next((image for image in sandbox.images if image.name == wanted), next(iter(sandbox.images), None))
