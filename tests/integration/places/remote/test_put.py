"""Files put to a place over SSH on bad days: connections that are cut, disks that fill, tools and rights that are missing."""

from pathlib import Path

import pytest

from backups.errors import LifeboatError, Transient
from backups.places import put as putting
from backups.places.remote import shell
from tests.integration.places.remote.harness import MIB, OWNERSHIP, by, fill, sizes, through
from tests.servers.ssh import SshServer, Wire


def test_a_put_that_is_cut_is_begun_again(ssh_server: SshServer, wire: Wire, top: Path, tmp_path: Path) -> None:
    content = fill(tmp_path / "tree")
    wire.cut_up_after = 5 * MIB // 2
    by(ssh_server, top / "data", **through(wire)).put(tmp_path / "tree", OWNERSHIP)
    assert sizes(top / "data") == content
    assert wire.connections == 2
    assert [path.name for path in top.iterdir()] == ["data"]


def test_a_put_that_fails_leaves_the_root_and_the_tree_as_they_were(
    ssh_server: SshServer, wire: Wire, top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = fill(tmp_path / "tree")
    monkeypatch.setattr(shell, "ATTEMPTS", 1)
    wire.cut_up_after = 5 * MIB // 2
    place = by(ssh_server, top / "data", **through(wire))
    with pytest.raises(Transient, match="was cut in the middle"):
        place.put(tmp_path / "tree", OWNERSHIP)
    assert list(top.iterdir()) == []
    assert sizes(tmp_path / "tree") == content
    place.put(tmp_path / "tree", OWNERSHIP)
    assert sizes(top / "data") == content


@pytest.mark.parametrize("done", [True, False])
def test_a_rename_whose_answer_is_lost(ssh_server: SshServer, top: Path, tmp_path: Path, done: bool) -> None:
    content = fill(tmp_path / "tree")
    place = by(ssh_server, top / "data")
    move = '/bin/mv "$@"' if done else ":"
    dying = f"#!/bin/sh\nrm /usr/local/bin/mv\n{move}\npkill -KILL -f '^sshd-session: '\nexit 1\n"
    ssh_server.sh(f"cat > /usr/local/bin/mv <<'EOF'\n{dying}EOF\nchmod 755 /usr/local/bin/mv")
    if not done:
        with pytest.raises(Transient, match=r"was cut while /srv/.*/data\.lifeboat-partial was renamed"):
            place.put(tmp_path / "tree", OWNERSHIP)
        assert [path.name for path in top.iterdir()] == ["data.lifeboat-partial"]
        assert sizes(tmp_path / "tree") == content
    place.put(tmp_path / "tree", OWNERSHIP)
    assert sizes(top / "data") == content
    assert [path.name for path in top.iterdir()] == ["data"]
    assert not (tmp_path / "tree").exists()


def test_no_room_is_reported_with_both_numbers(ssh_server: SshServer, tmp_path: Path) -> None:
    fill(tmp_path / "tree")
    (tmp_path / "tree" / "big").write_bytes(b"0" * 9 * MIB)
    with pytest.raises(
        LifeboatError, match=r"not enough space in ssh:db:/small/data: 13\.0 MiB are to be put there, 8\.0 MiB are free"
    ):
        by(ssh_server, "/small/data").put(tmp_path / "tree", OWNERSHIP)
    assert ssh_server.sh("ls -A /small") == ""


def test_a_disk_that_fills_in_the_middle_keeps_nothing(
    ssh_server: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "tree")
    (tmp_path / "tree" / "big").write_bytes(b"0" * 30 * MIB)
    monkeypatch.setattr(putting, "require_room", lambda *_: None)
    with pytest.raises(LifeboatError, match=r"the disk of ssh:db:/small/data filled while files were put there"):
        by(ssh_server, "/small/data").put(tmp_path / "tree", OWNERSHIP)
    assert ssh_server.sh("ls -A /small") == ""
    assert (tmp_path / "tree" / "big").exists()


def test_a_mount_point_is_filled_from_within(ssh_server: SshServer, tmp_path: Path) -> None:
    content = fill(tmp_path / "tree")
    (tmp_path / "tree" / ".new\nline").touch()
    ssh_server.sh("mkdir '/small/lost+found'; chown 33:34 /small; chmod 751 /small")
    place = by(ssh_server, "/small")
    try:
        place.put(tmp_path / "tree", OWNERSHIP)
        assert place.entries() == [".new\nline", *content]
        assert ssh_server.sh("stat -c '%u %g %a' /small /small/f0") == "33 34 751\n33 34 644"
        assert ssh_server.sh("ls -A /small").split("\n")[-1] == "lost+found"
        with pytest.raises(LifeboatError, match="is a mount point, which cannot be renamed"):
            place.move_aside("before")
    finally:
        ssh_server.sh("find /small -mindepth 1 -delete; chown 0:0 /small; chmod 755 /small")


def test_a_move_that_fails_takes_the_others_back(ssh_server: SshServer, tmp_path: Path) -> None:
    fill(tmp_path / "tree")
    ssh_server.sh(
        """printf '#!/bin/sh\ncase "$*" in *f2*small/f2) echo broken >&2; exit 1;; esac\nexec /bin/mv "$@"\n' > /usr/local/bin/mv; chmod 755 /usr/local/bin/mv"""
    )
    try:
        with pytest.raises(LifeboatError, match="nothing can be put into ssh:db:/small: broken"):
            by(ssh_server, "/small").put(tmp_path / "tree", OWNERSHIP)
    finally:
        ssh_server.sh("rm /usr/local/bin/mv")
    assert ssh_server.sh("ls -A /small") == ""


def test_a_user_without_sudo_owns_what_it_puts(
    ssh_server: SshServer, top: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    top.chmod(0o777)
    content = fill(tmp_path / "tree")
    by(ssh_server, top / "data", address=f"plain@{ssh_server.address}").put(tmp_path / "tree", OWNERSHIP)
    assert sizes(top / "data") == content
    assert (top / "data" / "f0").stat().st_uid == int(ssh_server.sh("id -u plain"))
    assert "belong to plain, not to 4711:4712, since Lifeboat is not root there" in caplog.text
