"""Whatever a kit holds, no name in it leads out of the folder that it is unpacked into."""

import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backups.errors import LifeboatError
from verification.rescue import packed

KIT = Path("kit.age")
NAMES = st.from_regex(r"[a-z0-9._-]{1,12}(/[a-z0-9._-]{1,12}){0,3}", fullmatch=True)


def tar_of(*members: tuple[str, bytes]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        for name, kind in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member)
    return written.getvalue()


@settings(max_examples=15)
@given(st.dictionaries(NAMES.filter(lambda name: not {".", ".."} & set(name.split("/"))), st.binary(max_size=50), max_size=5))
def test_what_is_packed_is_unpacked(members: dict[str, bytes]) -> None:
    assert packed.unpack(packed.pack(members), KIT) == members


@settings(max_examples=30)
@given(NAMES, st.sampled_from(["../{}", "/{}", "a/../../{}", "{}/..", "./{}", "a//{}", "{}/../../b"]))
def test_a_name_that_may_lead_out_is_refused(name: str, shape: str) -> None:
    with pytest.raises(LifeboatError, match="holds no kit"):
        packed.unpack(tar_of((shape.format(name), tarfile.REGTYPE)), KIT)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_what_is_no_file_is_refused(kind: bytes) -> None:
    with pytest.raises(LifeboatError, match="holds what is no file"):
        packed.unpack(tar_of(("a", kind)), KIT)


@pytest.mark.parametrize("size", [1 << 20, 1 << 50])
def test_a_file_that_says_to_be_larger_than_the_kit_is_refused(size: int) -> None:
    """A sparse one of some bytes would fill the memory."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        member = tarfile.TarInfo("a")
        member.pax_headers = {"GNU.sparse.map": "0,0", "GNU.sparse.size": str(size), "GNU.sparse.name": "a"}
        tar.addfile(member)
    with pytest.raises(LifeboatError, match=f"a says to have {size:,} bytes"):
        packed.unpack(written.getvalue(), KIT)


def test_two_files_of_one_name_are_refused() -> None:
    with pytest.raises(LifeboatError, match="two files of one name"):
        packed.unpack(tar_of(("a", tarfile.REGTYPE), ("a", tarfile.REGTYPE)), KIT)


@pytest.mark.parametrize("content", [b"", b"no tar", b"\0" * 700, packed.pack({"a": b"b" * 3000})[:1024]])
def test_what_is_no_kit_is_told_or_is_empty(content: bytes) -> None:
    try:
        assert packed.unpack(content, KIT) == {}
    except LifeboatError as fault:
        assert "holds no kit" in fault.message  # noqa: PT017 - either is right
