"""What a kit carries: every file and variable that the configuration names, so that it works in another folder as it did."""

import os
import stat
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backups.config.exposed import named
from backups.errors import LifeboatError
from backups.repository import identity
from backups.site import Site
from tests.unit.verification.rescue.sites import ENVIRONMENT, site_of
from verification.rescue import gather, packed, sealed, unpacked
from verification.rescue.contents import Contents
from verification.rescue.page import page
from verification.rescue.unpacked import Kit

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
IDS = {"first": "aa11", "second": "bb22"}


@pytest.fixture(autouse=True)
def _no_restic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repositories are known by the state directory alone, as they are on a machine that has used them."""

    def unreached(repository: object) -> None:
        raise LifeboatError("the repository is away")

    monkeypatch.setattr("backups.repository.repository.Repository.identifier", unreached)


@pytest.fixture
def site(tmp_path: Path) -> tuple[Site, Path]:
    site, path = site_of(tmp_path / "etc")
    for name, each in site.repositories.items():
        assert each.known is not None
        identity.remember(each.known, IDS[name])
    return site, path


def kit_of(site: Site, path: Path, environment: dict[str, str] | None = None) -> Kit:
    contents, members = gather.gather(site, path, now=NOW, environment=ENVIRONMENT if environment is None else environment)
    return Kit(contents, packed.unpack(packed.pack(members), path), "0" * 64)


def test_every_file_that_any_key_names_is_there_and_nobody_else_reads_it(site: tuple[Site, Path], tmp_path: Path) -> None:
    kit = kit_of(*site)
    assert kit.contents.missing == ()
    moved = tmp_path / "elsewhere" / "kit"
    path = unpacked.unpack(kit, moved)
    site[1].parent.rename(tmp_path / "gone")
    there = Site.open(path)
    before = {key: each for key, each in named(site[0].settings) if key != ("state",)}
    after = {key: each for key, each in named(there.settings) if key != ("state",)}
    assert after.keys() == before.keys()
    assert len(after) >= 13
    for key, each in after.items():
        assert each.is_relative_to(moved), key
        assert each.read_text() == f"content of {before[key].name}\n"
    for each in (moved, *moved.rglob("*")):
        assert not stat.S_IMODE(each.stat().st_mode) & 0o077, each


def test_the_rest_of_the_configuration_means_what_it_did(site: tuple[Site, Path], tmp_path: Path) -> None:
    there = Site.open(unpacked.unpack(kit_of(*site), tmp_path / "kit")).settings
    before = site[0].settings
    assert there.every_repository["first"].url == before.every_repository["first"].url == f"{tmp_path}/etc/repository"
    assert there.every_repository["second"].url == before.every_repository["second"].url
    assert there.services["prometheus"] == before.services["prometheus"].model_copy(
        update={key[-1]: path for key, path in named(there) if key[:2] == ("services", "prometheus")}
    )
    assert there.rescue_order == ["prometheus", "agama", "grafana"]
    assert (tmp_path / "kit" / unpacked.AS_WRITTEN).read_bytes() == site[1].read_bytes()


def test_a_repository_with_another_id_is_not_taken_for_the_one(site: tuple[Site, Path], tmp_path: Path) -> None:
    there = Site.open(unpacked.unpack(kit_of(*site), tmp_path / "kit"))
    known = {name: identity.known(each.known) for name, each in there.repositories.items() if each.known}
    assert known == IDS


def test_the_variables_reach_a_shell_as_they_were(site: tuple[Site, Path], tmp_path: Path) -> None:
    unpacked.unpack(kit_of(*site), tmp_path / "kit")
    shown = subprocess.run(
        ["sh", "-c", "set -a; . ./environment; set +a; env -0"],
        cwd=tmp_path / "kit",
        capture_output=True,
        check=True,
        env={"PATH": os.environ["PATH"]},
    )
    there = dict(each.split("=", 1) for each in shown.stdout.decode().split("\0") if "=" in each)
    assert {name: there.get(name) for name in ENVIRONMENT} == ENVIRONMENT


def test_a_variable_that_is_set_already_stays(site: tuple[Site, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGAMA_PASSWORD", "of today")
    monkeypatch.setenv("REST_PASSWORD", "")
    unpacked.set_environment(kit_of(*site))
    assert (os.environ["AGAMA_PASSWORD"], os.environ["REST_PASSWORD"]) == ("of today", ENVIRONMENT["REST_PASSWORD"])


def test_what_should_be_in_it_and_is_not_is_named(site: tuple[Site, Path], tmp_path: Path) -> None:
    (tmp_path / "etc" / "keys" / "ca.pem").unlink()
    (tmp_path / "etc" / "state" / identity.file("second")).unlink()
    missing = kit_of(*site, {**ENVIRONMENT, "BACKUP_KEY": ""}).contents.missing
    assert [each.partition(":")[0] for each in missing] == [
        "services.agama.tls_ca",
        "the environment variable BACKUP_KEY is not set here, and lifeboat.yaml reads it",
        "the id of the repository second",
    ]


def test_keys_that_cannot_be_carried_are_named(tmp_path: Path) -> None:
    more = {
        "repository": {"url": "sftp:ops@backup:/srv", "password": "x"},
        "hosts": {"gate": {"address": "ops@gate", "known_hosts": "keys/known_hosts"}},
    }
    missing = kit_of(*site_of(tmp_path / "etc", more=more)).contents.missing
    assert any("hosts.gate" in each and "ssh-agent" in each for each in missing)
    assert any("the repository first is reached by this user's own keys" in each for each in missing)


@pytest.mark.parametrize(
    ("url", "written", "around", "carried", "named"),
    [
        ("s3:https://host/b", {}, {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}, 2, None),
        ("s3:https://host/b", {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}, {}, 0, None),
        ("${WHERE}:https://host/b", {}, {"AWS_PROFILE": "backup", "WHERE": "s3"}, 2, "the keys of the repository first (s3)"),
        ("s3:https://host/b", {}, {"AWS_ACCESS_KEY_ID": "a", "AWS_SESSION_TOKEN": "b"}, 1, None),
        ("s3:https://host/b", {}, {"AWS_SESSION_TOKEN": "b"}, 0, "the keys of the repository first (s3)"),
        ("rclone:far:b", {}, {"RCLONE_VERBOSE": "1"}, 1, "the keys of the repository first (rclone)"),
        ("rclone:far:b", {}, {"RCLONE_CONFIG_FAR_PASS": "b"}, 1, None),
        ("rclone:far:b", {}, {"RCLONE_CONFIG": "FILE"}, 1, "the environment variable RCLONE_CONFIG names FILE"),
        (
            "gs:b:/",
            {"GOOGLE_APPLICATION_CREDENTIALS": "FILE"},
            {},
            0,
            "environment.GOOGLE_APPLICATION_CREDENTIALS of the repository",
        ),
        ("swift:b:/", {}, {"OS_AUTH_URL": "x"}, 1, "the keys of the repository first (swift)"),
        ("b2:b:/", {}, {"SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt", "B2_ACCOUNT_KEY": "/x"}, 2, None),
        ("rest:https://host/", {}, {"RESTIC_REST_PASSWORD": "b", "RESTIC_CACHE_DIR": "/"}, 2, None),
        ("/srv/b", {}, {"AWS_ACCESS_KEY_ID": "a"}, 0, None),
    ],
)
def test_what_a_backend_finds_by_itself_is_carried_or_named(
    url: str, written: dict[str, str], around: dict[str, str], carried: int, named: str | None, tmp_path: Path
) -> None:
    file = tmp_path / "credentials"
    file.write_text("of the backend")
    written, around = ({name: text.replace("FILE", str(file)) for name, text in each.items()} for each in (written, around))
    more = {"repository": {"url": url, "password": "x", "environment": written}, "repositories": {}, "hosts": {}}
    contents = kit_of(*site_of(tmp_path / "etc", more=more), {"AGAMA_PASSWORD": "x", **around}).contents
    assert len(contents.environment) == 1 + carried
    said = [each for each in contents.missing if not each.startswith("the id of the repository")]
    assert len(said) == (1 if named else 0)
    assert not said or said[0].startswith(named.replace("FILE", str(file)) if named else "")


def test_a_file_that_cannot_be_reached_is_named(site: tuple[Site, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a user who may not look into its directory finds it."""
    stat_of = Path.stat

    def closed(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if path.name == "ca.pem":
            raise PermissionError(13, "Permission denied")
        return stat_of(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", closed)
    (said,) = kit_of(*site).contents.missing
    assert said == f"services.agama.tls_ca: {tmp_path / 'etc' / 'keys' / 'ca.pem'} cannot be read: Permission denied"


def test_known_hosts_of_this_user_are_carried_where_a_host_names_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home" / ".ssh").mkdir(parents=True)
    (tmp_path / "home" / ".ssh" / "known_hosts").write_text("gate ssh-ed25519 AAAA\n")
    more = {"hosts": {"gate": {"address": "ops@gate", "key_file": "keys/id"}}}
    there = Site.open(unpacked.unpack(kit_of(*site_of(tmp_path / "etc", more=more)), tmp_path / "kit")).settings
    known = there.hosts["gate"].known_hosts
    assert known is not None
    assert (known.is_relative_to(tmp_path / "kit"), known.read_text()) == (True, "gate ssh-ed25519 AAAA\n")


def test_the_key_that_lifeboat_made_itself_is_carried(tmp_path: Path) -> None:
    site, path = site_of(tmp_path / "etc", more={"evidence": {}})
    key = site.state / "evidence" / "signing.key"
    key.parent.mkdir(parents=True)
    key.write_text("the key")
    there = Site.open(unpacked.unpack(kit_of(site, path), tmp_path / "kit"))
    assert (there.state / "evidence" / "signing.key").read_text() == "the key"


def test_nothing_that_is_there_is_written_over(site: tuple[Site, Path], tmp_path: Path) -> None:
    kit, folder = kit_of(*site), tmp_path / "kit"
    folder.mkdir()
    (folder / "mine").write_text("mine")
    with pytest.raises(LifeboatError, match="is there already, and is not of this kit; nothing was written"):
        unpacked.unpack(kit, folder)
    assert [each.name for each in folder.iterdir()] == ["mine"]
    path = unpacked.unpack(kit, tmp_path / "new")
    path.write_text(path.read_text() + "# mended by hand\n")
    assert unpacked.unpack(kit, tmp_path / "new").read_text().endswith("# mended by hand\n")
    with pytest.raises(LifeboatError, match="is not of this kit"):
        unpacked.unpack(Kit(kit.contents, kit.members, "1" * 64), tmp_path / "new")


def test_where_nobody_has_said_where_to_the_page_does(site: tuple[Site, Path], tmp_path: Path) -> None:
    """Each line that it says to type works as it stands."""
    text = page(kit_of(*site).contents, Path("kit.age"), "0" * 64, ())
    assert text.count("rescue kit.age --to-base local:/srv/restored") == 2
    assert "where prometheus, agama, grafana shall be" in text
    placed, path = site_of(tmp_path / "placed", to="local:/srv/there")
    assert "--to-base" not in page(kit_of(placed, path).contents, Path("kit.age"), "0" * 64, ())


@pytest.mark.parametrize("name", ["my kit.age", "-rf.age", "$(x)'s.age", "a;b.age"])
def test_a_shell_reads_the_name_of_the_kit_whole(name: str, site: tuple[Site, Path], tmp_path: Path) -> None:
    text = page(kit_of(*site).contents, Path(name), "0" * 64, ())
    (line,) = [each.partition("age --decrypt")[2].partition(" | ")[0] for each in text.splitlines() if "age --decrypt" in each]
    (tmp_path / name).write_text("the kit")
    assert subprocess.run(["sh", "-c", f"cat {line}"], cwd=tmp_path, capture_output=True, check=True).stdout == b"the kit"


def test_the_page_holds_no_secret_and_says_it_in_ten_lines(site: tuple[Site, Path]) -> None:
    kit = kit_of(*site)
    text = page(kit.contents, Path("kit.age"), "0" * 64, ())
    secrets = [*ENVIRONMENT.values(), *(kit.members[each.member].decode().strip() for each in kit.contents.files)]
    assert not [each for each in secrets if each in text]
    typed = text.split("```")[1].strip().splitlines()
    assert len(typed) <= 10
    assert "bb22" in text
    assert "prometheus, agama, grafana" in text


@pytest.mark.parametrize("damage", ["no kit.json", "another file", "a file less", "another form", "an odd name"])
def test_a_kit_whose_parts_are_not_those_that_it_names_is_refused(
    site: tuple[Site, Path], tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = kit_of(*site)
    members, name = dict(kit.members), kit.contents.files[0].member
    told = kit.contents.model_dump(mode="json")
    if damage == "no kit.json":
        del members["kit.json"]
    elif damage == "another file":
        members[name] += b"x"
    elif damage == "a file less":
        del members[name]
    elif damage == "another form":
        members["kit.json"] = b'{"schema_version": 2}'
    else:
        told["files"][0]["member"] = "../../etc/passwd"
        members["kit.json"] = Contents.model_construct(**told).model_dump_json(warnings=False).encode()
    file = tmp_path / "kit.age"
    file.write_bytes(b"age-encryption.org/v1\n")
    monkeypatch.setattr(sealed, "unseal", lambda *_: packed.pack(members))
    with pytest.raises(LifeboatError, match=r"kit.age (opens|lacks|holds)"):
        unpacked.opened(file, sealed.Keys())
