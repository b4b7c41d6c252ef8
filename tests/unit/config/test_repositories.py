"""Several repositories in lifeboat.yaml: which is the first, what each keeps, and what cannot be, with file, line and key."""

from datetime import timedelta
from pathlib import Path

import pytest

from backups.config import file
from backups.config.exposed import exposed
from backups.errors import ConfigError
from backups.site import Site
from flows.commands.config import _plain

SERVICES = "services:\n  agama: {type: mysql, image: 'mysql:9.7', host: h, user: u, password: '${AGAMA}'}\n"
FIRST = "repository: {url: one, password: '${ONE}'}\n"
BOTH = FIRST + "repositories:\n  offsite:\n    url: two\n    password: '${TWO}'\n"


def site(tmp_path: Path, text: str) -> Site:
    (tmp_path / "lifeboat.yaml").write_text(text + SERVICES)
    return Site(file.load(tmp_path / "lifeboat.yaml"))


def told(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as fault:
        site(tmp_path, text)
    return str(fault.value).replace(f"{tmp_path}/lifeboat.yaml", "FILE")


def test_the_one_of_the_old_key_is_the_first_and_the_others_have_their_names(tmp_path: Path) -> None:
    here = site(tmp_path, BOTH)
    assert list(here.repositories) == ["first", "offsite"]
    assert [each.url for each in here.repositories.values()] == [f"{tmp_path}/one", f"{tmp_path}/two"]
    assert (here.repository_name, here.further, here.at("offsite").repository_name) == ("first", ["offsite"], "offsite")
    known = [each.known.name for each in here.repositories.values() if each.known]
    assert known == ["repository.id", "repository-offsite.id"]
    with pytest.raises(ConfigError, match="configured: first, offsite"):
        here.at("nowhere")


def test_without_the_old_key_the_first_of_the_names_is_the_first(tmp_path: Path) -> None:
    here = site(tmp_path, BOTH.removeprefix(FIRST) + "  cellar: {url: 'sftp:vault:/r', password: x, retention: {weekly: 4}}\n")
    assert (here.repository_name, here.further) == ("offsite", ["cellar"])
    assert here.repository.known == here.state / "repository.id"
    assert here.settings.first.url == f"{tmp_path}/two"


def test_each_keeps_by_its_own_rules_or_by_those_of_all(tmp_path: Path) -> None:
    more = (
        "    retention: {daily: 7, monthly: 12}\n  cellar: {url: three, password: x, retention: {keep: 60d, delete_after: 90d}}\n"
    )
    here = site(tmp_path, f"{BOTH}{more}  attic: {{url: four, password: x}}\nretention: {{keep: 1d, delete_after: 2d}}\n")
    assert here.at("offsite").retention.generations == {"daily": 7, "monthly": 12}
    assert here.at("offsite").retention.whole_for == timedelta(days=7)
    assert here.at("cellar").retention.delete_after == timedelta(days=90)
    assert here.retention == here.at("attic").retention
    assert here.retention.delete_after == timedelta(days=2)


def test_a_repository_may_be_in_the_state_directory(tmp_path: Path) -> None:
    """As it is by default: /var/lib/lifeboat/repository."""
    assert site(tmp_path, f"{FIRST}state: .\n").state == tmp_path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "FILE:1: repository is missing\n"),
        ("repositories: {}\n", "FILE:1: repository is missing\n"),
        (f"{FIRST}repositories:\n  First: {{url: two, password: x}}\n", "FILE:3: repositories.First: string should match"),
        (f"{FIRST}repositories:\n  first: {{url: two, password: x}}\n", "FILE:3: repositories.first is not the first repository"),
        (
            "repositories:\n  a: {url: o, password: x}\n  first: {url: t, password: x}\n",
            "FILE:3: repositories.first is not the first",
        ),
        (
            f"{FIRST}repositories:\n  twin:\n    url: ./one\n    password: x\n",
            "FILE:4: repositories.twin.url is the place of the repository first, too",
        ),
        (f"{BOTH}    pasword: x\n", "FILE:6: unknown key repositories.offsite.pasword\nhint: did you mean password?"),
        (
            f"{BOTH}    retention:\n      dayly: 3\n",
            "FILE:7: unknown key repositories.offsite.retention.dayly\nhint: did you mean daily?",
        ),
        (f"{BOTH}    retention: {{daily: 0}}\n", "FILE:6: repositories.offsite.retention.daily: input should be greater"),
        (
            f"{BOTH}    retention: {{daily: 3, keep: 3d}}\n",
            "FILE:6: repositories.offsite.retention: keep is given beside daily: chains go by their age, or by generations",
        ),
        (f"{BOTH}    password_file: /k\n", "FILE:3: repositories.offsite: password and password_file are both given"),
        (f"{FIRST}repositories:\n  offsite:\n    url: ' '\n    password: x\n", "FILE:4: repositories.offsite.url is empty"),
        (
            f"{FIRST}repositories:\n  offsite:\n    url: two\n    password_file: '${{KEY}}'\n",
            "FILE:5: repositories.offsite.password_file holds ${KEY}, and is no key in which the environment is read",
        ),
        (f"{FIRST}state: one\n", "FILE:2: state is in the directory of the repository first: "),
        (f"{BOTH}state: two/state\n", "FILE:6: state is in the directory of the repository offsite: "),
    ],
)
def test_what_cannot_be_is_told_with_its_line_and_key(tmp_path: Path, text: str, words: str) -> None:
    assert told(tmp_path, text).startswith(words)


@pytest.mark.parametrize(("key", "name"), [("environment", "AWS_ACCESS_KEY_ID"), ("options", "s3.region")])
def test_two_that_need_two_values_of_what_restic_has_once_are_refused(tmp_path: Path, key: str, name: str) -> None:
    """Of `restic copy` both repositories have one environment, and one set of options: two accounts of one kind cannot be."""

    def text(value: str) -> str:
        first = f"repository: {{url: 's3:https://a/b', password: x, {key}: {{{name}: '${{A}}'}}}}\n"
        return (
            f"{first}repositories:\n  offsite:\n    url: s3:https://c/d\n    password: x\n    {key}:\n      {name}: '{value}'\n"
        )

    if key == "environment":
        assert told(tmp_path, text("${B}")).startswith(
            f"FILE:7: repositories.offsite.{key}.{name} differs from that of the first repository: `restic copy` has one {name} for both"
        )
        site(tmp_path, text("${A}"))
    else:
        assert f"repositories.offsite.{key}.{name} differs" in told(tmp_path, text("b").replace("${A}", "a"))


def test_how_restic_works_may_differ(tmp_path: Path) -> None:
    text = BOTH.replace("'${ONE}'}", "'${ONE}', environment: {RESTIC_COMPRESSION: 'off'}, options: {sftp.command: a}}")
    here = site(tmp_path, f"{text}    environment: {{RESTIC_COMPRESSION: max}}\n    options: {{sftp.command: b}}\n")
    assert here.further == ["offsite"]


def test_only_what_is_in_force_is_shown_of_a_retention(tmp_path: Path) -> None:
    here = site(tmp_path, f"{BOTH}    retention: {{daily: 7}}\n")
    shown = _plain(here.settings)
    assert shown["repositories"]["offsite"]["retention"] == {"daily": 7}
    assert set(shown["retention"]) == {"keep", "delete_after"}
    assert "repository" not in _plain(site(tmp_path, BOTH.removeprefix(FIRST)).settings)


def test_what_others_may_use_is_looked_for_in_every_repository(tmp_path: Path) -> None:
    for name in ("two", "key"):
        (tmp_path / name).mkdir() if name == "two" else (tmp_path / name).write_text("secret")
        (tmp_path / name).chmod(0o777)
    here = site(tmp_path, BOTH.replace("password: '${TWO}'", "password_file: key"))
    subjects = {finding.subject: finding.message for finding in exposed(here.settings, tmp_path / "lifeboat.yaml")}
    assert "can be written by other users" in subjects["repository"]
    assert "can be read and written" in subjects["repositories.offsite.password_file"]
