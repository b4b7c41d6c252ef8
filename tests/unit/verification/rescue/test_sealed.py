"""A kit opens with its key alone: whatever else is wrong is told in a sentence, and not one byte of it is returned."""

import base64
from pathlib import Path

import pyrage
import pytest

from backups.errors import LifeboatError
from verification.rescue import sealed
from verification.rescue.sealed import Keys

PASSPHRASE = "correct horse battery"
CHEAP = base64.b64decode(
    "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCBsUjkvSUh5TkZUaE16VTN1bjUzektRIDQKZXNtdU83Ym5rcXp1dWVTNEpnY2lOb2U2ZkkyUk9qS0NtN2JX"
    "am9rbmVuawotLS0gZWFBcUp2TTdSMDNkTVVWZGUrVkJ3OUJoWjBDZ0VMWS9zQVlwRmtxWFRxVQpT/VkrlnDZ3RDypS9/Gxg9X33tzf4ithEVghMUSMKOuoJNMZxM"
    "dyJ0E1nijhtG/0Q="
)
"""Sealed with that passphrase, by a scrypt that costs nothing: pyrage's own takes a second each time."""


def opened(content: bytes, keys: Keys, folder: Path) -> bytes:
    file = folder / "kit.age"
    file.write_bytes(content)
    return sealed.unseal(sealed.read(file), keys, file)


def test_the_passphrase_opens_it(tmp_path: Path) -> None:
    assert opened(CHEAP, Keys(passphrase=PASSPHRASE), tmp_path) == b"what a kit holds"


@pytest.mark.parametrize("wrong", ["", "Correct horse battery", f"{PASSPHRASE} "])
def test_another_passphrase_is_told(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(LifeboatError, match=r"does not open: its passphrase is another one.*nothing was written"):
        opened(CHEAP, Keys(passphrase=wrong), tmp_path)


def test_each_byte_that_was_changed_is_noticed(tmp_path: Path) -> None:
    for place in range(len(CHEAP)):
        changed = CHEAP[:place] + bytes([CHEAP[place] ^ (1 << place % 8)]) + CHEAP[place + 1 :]
        with pytest.raises(LifeboatError, match=r"is no recovery kit|does not open|was changed or cut off") as told:
            opened(changed, Keys(passphrase=PASSPHRASE), tmp_path)
        assert "\n" not in told.value.message


def test_a_kit_that_was_cut_off_anywhere_is_noticed(tmp_path: Path) -> None:
    for length in range(0, len(CHEAP), 3):
        with pytest.raises(LifeboatError, match=r"is no recovery kit|does not open|was changed or cut off"):
            opened(CHEAP[:length], Keys(passphrase=PASSPHRASE), tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"-----BEGIN AGE ENCRYPTED FILE-----\n"])
def test_another_file_is_told(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(LifeboatError, match="is no recovery kit"):
        opened(content, Keys(passphrase=PASSPHRASE), tmp_path)


def test_a_kit_for_recipients_opens_for_them_alone(tmp_path: Path) -> None:
    mine, other = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    (tmp_path / "mine.txt").write_text(f"# public key: {mine.to_public()}\n{mine}\n")
    (tmp_path / "other.txt").write_text(f"{other}\n")
    (tmp_path / "none.txt").write_text("AGE-SECRET-KEY-1NONE\n")
    kit = sealed.seal(b"what a kit holds", Keys(recipients=[str(mine.to_public())]))
    assert not sealed.needs_passphrase(kit)
    assert opened(kit, Keys(identities=[tmp_path / "other.txt", tmp_path / "mine.txt"]), tmp_path) == b"what a kit holds"
    with pytest.raises(LifeboatError, match="made for other recipients"):
        opened(kit, Keys(identities=[tmp_path / "other.txt"]), tmp_path)
    with pytest.raises(LifeboatError, match="holds no identity of age"):
        opened(kit, Keys(identities=[tmp_path / "none.txt"]), tmp_path)
    with pytest.raises(LifeboatError, match="cannot be read"):
        opened(kit, Keys(identities=[tmp_path / "gone.txt"]), tmp_path)


@pytest.mark.parametrize("recipient", ["age1foo", "", "ssh-ed25519 AAAA", "somebody"])
def test_what_is_no_recipient_is_told(recipient: str) -> None:
    with pytest.raises(LifeboatError, match="is no recipient of age"):
        sealed.seal(b"", Keys(recipients=[recipient]))


def test_a_short_passphrase_seals_nothing() -> None:
    with pytest.raises(LifeboatError, match=r"has 11 characters.*at least 12"):
        sealed.require_strong("eleven char")
    assert sealed.require_strong(PASSPHRASE) == PASSPHRASE


def test_the_passphrase_comes_from_a_file_or_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "passphrase"
    monkeypatch.delenv(sealed.VARIABLE, raising=False)
    assert sealed.passphrase(None) is None
    monkeypatch.setenv(sealed.VARIABLE, "of the environment")
    assert sealed.passphrase(None) == "of the environment"
    file.write_text(" with spaces \r\n")
    assert sealed.passphrase(file) == " with spaces "
    file.write_text("\n")
    with pytest.raises(LifeboatError, match="holds no passphrase"):
        sealed.passphrase(file)
    with pytest.raises(LifeboatError, match="cannot be read"):
        sealed.passphrase(tmp_path / "gone")
