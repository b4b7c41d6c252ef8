"""restic's words, as 0.14 and 0.19 say them, and what they mean. Those that need a network are here; the others are provoked for real."""

import json

import pytest

from backups.errors import ConfigError, Damaged, LifeboatError, Transient
from backups.machine.processes import Completed
from backups.repository import restic_errors

AWAY = """\
Fatal: unable to open config file: client.Head: Head "http://user:***@127.0.0.1:9/x/config": dial tcp 127.0.0.1:9: connect: connection refused
Is there a repository at the following location?
rest:http://user:***@127.0.0.1:9/x/"""
NO_HOST = """\
subprocess ssh: ssh: Could not resolve hostname nohost.invalid: Name or service not known
Fatal: unable to open repository at sftp:nohost.invalid:/x: unable to start the sftp session, error: EOF"""
NONE = """\
Fatal: unable to open config file: stat /repo/config: no such file or directory
Is there a repository at the following location?
/repo"""
RETRIED = """\
Load(<data/351f3cfdae>, 9000807, 0) returned error, retrying after 5.6s: ReadFull: unexpected EOF
ignoring error for /data/f2: StreamPack: ReadFull: unexpected EOF
Fatal: There were 1 errors"""


@pytest.mark.parametrize(
    ("errors", "kind", "words"),
    [
        (AWAY, Transient, "it does not answer"),
        (NO_HOST, Transient, "it does not answer"),
        (NONE, LifeboatError, "there is no repository at that place"),
        ("Fatal: wrong password or no key found", ConfigError, "the password is wrong"),
        (RETRIED, Damaged, "its content is damaged: ignoring error for /data/f2: StreamPack: ReadFull: unexpected EOF"),
        ("Fatal: load <index/e1d51bb7bf>: invalid data returned", Damaged, "invalid data returned"),
        ("Fatal: loading tree failed: decrypting blob d789e7a3cb failed: nonce is invalid", Damaged, "its content is damaged"),
        ("Fatal: Unmarshal: invalid character 'h' after object key:value pair", Damaged, "its content is damaged"),
        ('invalid id "b8c3eddd": no matching ID found for prefix "b8c3eddd"', LifeboatError, "the snapshot does not exist"),
        (
            (
                "Load(<snapshot/068418e90f>, 0, 0) failed: open /r/snapshots/068418e9: no such file or directory\n"
                "Fatal: failed to find snapshot: failed to load snapshot 068418e9: open /r/snapshots/068418e9: no such file or directory"
            ),
            LifeboatError,
            "the snapshot does not exist",
        ),
        ("failed to load snapshot 068418e9: <snapshot/068418e9> does not exist", LifeboatError, "the snapshot does not exist"),
        ("Fatal: failed to load snapshot 06841: LoadRaw(<snapshot/06841>): invalid data returned", Damaged, "content is damaged"),
        (
            "unable to open cache: chtimes /state/cache/restic/8959d1: operation not permitted",
            LifeboatError,
            "restic's cache, below `state`, cannot be used: unable to open cache",
        ),
        (
            "unable to open cache: open /state/cache/restic/CACHEDIR.TAG: no space left on device",
            LifeboatError,
            "restic's cache, below `state`, cannot be used: unable to open cache",
        ),
        ("Fatal: something new", LifeboatError, "restic ended with code 1: Fatal: something new"),
        ("", LifeboatError, "restic ended with code 1: it printed nothing"),
    ],
)
def test_a_failure_is_reported_by_its_meaning(errors: str, kind: type[LifeboatError], words: str) -> None:
    fault = restic_errors.fault(Completed(1, b"", errors), "cannot open the repository /repo")
    assert type(fault) is kind
    assert words in fault.message
    assert fault.message.startswith("cannot open the repository /repo: ")
    assert "\n" not in fault.message
    assert fault.hint


@pytest.mark.parametrize(
    ("last", "words"),
    [
        ("Fatal: wrong password or no key found", "the password is wrong"),
        (NONE, "at that place: Fatal: unable to open config file: stat /repo/config"),
        ("failed to load snapshot 068418e9: <snapshot/068418e9> does not exist", "the snapshot does not exist"),
        ('no matching ID found for prefix "b8c3eddd"', 'no matching ID found for prefix "b8c3eddd"'),
        ("Fatal: <something> new", "restic ended with code 1: Fatal: <something> new"),
    ],
)
def test_what_restic_says_in_json_is_read_as_what_it_says_in_words(last: str, words: str) -> None:
    """As Go writes JSON: with < and > escaped."""
    packed = json.dumps({"message_type": "exit_error", "code": 1, "message": last}, separators=(",", ":"))
    packed = packed.replace("<", "\\u003c").replace(">", "\\u003e")
    fault = restic_errors.fault(Completed(1, b"", f"a line\n{packed}"), "cannot list the repository /repo")
    assert words in fault.message
    assert "message_type" not in fault.message
    assert str(fault) == str(restic_errors.fault(Completed(1, b"", f"a line\n{last}"), "cannot list the repository /repo"))


@pytest.mark.parametrize("broken", ['{"message_type":', '{"message_type":"error"}', '{"message_type":"error","error":7}'])
def test_json_that_is_cut_off_is_shown_as_it_is(broken: str) -> None:
    assert broken in restic_errors.fault(Completed(1, b"", broken), "cannot save").message


def test_a_file_that_could_not_be_read_is_named_from_json() -> None:
    errors = '{"message_type":"error","error":{"message":"open /x/y: permission denied"},"during":"archival","item":"/x/y"}'
    assert restic_errors.fault(Completed(3, b"", errors), "cannot save").message == "cannot save: open /x/y: permission denied"


def test_a_repository_that_does_not_answer_is_not_taken_for_one_that_is_not_there() -> None:
    assert restic_errors.is_absent(Completed(1, b"", NONE))
    assert not restic_errors.is_absent(Completed(1, b"", AWAY))


@pytest.mark.parametrize(
    "said",
    [
        "could not load snapshot {id}: load <snapshot/{id}>: invalid data returned",
        'Ignoring "{id}": failed to load snapshot {short}: LoadRaw(<snapshot/{id}>): invalid data returned',
    ],
    ids=["0.14", "0.19"],
)
def test_a_snapshot_that_is_left_out_of_a_list_is_named_whichever_restic_says_so(said: str) -> None:
    snapshot = "25c34bf8a410b9c4ad30b2c08761769160670000000000000000000000000000"
    printed = "a line\n" + said.format(id=snapshot, short=snapshot[:8])
    [(found, words)] = restic_errors.unreadable_snapshots(Completed(0, b"[]", printed)).items()
    assert found == snapshot
    assert words.startswith(
        f"could not load snapshot {snapshot[:8]}: Load" if "Raw" in said else f"could not load snapshot {snapshot[:8]}: load"
    )
    assert words.endswith("invalid data returned")


def test_a_fault_that_went_away_when_tried_again_is_none() -> None:
    said = "Load(<index/0>, 0, 0) returned error, retrying after 5.6s: ReadFull: unexpected EOF"
    assert not restic_errors.is_damaged(Completed(0, b"", said))


@pytest.mark.parametrize(
    ("errors", "told"),
    [
        (
            "Stat(<config/>) failed: stat /r/config: permission denied\nFatal: unable to open config file: stat /r/config: permission denied\n",
            "Fatal: unable to open config file: stat /r/config: permission denied",
        ),
        (
            "unable to open cache: mkdir /s/cache: permission denied\nmkdir /s/cache: permission denied\n",
            "unable to open cache: mkdir /s/cache: permission denied",
        ),
        ("Fatal: a: b: refused\nFatal: a: b: refused\n", "Fatal: a: b: refused"),
        (
            "Save(<lock/1>) failed: refused\nFatal: unable to lock: refused\n",
            "Save(<lock/1>) failed: refused; Fatal: unable to lock: refused",
        ),
        ("open /x: denied\nFatal: open /y: denied\n", "open /x: denied; Fatal: open /y: denied"),
    ],
)
def test_what_is_said_twice_is_told_once(errors: str, told: str) -> None:
    assert restic_errors.excerpt(Completed(1, b"", errors)) == told


def test_passwords_in_urls_are_blotted_out() -> None:
    assert restic_errors.without_password("at rest:https://user:hunter2@host/x") == "at rest:https://user:****@host/x"
    assert restic_errors.without_password("sftp:user@host:/a/b:c") == "sftp:user@host:/a/b:c"
