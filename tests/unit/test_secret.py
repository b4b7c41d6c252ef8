"""Passwords are read when they are used, and shown nowhere."""

import logging
import traceback
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from backups import secret
from backups.config.settings import RepositorySettings
from backups.errors import ConfigError
from backups.repository.repository import Repository
from backups.secret import Secret

PASSWORD = "correct horse"


class Section(BaseModel):
    password: Secret


def test_an_unset_variable_is_an_error_only_when_the_password_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOT_SET_ANYWHERE", raising=False)
    section = Section.model_validate({"password": "${NOT_SET_ANYWHERE}"})
    with pytest.raises(ConfigError, match=r"variable NOT_SET_ANYWHERE, named in lifeboat\.yaml, is not set") as told:
        section.password.reveal()
    assert told.value.hint == "export NOT_SET_ANYWHERE=… before the command, or put the password in a file and use password_file"


def test_an_empty_variable_is_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMPTY", "")
    with pytest.raises(ConfigError, match=r"EMPTY, named in lifeboat\.yaml, is empty"):
        Secret("${EMPTY}").reveal()


def test_variables_are_put_in_and_nothing_else_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONE", "a${ONE}b")
    assert Secret("x${ONE}$HOME~\\").reveal() == "xa${ONE}b$HOME~\\"


@pytest.mark.parametrize("kept", [Secret(PASSWORD), Section(password=Secret(PASSWORD)), RepositorySettings(url="/r", password=PASSWORD)])  # fmt: skip
def test_a_password_is_never_shown(kept: object, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("test").warning("%s %r", kept, kept)
    shown = [repr(kept), str(kept), f"{kept}", caplog.text]
    if isinstance(kept, BaseModel):
        shown += [str(kept.model_dump()), kept.model_dump_json()]
    assert not [text for text in shown if PASSWORD in text or "correct" in text]


def test_the_names_of_variables_may_be_shown() -> None:
    assert repr(Secret("${AGAMA_PASSWORD}")) == "Secret(${AGAMA_PASSWORD})"


def test_a_repository_does_not_show_its_password() -> None:
    repository = Repository("rest:https://user:hunter2@host/", Path("/c"), password=Secret(PASSWORD), environment={"K": Secret(PASSWORD)})  # fmt: skip
    assert PASSWORD not in repr(repository)
    assert repository.shown_url == "rest:https://user:****@host/"


def test_a_fault_in_a_section_does_not_show_the_password_that_stands_there() -> None:
    with pytest.raises(ValidationError) as fault:
        RepositorySettings.model_validate({"url": "/r", "password": [PASSWORD], "pasword": PASSWORD})
    text = "".join(traceback.format_exception(fault.value))
    assert "pasword" in text
    assert PASSWORD not in text


def test_a_file_holds_the_password_alone_and_white_space_around_it_does_not_count(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f" {PASSWORD}\r\n\n")
    assert secret.read(None, file, "x") == PASSWORD
    assert secret.read(Secret("given"), file, "x") == "given"


def _missing(path: Path) -> None:
    path.unlink(missing_ok=True)


def _binary(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")


def _empty(path: Path) -> None:
    path.write_text("\n")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_missing, "the password file of Bob cannot be read: {}: No such file or directory"),
        (_binary, "the password file of Bob cannot be read: {}: it is not text"),
        (_empty, "the password file of Bob is empty: {}"),
    ],
)
def test_an_unusable_password_file_is_reported_with_its_owner_and_path(tmp_path: Path, make: object, words: str) -> None:
    file = tmp_path / "key"
    make(file)  # type: ignore[operator]
    with pytest.raises(ConfigError) as told:
        secret.read(None, file, "Bob")
    assert told.value.message == words.format(file)
    assert told.value.hint


class _Denied(type(Path())):  # type: ignore[misc]
    """A file that another user owns."""

    def read_text(self, *_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied", str(self))


def test_a_password_file_of_another_user_is_not_to_be_made_anew() -> None:
    with pytest.raises(ConfigError) as told:
        secret.read(None, _Denied("/etc/lifeboat/key"), "Bob")
    assert told.value.message == "the password file of Bob cannot be read: /etc/lifeboat/key: Permission denied"
    assert told.value.hint == "run Lifeboat as the user that owns it"


def test_no_password_at_all_is_reported() -> None:
    with pytest.raises(ConfigError, match="Bob has no password"):
        secret.read(None, None, "Bob")
