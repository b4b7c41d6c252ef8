"""What a refusal means: an object that is somebody else's is left, any other refusal is told at the end; all others are put."""

from typing import Any

import pytest

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources.mute_timings import MUTE_TIMINGS
from backups.services.grafana.api.resources.target import ObjectRefused, Target
from tests.unit.grafana.api.fake import Fake, faked, said

THEIRS = [
    (403, "Cannot update read-only data source"),
    (403, "Cannot delete read-only data source"),
    (400, "Cannot save provisioned dashboard"),
    (403, "Resource with provenance status 'api' cannot be managed via API that handles resources with provenance status 'none'"),
    (403, "cannot change provenance from 'file' to ''"),
    (409, "cannot update with provided provenance '', needs 'file'"),
    (403, "User info cannot be updated for external Users"),
    (403, "Cannot change role for externally synced user"),
    (403, "this resource is managed by repository git-sync"),
]
REFUSALS = [
    (403, "You'll need additional permissions to perform this action. Permissions needed: alert.notifications:write"),
    (403, "Quota reached"),
    (400, "invalid time interval"),
    (404, "Not found"),
    (409, "already exists"),
    (422, "unprocessable"),
]


def backup(*names: str) -> Objects:
    organisation = {Key(1, kinds.ORGANISATION, "Main Org."): {"name": "Main Org."}}
    return Objects(organisation | {Key(1, kinds.MUTE_TIMING, name): {"name": name, "time_intervals": []} for name in names})


def put(answer: Any, first: str) -> Target:
    """The first is refused, another comes after it."""
    calls: list[str] = []

    def answered(call: Any) -> Any:
        calls.append(call.body["name"])
        return answer if call.body["name"] == first else (201, {})

    with faked(Fake({}, answered)) as client:
        target = Target(client, backup(first, "zz"), backup(), {1: 1})
        MUTE_TIMINGS.put(target, 1)
    assert calls == [first, "zz"], "all others go on"
    return target


@pytest.mark.parametrize(("status", "words"), THEIRS)
def test_what_is_somebody_elses_is_left_with_the_servers_words(status: int, words: str) -> None:
    target = put((status, {"message": words}), "one")
    assert target.refused == {}
    assert words in target.left[Key(1, kinds.MUTE_TIMING, "one")]
    target.require_all_taken()


@pytest.mark.parametrize(("status", "words"), REFUSALS)
@pytest.mark.parametrize("name", ["one", "provenance", "managed by x", "provisioned dashboard"])
def test_any_other_refusal_is_told_at_the_end_whatever_the_object_is_called(status: int, words: str, name: str) -> None:
    target = put((status, {"message": words}), name)
    assert target.left == {}
    with pytest.raises(ObjectRefused, match=f"org 1 mute timing {name} is refused: POST .* HTTP {status}: ") as fault:
        target.require_all_taken()
    assert words in fault.value.message


def test_several_refusals_are_told_together() -> None:
    with faked(Fake({}, lambda _: (400, {"message": "no"}))) as client:
        target = Target(client, backup(*"abcdefgh"), backup(), {1: 1})
        MUTE_TIMINGS.put(target, 1)
    with pytest.raises(ObjectRefused) as fault:
        target.require_all_taken()
    assert fault.value.message.count("is refused") == 5
    assert fault.value.message.endswith("and 3 more")


@pytest.mark.field
@pytest.mark.parametrize("name", ["extra/016", "extra/018"])
def test_a_real_servers_words_are_known(name: str) -> None:
    assert put(said(name), "one").left
