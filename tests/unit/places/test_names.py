"""Names that no manifest can hold are told apart, and written so that a person can read them."""

import os

from hypothesis import given
from hypothesis import strategies as st

from backups.places import names


@given(st.lists(st.binary(min_size=1, max_size=12)))
def test_every_name_is_either_kept_as_it_is_or_shown(raw: list[bytes]) -> None:
    paths = [os.fsdecode(each) for each in raw]
    kept, odd = names.keepable(paths)
    assert kept == [path for each, path in zip(raw, paths, strict=True) if _is_utf8(each)]
    assert len(kept) + len(odd) == len(paths)
    "".join([*kept, *odd, *(names.limit(each, "local:/etc") for each in odd)]).encode()


def test_bytes_that_are_no_text_are_shown_by_their_numbers() -> None:
    assert names.shown(os.fsdecode(b"a/\xff bad \xc3\xa9")) == r"a/\xff bad é"


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True
