"""masks.yaml: read, refused, suggested; and the key, which is made once and shown to nobody."""

from pathlib import Path

import pytest
import yaml

from backups.errors import ConfigError
from backups.services.masked import Unruled
from verification.clone import masks_file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "masks.yaml"


def read(path: Path, content: str, *, fresh_key: bool = False, looking: bool = False) -> masks_file.Masks:
    path.write_text(content)
    return masks_file.read(path, fresh_key=fresh_key, looking=looking)


def test_the_key_is_made_once_and_for_its_owner_alone(path: Path) -> None:
    masks = read(path, "masks: {shop.client.email: email, '*.born': null}\ndefinitions: [view shop.v]\nlocale: de\n")
    assert dict(masks.rules) == {"shop.client.email": "email", "*.born": "null"}
    assert (masks.definitions, masks.locale) == (("view shop.v",), "de")
    key = path.with_name("masks.key")
    assert key.stat().st_mode & 0o777 == 0o600
    assert masks.key == masks_file.read(path, fresh_key=False, looking=False).key
    assert masks.key.hex() not in repr(masks)


def test_another_key_file_is_another_key_and_a_fresh_one_is_kept_nowhere(path: Path) -> None:
    first = read(path, "masks: {'*.a': hash}\nkey_file: one.key\n")
    second = read(path, "masks: {'*.a': hash}\nkey_file: two.key\n")
    fresh = read(path, "masks: {'*.a': hash}\nkey_file: three.key\n", fresh_key=True)
    assert len({first.key, second.key, fresh.key}) == 3
    assert sorted(file.name for file in path.parent.glob("*.key")) == ["one.key", "two.key"]


def test_whoever_only_looks_needs_no_file_and_makes_no_key(path: Path) -> None:
    assert masks_file.read(path, fresh_key=False, looking=True).rules == {}
    read(path, "masks: {'*.a': hash}\n", looking=True)
    assert list(path.parent.glob("*.key")) == []


@pytest.mark.parametrize(
    ("content", "words", "hint"),
    [
        ("masks: {shop.client.email: emial}\n", "masks.yaml:1: masks.shop.client.email: ", "name, email, phone"),
        ("masks: {a.b.c: email, a.b.c: hash}\n", "a.b.c is written twice", "remove one"),
        ("masks: [a.b.c]\n", "masks.yaml:1: masks: ", "a rule is written"),
        ("mask: {}\n", "unknown key mask", "did you mean masks?"),
        ("- a\n", "holds no settings", "a rule is written"),
        ("", "holds no settings", "a rule is written"),
        ("masks: {a: b: c}\n", "not valid YAML", ""),
        ("masks: {a.b.c: 7}\n", "masks.a.b.c: ", "a rule is written"),
    ],
)
def test_a_file_that_cannot_be_used(path: Path, content: str, words: str, hint: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(path, content)
    assert words in refused.value.message
    assert hint in (refused.value.hint or "")
    assert not path.with_name("masks.key").exists()


def test_there_is_no_file(path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no file"):
        masks_file.read(path, fresh_key=False, looking=False)


@pytest.mark.parametrize(
    ("key", "mode", "words"),
    [
        ("k" * 31, 0o600, "is too short: .* has 31 characters, 32 are needed"),
        ("", 0o600, "is too short"),
        ("k" * 32, 0o644, "is open to others: .* has mode 0644"),
        ("k" * 32, 0o640, "is open to others"),
    ],
)
def test_a_key_that_is_no_secret(path: Path, key: str, mode: int, words: str) -> None:
    file = path.with_name("masks.key")
    file.write_text(key)
    file.chmod(mode)
    with pytest.raises(ConfigError, match=words) as refused:
        read(path, "masks: {'*.a': hash}\n")
    assert not key or key not in str(refused.value)


def test_a_key_that_is_no_file(path: Path) -> None:
    path.with_name("masks.key").mkdir(mode=0o700)
    with pytest.raises(ConfigError, match="cannot be read"):
        read(path, "masks: {'*.a': hash}\n")


def test_what_is_suggested_can_be_pasted(path: Path) -> None:
    found = [
        Unruled("shop.client.email", "by its name it is an e-mail address", "email"),
        Unruled("shop.client.born", "a birth: 1", "null"),
        Unruled("`Odd.``name`.t.c", "text # here", "text"),
        Unruled("view shop.people", "its SQL holds an e-mail address"),
    ]
    content = yaml.safe_load(masks_file.suggestion(found))
    assert content == {
        "masks": {"shop.client.email": "email", "shop.client.born": None, "`Odd.``name`.t.c": "text"},
        "definitions": ["view shop.people"],
    }
    assert dict(read(path, masks_file.suggestion(found)).rules)["shop.client.born"] == "null"
    assert masks_file.suggestion(()) == ""
