"""Whether a repository can be emptied from here: what is known of each kind, and what is not; nothing is deleted to find out."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backups.emptied import look as looking
from backups.emptied import object_lock
from backups.emptied.look import Emptied, look
from backups.emptied.object_lock import Lock
from backups.errors import LifeboatError, Transient
from backups.repository import append_only
from backups.repository.repository import Repository
from backups.secret import Secret
from flows.commands.emptied import said

NOW = datetime(2013, 5, 24, tzinfo=UTC)


def found(url: str, kept: bool | str = False) -> Emptied:
    return look(Repository(url, Path("/nowhere")), kept_by_other_side=kept, now=NOW)


def test_a_directory_that_may_be_written_can_be_emptied_and_nothing_is_made_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    (tmp_path / "config").touch()
    assert found(str(tmp_path)) == Emptied(can=True, why="this user may write its directory")
    assert found(f"local:{tmp_path}").can is True
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert found(str(tmp_path)).can is None, "whoever takes over this machine is root"
    assert "root of this machine may" in found(str(tmp_path)).why
    assert [each.name for each in tmp_path.iterdir()] == ["config"]


@pytest.mark.parametrize("below", ["", "gone", "gone/too"])
def test_a_directory_without_its_disk_says_nothing_of_what_can_be_deleted_there(tmp_path: Path, below: str) -> None:
    """Whether its mount point is there, and may be written, or not."""
    for url in (str(tmp_path / below), f"local:{tmp_path / below}"):
        absent = found(url)
        assert absent.can is None
        assert absent.why.startswith("it could not be looked at: ")
        assert absent.why.endswith("is its disk mounted?")


def test_a_directory_that_this_user_may_not_look_into_is_no_fault_of_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: object, **_: object) -> os.stat_result:
        if str(path).startswith("/closed/"):
            raise PermissionError(13, "Permission denied", str(path))
        return os.lstat("/")

    monkeypatch.setattr(os, "stat", refused)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert found("/closed/repository").can is None


@pytest.mark.parametrize(("refuses", "can"), [(True, False), (False, True), (None, None)])
def test_a_rest_server_is_asked(monkeypatch: pytest.MonkeyPatch, refuses: bool | None, can: bool | None) -> None:
    monkeypatch.setattr(append_only, "refuses", lambda _: refuses)
    assert found("rest:https://vault/").can is can


@pytest.mark.parametrize(
    ("lock", "can", "words"),
    [
        (Lock("COMPLIANCE", "30 days"), None, "keeps each object for 30 days (COMPLIANCE): older ones may be deleted"),
        (Lock("GOVERNANCE", "1 year"), None, "whether these credentials may bypass it cannot be asked"),
        (
            Lock(None, why="its bucket has no Object Lock"),
            None,
            "its bucket has no Object Lock; whether a policy forbids deletions",
        ),
    ],
)
def test_a_bucket_is_judged_by_its_lock(monkeypatch: pytest.MonkeyPatch, lock: Lock, can: bool | None, words: str) -> None:
    monkeypatch.setattr(object_lock, "ask", lambda *_, **__: lock)
    judged = found("s3:https://vault/backups")
    assert judged.can is can
    assert words in judged.why


@pytest.mark.parametrize(
    "url", ["sftp:vault:/srv", "b2:backups:", "rclone:vault:x", "azure:backups:/", "gs:backups:/", "swift:x:/"]
)
def test_what_cannot_be_asked_is_not_known(url: str) -> None:
    assert found(url).can is None


def test_what_does_not_answer_is_not_known_and_raises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> Lock:
        raise Transient("nobody answers at vault")

    monkeypatch.setattr(looking.object_lock, "ask", away)
    assert found("s3:https://vault/backups") == Emptied(None, "nobody answers at vault")
    assert found("s3:https://vault").can is None
    assert found("rest:nonsense").can is None


def test_the_operators_statement_is_told_as_one_and_does_not_hide_what_was_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    (tmp_path / "config").touch()
    assert found(str(tmp_path), "zfs snapshots, 90 days") == Emptied(
        can=False,
        why="zfs snapshots, 90 days",
        stated=True,
    )
    assert found("sftp:vault:/srv", kept=True).stated
    monkeypatch.setattr(append_only, "refuses", lambda _: True)
    assert found("rest:https://vault/", kept=True) == Emptied(
        can=False, why="its server refuses deletions from here (append-only)"
    )


OPEN, KEPT, UNKNOWN = Emptied(can=True, why="w"), Emptied(can=False, why="k"), Emptied(None, "u")
STATED = Emptied(can=False, why="s", stated=True)


CAN, UNSURE = (
    "whoever takes over this machine can delete every backup in",
    "whether every backup can be deleted from here is not known of",
)


@pytest.mark.parametrize(
    ("repositories", "warning", "message"),
    [
        ({"first": OPEN}, True, f"{CAN} first (w)"),
        ({"first": UNKNOWN}, True, f"{UNSURE} first (u)"),
        ({"first": OPEN, "b": OPEN, "c": UNKNOWN}, True, f"{CAN} first (w), in b (w); {UNSURE} c (u)"),
        ({"first": OPEN, "b": KEPT}, False, f"not possible in b (k); {CAN} first (w)"),
        ({"first": KEPT, "b": KEPT}, False, "not possible in first (k), in b (k)"),
        (
            {"first": OPEN, "b": STATED},
            False,
            f"lifeboat.yaml states, which is not proven, that it would not be lost in b (s); {CAN} first (w)",
        ),
    ],
)
def test_one_repository_that_cannot_be_emptied_is_enough(repositories: dict[str, Emptied], warning: bool, message: str) -> None:
    finding = said(repositories)
    assert (finding.ok, finding.warning, finding.message, bool(finding.remedy)) == (True, warning, message, warning)


def test_a_question_is_signed_as_in_the_example_of_aws() -> None:
    """Signature Calculations for the Authorization Header, example: GET Bucket Lifecycle."""
    headers = object_lock.signature(
        "examplebucket.s3.amazonaws.com", "/", "lifecycle=", "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "",
        "us-east-1", NOW,
    )  # fmt: skip
    assert headers["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
        "Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
    )
    assert "EXAMPLEKEY" not in str(headers)


@pytest.mark.parametrize(
    ("url", "root", "bucket"),
    [
        ("s3:https://host:9000/bucket/a/b", "https://host:9000", "bucket"),
        ("s3:http://127.0.0.1:9/bucket", "http://127.0.0.1:9", "bucket"),
        ("s3:s3.eu-central-1.amazonaws.com/bucket", "https://s3.eu-central-1.amazonaws.com", "bucket"),
        ("s3://host/bucket/", "https://host", "bucket"),
    ],
)
def test_the_bucket_is_found_in_the_url(url: str, root: str, bucket: str) -> None:
    assert object_lock._parts(url) == (root, bucket)


@pytest.mark.parametrize("url", ["s3:", "s3:https://host", "s3:https://host/", "s3:https://user:hunter2@host/bucket"])
def test_one_without_a_bucket_is_told_without_what_is_secret_in_it(url: str) -> None:
    with pytest.raises(LifeboatError) as told:
        object_lock._parts(url)
    assert "hunter2" not in str(told.value) + str(told.value.hint)


def test_without_keys_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    lock = object_lock.ask("s3:http://127.0.0.1:9/x", {"AWS_ACCESS_KEY_ID": Secret("a")}, {}, now=NOW)
    assert lock == Lock(None, why="its keys are not in repository.environment, so Object Lock cannot be asked for")
