"""`lifeboat doctor`: says what a backup or a verification lacks, and what to type.

Changes nothing.
"""

import os
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import typer

from backups import durations, plural
from backups.chains import ahead, ahead_words, chains
from backups.config import file
from backups.config.exposed import exposed
from backups.errors import LifeboatError
from backups.machine import disk, processes
from backups.machine.docker import Docker
from backups.machine.parallel import side_by_side
from backups.repository import restic_version
from backups.services.base import Finding
from backups.site import Site
from flows.commands import console, emptied, fleet_found
from flows.commands.console import Text
from flows.commands.options import Config, Json, Services, prefect_is_configured
from flows.commands.progress import progress
from verification.evidence import keys
from verification.evidence.store import listed
from verification.rescue import kept

_MACHINE = "this machine"
"""The title of what belongs to no service."""

_CLOCK = "is this machine's clock right (date -u)? if so, another one was ahead: the backup counts again when that time has come"

_TEMPLATE = "deployments/server/work-pool.json"
_SILENT = timedelta(minutes=3)
"""A worker is heard every half minute."""


def doctor(services: Services = None, as_json: Json = False, config: Config = None) -> None:
    """Check that everything a backup and a verification need is there, and print what to type where something is not.

    Looks at each source, its version and its privileges, the places of its files, the images, the repository, Docker and, where
    Prefect is configured, its workers. Says whether whoever takes over this machine could delete every backup. Changes nothing.

    Examples: lifeboat doctor | lifeboat doctor agama

    Exit code: 0 nothing is missing, 1 something has to be mended, 2 could not look.
    """
    path = file.find(config)
    site = Site.open(path, narrow=False)
    names = site.chosen(services or [])
    docker = Docker()
    with progress([]):
        machine = [*_machine(site, docker), kept.examine(site, path), *exposed(site.settings, path)]
        results = side_by_side(lambda name: list(site.service(name, docker).examine(docker)), names, at_once=4)
    groups = [(_MACHINE, machine)]
    for name, result in zip(names, results, strict=True):
        groups.append((name, [_fault("examination", result)] if isinstance(result, LifeboatError) else result))
    bad = sum(not finding.ok for _, findings in groups for finding in findings)
    if as_json:
        console.print_json([_as_json(title, finding) for title, findings in groups for finding in findings])
    else:
        for title, findings in groups:
            _show(title, findings)
        console.out.print(Text("all well" if not bad else f"{bad} to mend", style="bold green" if not bad else "bold red"))
    raise typer.Exit(1 if bad else 0)


def _as_json(title: str, finding: Finding) -> dict[str, Any]:
    return {
        "service": None if title == _MACHINE else title,
        "subject": finding.subject,
        "ok": finding.ok,
        "message": finding.message,
        "remedy": finding.remedy,
        "warning": finding.warning,
    }


def restic_found(printed: str) -> Finding:
    """Say which restic this machine has, what a newer one brings, and what is not proven of one that no test runs with."""
    name = " ".join(printed.split()[:2]) or "a restic without a version"
    version = restic_version.read(printed)
    if version in restic_version.PROVEN:
        newest = restic_version.PROVEN[-1]
        newer = f"{newest[0]}.{newest[1]}"
        gain = f"; {newer} saves in two thirds of the time and restores in half of it: make setup installs it where Debian has it"
        return Finding("restic", True, name + ("" if version == newest else gain))
    proven = " and ".join(f"{first}.{second}" for first, second in restic_version.PROVEN)
    return Finding(
        "restic",
        True,
        f"{name}, which Lifeboat is not tested with ({proven} are): it may wait minutes for a repository that is away",
    )


def _machine(site: Site, docker: Docker) -> Iterator[Finding]:
    try:
        yield restic_found(processes.run(["restic", "version"]).output.decode())
    except LifeboatError as error:
        yield _fault("restic", error)
    try:
        docker.client()
        yield Finding("Docker", True, "the daemon answers")
    except LifeboatError as error:
        yield _fault("Docker", error)
    yield state_found(site)
    for name in site.settings.every_repository:
        yield from _repository(site.at(name))
    yield emptied.finding(site, datetime.now(UTC))
    yield keys.examine(site)
    # Prefect is started for nobody who does not use it: that takes seconds.
    if prefect_is_configured():
        yield from _workers(fleet_found.pools(site.settings), site.settings.fleet.machines)
        yield from fleet_found.examine(site.settings)


def _repository(site: Site) -> Iterator[Finding]:
    repository, further = site.repository, site.repository_name in site.further
    subject = (
        f"repository {site.repository_name}, {repository.shown_url}" if site.further else f"repository {repository.shown_url}"
    )
    try:
        if repository.recognise() is None:
            yield Finding(subject, True, f"not there yet; the first {'copy' if further else 'backup'} makes it")
            return
        # With the evidence: what is odd among it is named, too.
        backups = listed(repository, datetime.now(UTC)).backups
        found = f"opens, {plural.count(len(backups), 'backup')}"
        if repository.is_append_only():
            found += "; append-only from this machine: `lifeboat prune` runs where it is reached with full access"
        yield Finding(subject, True, found)
        now = datetime.now(UTC)
        for backup in ahead((chain for members in chains(backups).values() for chain in members), now):
            yield Finding("clock", False, ahead_words(backup, now), _CLOCK)
        repository.require_writable("save to")
    except LifeboatError as error:
        yield _fault(subject, error)


def _workers(others: Sequence[str], machines: Collection[str]) -> Iterator[Finding]:
    from tasks import maintenance, prefect_api

    try:
        pools = maintenance.pools(others, machines)
        if prefect_api.is_open():
            message = "its server asks for no password: whoever reaches it is root on the workers' machines"
            yield Finding("Prefect", False, message, "PREFECT_SERVER_API_AUTH_STRING: deployments/server/README.md")
    except LifeboatError as error:
        yield _fault("Prefect", error)
        return
    for pool in dict.fromkeys((*maintenance.POOLS, *others)):
        queue = " --work-queue default" if pool in maintenance.POOLS else ""
        start = f"systemctl start lifeboat-worker-{pool}, or: prefect worker start --pool {pool}{queue}"
        template = f"--base-job-template {_TEMPLATE}"
        if pool not in pools:
            remedy = f"prefect work-pool create {pool} --type process {template}"
            yield Finding(f"work pool {pool}", False, "it is not there", remedy)
            continue
        if settable := pools[pool].settable:
            message = f"whoever starts a run there may set its {' and '.join(settable)}: any program, as the worker's user"
            yield Finding(f"work pool {pool}", False, message, f"prefect work-pool update {pool} {template}")
        silent = pools[pool].silent
        if silent is None:
            yield Finding(f"work pool {pool}", False, "no worker was ever heard: nothing that is scheduled runs", start)
        elif silent > _SILENT:
            message = f"no worker was heard for {durations.describe(silent)}: nothing that is scheduled runs"
            yield Finding(f"work pool {pool}", False, message, start)
        else:
            yield Finding(f"work pool {pool}", True, f"a worker was heard {silent.total_seconds():.0f} s ago")


def state_found(site: Site, may: Callable[[Path, int], bool] = os.access) -> Finding:
    """Say whether the state directory, or the nearest one above it that is there, can be written, and how much room it has."""
    parent = next(path for path in (site.state, *site.state.parents) if path.exists())
    try:
        free = shutil.disk_usage(parent).free
    except OSError as error:
        return Finding(
            "state directory",
            False,
            f"{site.state}: {error.strerror}",
            "set `state:` in lifeboat.yaml to a directory you may write",
        )
    if not may(parent, os.W_OK | os.X_OK):
        remedy = "run Lifeboat as the user that owns it, or set `state:` in lifeboat.yaml to a directory you may write"
        return Finding("state directory", False, f"{parent} cannot be written by this user", remedy)
    return Finding("state directory", True, f"{site.state}: {disk.size(free)} free")


def _fault(subject: str, error: LifeboatError) -> Finding:
    return Finding(subject, False, error.message, error.hint)


def _show(title: str, findings: list[Finding]) -> None:
    console.out.print(Text(title, style="bold"))
    for finding in findings:
        mark = ("✓ ", "green") if finding.ok else ("✗ ", "bold red")
        mark = ("! ", "yellow") if finding.warning else mark
        console.out.print(Text.assemble("  ", mark, f"{finding.subject}: ", finding.message), soft_wrap=True)
        if finding.remedy:
            for line in finding.remedy.splitlines():
                console.out.print(Text(f"      {line}", style="yellow"), soft_wrap=True)
