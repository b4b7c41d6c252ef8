"""The container of a cold start has nothing of this machine but what its report names, and leaves nothing behind."""

from pathlib import Path

import pytest

from backups.machine.docker import Docker
from tests.contract.toy_site import ToySite
from verification.evidence import rescues
from verification.rescue import cold, terminal
from verification.rescue.cold import Given, cold_start

IMAGE = "lifeboat/ssh-host:sid"
"""As bare as the base system, but for Python: there the page's line that installs it takes half a minute."""


def lines(toy: ToySite) -> list[str]:
    """What holds in the container, each as a line that ends with 0."""
    return [
        f"test ! -e {toy.folder}/lifeboat.yaml && test ! -e {toy.folder}/key && test ! -e {Path(__file__).parent}",
        f"test -e {toy.repository}/config && ! touch {toy.repository}/written",
        "test -S /var/run/docker.sock",
        'test -z "$(env | grep -i -e passphrase -e password)"',
        # A line with the kit's name is typed at a terminal, at which the passphrase is given.
        f'test -s {terminal.KIT} && test -t 0 && printf \'Passphrase: \' && read given && test "$given" = "$(cat passphrase)"',
        "mkdir -p rescued && echo told > rescued/mine",
        "echo what went wrong; false",
    ]


def test_it_is_bare_and_is_gone_afterwards(toy: ToySite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verification.rescue.page.commands", lambda *_, **__: [(line, "") for line in lines(toy)])
    site = toy.open()
    before = {each.id for each in Docker().client().containers.list(all=True)}
    found = cold_start(site, toy.folder / "lifeboat.yaml", Given(image=IMAGE))
    assert len(found.steps) == len(lines(toy)), found.error
    assert (found.verdict, "ended with 1: what went wrong" in (found.error or "")) == ("could-not-run", True)
    assert not (site.state / cold.FOLDER).exists()
    started = {each.name for each in Docker().client().containers.list(all=True) if each.id not in before}
    assert not [name for name in started if name and "cold-start" in name]
    # Its report is evidence, and no proof of a backup.
    assert found.kept is not None
    assert found.kept.snapshot
    snapshots = site.repository.snapshots(rescues.TAG)
    newest = rescues.newest_cold_start(snapshots, found.finished_at)
    assert newest is not None
    assert (newest.verdict, newest.proven_at) == ("could-not-run", None)
