"""What is signed cannot be changed, taken away or passed off as another's without being refused by name."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from securesystemslib.signer import CryptoSigner

from backups.config.settings import Settings
from backups.errors import ConfigError, Damaged, LifeboatError
from backups.site import Site
from tests.unit.verification.samples import evidence, lost_row, not_run, result
from verification.evidence import keys, signed
from verification.evidence.signed import FILE
from verification.report import files

SIGNER = CryptoSigner.generate_ed25519()
OTHER = CryptoSigner.generate_ed25519()


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A signed report with everything that a report has."""
    folder = tmp_path / "report"
    whole = evidence(result(), lost_row(selection="worst"), not_run(backup=None))
    files.write(whole, folder, before="<p>history</p>", signer=SIGNER)
    return folder


def test_a_report_is_signed_with_every_file_of_it_and_says_in_short_what_it_says(report: Path) -> None:
    every = {path.name for path in report.iterdir()}
    assert every == {"report.json", "report.html", "junit.xml", "history.html", FILE}
    for named in (report, report / FILE, report / "report.json", report / "history.html"):
        checked = signed.check(named, SIGNER.public_key)
        assert {subject.name for subject in checked.statement.subject} == every - {FILE}
        assert checked.statement.predicate.verdict == "failed"
        assert [(drill.service, drill.verdict) for drill in checked.statement.predicate.drills] == [
            ("agama", "verified"), ("agama", "failed"), ("grafana", "could-not-run"),
        ]  # fmt: skip
    page = (report / "report.html").read_text()
    assert f"Signed with the key {SIGNER.public_key.keyid[:16]}" in page


@pytest.mark.parametrize("name", ["report.json", "report.html", "junit.xml", "history.html"])
def test_a_changed_byte_and_a_file_that_is_gone_are_refused_by_name(report: Path, name: str) -> None:
    """Also when another file of the report is named."""
    content = (report / name).read_bytes()
    (report / name).write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
    with pytest.raises(Damaged, match=rf"/{name} was changed after it was signed: its SHA-256 is [0-9a-f]{{64}}, signed was "):
        signed.check(report / "report.json", SIGNER.public_key)
    (report / name).unlink()
    (report / name).symlink_to("/dev/null")
    with pytest.raises(Damaged, match=f"/{name} is signed, and is not there"):
        signed.check(report, SIGNER.public_key)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_byte_of_the_envelope_can_be_changed_unseen(report: Path, data: st.DataObject) -> None:
    """Another byte is refused, or reads as the same: white space, and the bits that base64 leaves over."""
    content = (report / FILE).read_bytes()
    at = data.draw(st.integers(0, len(content) - 1))
    changed = report.with_name("changed")
    changed.mkdir(exist_ok=True)
    (changed / FILE).write_bytes(content[:at] + bytes([content[at] ^ data.draw(st.integers(1, 255))]) + content[at + 1 :])
    for path in report.iterdir():
        if path.name != FILE:
            (changed / path.name).write_bytes(path.read_bytes())
    whole = signed.check(report, SIGNER.public_key).statement
    refused: Damaged | None = None
    found = None
    try:
        found = signed.check(changed, SIGNER.public_key).statement
    except Damaged as fault:
        refused = fault
    assert found == whole if refused is None else str(changed / FILE) in refused.message


def test_another_key_and_a_key_that_takes_anothers_name_are_refused(report: Path) -> None:
    with pytest.raises(Damaged, match=rf"is not signed by this key: the key is {OTHER.public_key.keyid[:16]}, signed by "):
        signed.check(report, OTHER.public_key)
    written = json.loads((report / FILE).read_text())
    written["signatures"][0]["keyid"] = OTHER.public_key.keyid
    (report / FILE).write_text(json.dumps(written))
    with pytest.raises(Damaged, match="was changed after it was signed by"):
        signed.check(report, OTHER.public_key)


def test_what_is_unsigned_is_called_so(report: Path, tmp_path: Path) -> None:
    (report / "added.txt").write_text("also true")
    with pytest.raises(Damaged, match=r"added\.txt is unsigned: .* does not name it"):
        signed.check(report / "added.txt", SIGNER.public_key)
    files.write(evidence(result()), report)
    assert not (report / FILE).exists(), "it is of another report"
    assert not (report / "history.html").exists()
    with pytest.raises(Damaged, match=rf"report\.json is unsigned: no {FILE} is beside it"):
        signed.check(report / "report.json", SIGNER.public_key)
    assert "Not signed." in (report / "report.html").read_text()
    with pytest.raises(LifeboatError, match="there is no "):
        signed.check(tmp_path / "nowhere", SIGNER.public_key)


def envelope(payload: Any, kind: str = "application/vnd.in-toto+json") -> str:
    from securesystemslib.dsse import Envelope

    made = Envelope(payload if isinstance(payload, bytes) else json.dumps(payload).encode(), kind, {})
    made.sign(SIGNER)
    return json.dumps(made.to_dict())


def stated(report: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.b64decode(json.loads((report / FILE).read_text())["payload"]))
    return found


@pytest.mark.parametrize("name", ["../report.json", "/etc/passwd", "a/b/c", ".hidden", "a/../b", ""])
def test_a_signed_name_leads_nowhere_else(report: Path, name: str) -> None:
    """Even the one who has the key has no other file read."""
    (report / FILE).write_text(envelope({**stated(report), "subject": [{"name": name, "digest": {"sha256": "0" * 64}}]}))
    with pytest.raises(Damaged, match="states what this version does not know"):
        signed.check(report, SIGNER.public_key)


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b"null", b'{"payload": "!", "payloadType": "x", "signatures": []}', b"[" * 100_000, b"\xff", b'{"payload": 1}',
     b'{"payload": "", "payloadType": "", "signatures": [1]}', b'{"payload": "", "payloadType": 1, "signatures": {}}'],
)  # fmt: skip
def test_what_is_no_envelope_is_refused(report: Path, content: bytes) -> None:
    (report / FILE).write_bytes(content)
    with pytest.raises(Damaged, match=FILE):
        signed.check(report, SIGNER.public_key)


def test_what_is_signed_and_of_another_kind_or_too_large_is_refused(report: Path) -> None:
    (report / FILE).write_text(envelope(stated(report), "text/plain"))
    with pytest.raises(Damaged, match="is no in-toto statement"):
        signed.check(report, SIGNER.public_key)
    (report / FILE).write_text(envelope({**stated(report), "predicateType": "urn:x"}))
    with pytest.raises(Damaged, match="states what this version does not know"):
        signed.check(report, SIGNER.public_key)
    with (report / FILE).open("wb") as sparse:
        sparse.truncate((64 << 20) + 1)
    with pytest.raises(Damaged, match="has more than 67,108,864 bytes"):
        signed.check(report, SIGNER.public_key)


def test_what_was_put_beside_signed_files_is_named(report: Path, tmp_path: Path) -> None:
    """A page that nobody signed would be believed, since it lies beside what is signed."""
    bare = tmp_path / "bare"
    files.write(evidence(result()), bare, signer=SIGNER)
    (bare / "lifeboat.yaml").write_text("a person's own file")
    signed.check(bare, SIGNER.public_key)
    (bare / "history.html").write_text("<p>all is well</p>")
    with pytest.raises(Damaged, match=r"bare/history.html is not signed: it was put there since"):
        signed.check(bare / "report.json", SIGNER.public_key)
    about = signed.about(evidence(result()))
    (report / FILE).write_text(signed.sign({"report.json": (report / "report.json").read_bytes()}, about, SIGNER))
    with pytest.raises(Damaged, match="is not signed: it was put there since"):
        signed.check(report, SIGNER.public_key)


def exported(folder: Path, verifications: int) -> Path:
    """An export of so many verifications."""
    contents = {"index.html": "i"}
    for number in range(verifications):
        contents |= {f"{number:05d}-2026-11-30-031500-abcdef12/{name}": "r" for name in signed.REPORT_FILES}
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    about = signed.about(evidence()).model_copy(update={"verdict": None})
    (folder / FILE).write_text(signed.sign(contents, about, SIGNER, of=signed.EXPORT))
    return folder


def test_whatever_was_put_into_an_export_is_named_but_what_a_desktop_leaves(tmp_path: Path) -> None:
    folder = exported(tmp_path / "export", 1)
    (folder / ".DS_Store").write_text("")
    signed.check(folder, SIGNER.public_key)
    for name in ("00000-2026-11-30-031500-abcdef12/more.html", "new/report.json", "index.htm"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).symlink_to("/dev/null")
        with pytest.raises(Damaged, match=f"export/{name} is not signed: it was put there since"):
            signed.check(folder / "index.html", SIGNER.public_key)
        (folder / name).unlink()


def test_an_export_of_years_is_read_again(tmp_path: Path) -> None:
    """1,500 verifications are four years of nights: their envelope is larger than that of one by far."""
    contents = {f"{number:05d}-2026-11-30-031500-abcdef12/{name}": "r" for number in range(1500) for name in signed.REPORT_FILES}
    (tmp_path / FILE).write_text(signed.sign(contents, signed.about(evidence()), SIGNER, of=signed.EXPORT))
    assert (tmp_path / FILE).stat().st_size > 1 << 20
    assert len(signed._opened(tmp_path / FILE, SIGNER.public_key).subject) == 6000


def site(folder: Path, key_file: Path | None = None) -> Site:
    return Site(
        Settings.model_validate(
            {
                "repository": {"url": str(folder / "repository"), "password": "p"},
                "state": folder / "state",
                "evidence": {"key_file": key_file},
                "services": {"agama": {"type": "mysql", "image": "mysql:9.7"}},
            }
        )
    )


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    own = keys.signer(site(tmp_path))
    path = keys.path(site(tmp_path))
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert keys.signer(site(tmp_path)).public_key == own.public_key
    (tmp_path / "evidence.pub").write_text(keys.public(own))
    assert keys.read_public(tmp_path / "evidence.pub") == own.public_key


def test_a_key_that_is_configured_is_used_and_none_is_made_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "own.key"
    with pytest.raises(ConfigError, match=r"cannot be read: .*own\.key: No such file"):
        keys.signer(site(tmp_path, path))
    path.write_bytes(SIGNER.private_bytes)
    path.chmod(0o640)
    with pytest.raises(ConfigError, match=r"may be read by others: .* has mode 0640"):
        keys.signer(site(tmp_path, path))
    path.chmod(0o600)
    assert keys.signer(site(tmp_path, path)).public_key == SIGNER.public_key
    path.write_text("no key")
    with pytest.raises(ConfigError, match="is no private key in PEM"):
        keys.signer(site(tmp_path, path))
    path.write_bytes(CryptoSigner.generate_ecdsa().private_bytes)
    with pytest.raises(ConfigError, match="is no ed25519 key"):
        keys.signer(site(tmp_path, path))
    assert not (tmp_path / "state").exists()


def test_a_state_directory_that_takes_no_key_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(LifeboatError, match=r"cannot be kept in .*/state/evidence/signing\.key: "):
        keys.signer(site(tmp_path))


def test_a_public_key_that_is_none_is_told(tmp_path: Path) -> None:
    for content, words in ((b"no key", "is no public key in PEM"), (SIGNER.private_bytes, "is no public key in PEM")):
        (tmp_path / "pub").write_bytes(content)
        with pytest.raises(LifeboatError, match=words):
            keys.read_public(tmp_path / "pub")
    with pytest.raises(LifeboatError, match="cannot be read: No such file"):
        keys.read_public(tmp_path / "nowhere")


def test_the_doctor_asks_until_the_public_key_is_kept_somewhere_else(tmp_path: Path) -> None:
    place = site(tmp_path)
    assert keys.examine(place).ok
    keys.signer(place)
    asked = keys.examine(place)
    assert (asked.ok, asked.remedy and asked.remedy.startswith("lifeboat evidence key > evidence.pub")) == (False, True)
    keys.note_kept(place)
    assert keys.examine(place).ok
    keys.path(place).unlink()
    keys.signer(place)
    assert not keys.examine(place).ok, "that is another key"
    keys.path(place).chmod(0o644)
    assert "may be read by others" in keys.examine(place).message
