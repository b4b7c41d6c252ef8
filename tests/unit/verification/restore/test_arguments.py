"""What an operator means by `--at`: times of a zone, times of day, and the nights on which the clocks are set."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backups.errors import LifeboatError
from backups.services.base import Point
from verification.restore.arguments import asked, moment, names

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
GTID = "3e11fa47-71ca-11e1-9e33-c80aa9429562:23"
NEW_YORK = "America/New_York"


@pytest.mark.parametrize(
    ("text", "zone", "utc"),
    [
        ("2026-11-22T03:00", NEW_YORK, "2026-11-22T08:00"),
        ("2026-07-22T03:00", NEW_YORK, "2026-07-22T07:00"),
        ("2026-11-22T03:00Z", NEW_YORK, "2026-11-22T03:00"),
        ("2026-11-01T01:30-05:00", NEW_YORK, "2026-11-01T06:30"),
        ("2026-11-01T02:00", NEW_YORK, "2026-11-01T07:00"),
        ("2026-11-22", "Etc/UTC", "2026-11-22T00:00"),
        ("11:59:59.5", "Etc/UTC", "2026-11-22T11:59:59.5"),
        ("12:00:00", "Etc/UTC", "2026-11-22T12:00"),
        ("12:00:01", "Etc/UTC", "2026-11-21T12:00:01"),
        ("07:00", NEW_YORK, "2026-11-22T12:00"),
        ("07:01", NEW_YORK, "2026-11-21T12:01"),
        ("20:00", "Asia/Tokyo", "2026-11-22T11:00"),
        ("21:01", "Asia/Tokyo", "2026-11-21T12:01"),
        ("07:01Z", NEW_YORK, "2026-11-22T07:01"),
    ],
)
def test_a_time_is_of_the_configured_zone_and_without_a_date_the_last_one_that_has_passed(text: str, zone: str, utc: str) -> None:
    assert moment(text, zone, NOW) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


def test_a_gtid_is_no_time() -> None:
    assert moment(GTID, NEW_YORK, NOW) == Point(position=GTID)


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "25:00",
        "12",
        "2026-13-01",
        "3e11fa47:23",
        "",
        "0001-01-01T00:00+14:00",
        "9999-12-31T23:59-12:00",
        "9999-12-31T23:00",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(LifeboatError, match="is neither a time nor a GTID"):
        moment(text, NEW_YORK, NOW)


@pytest.mark.parametrize(
    ("text", "said", "moments"),
    [
        ("2026-11-01T01:30:00", "twice", ("2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z")),
        ("2026-03-08T02:30:00", "never", ("2026-03-08T06:30:00Z", "2026-03-08T07:30:00Z")),
    ],
)
def test_a_time_that_came_twice_or_never_is_refused_with_both_moments(text: str, said: str, moments: tuple[str, str]) -> None:
    with pytest.raises(LifeboatError, match=f"{text}' was in America/New_York {said}: the clocks were set") as refused:
        moment(text, NEW_YORK, NOW)
    assert refused.value.hint == f"choose one of the two moments: --at {moments[0]}, or --at {moments[1]}"


def test_a_time_of_day_that_came_twice_this_night_is_refused_too() -> None:
    with pytest.raises(LifeboatError, match="twice"):
        moment("01:30", NEW_YORK, datetime(2026, 11, 1, 9, 0, tzinfo=UTC))


@given(
    st.sampled_from([NEW_YORK, "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia", "Etc/UTC"]),
    # Nights on which the clocks were set somewhere; Samoa left out a whole day.
    st.sampled_from(["2026-03-08", "2026-11-01", "2026-03-29", "2026-10-25", "2026-04-05", "2026-10-04", "2011-12-30"]),
    st.integers(-4 * 4, 30 * 4),
)
def test_a_time_is_one_moment_that_the_clocks_showed_or_it_is_refused(zone: str, night: str, quarters: int) -> None:
    """In any zone: what is taken is shown by the zone's clocks as it was written, and by no other moment within a day."""
    local = datetime.fromisoformat(night) + timedelta(minutes=15 * quarters)
    shown = [
        each
        for minutes in range(-26 * 60, 26 * 60 + 1, 30)
        if (each := local.replace(tzinfo=UTC) + timedelta(minutes=minutes)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        == local
    ]
    try:
        taken = moment(local.isoformat(), zone, NOW)
    except LifeboatError:
        assert len(shown) != 1, (zone, local, shown)
    else:
        assert shown == [taken]


PLACE = "binlog.000007:4711"


@pytest.mark.parametrize("position", [GTID, PLACE, "mysql-bin.1:4", "a.b.000001:19"])
def test_a_transaction_is_named_by_its_gtid_or_by_where_it_begins(position: str) -> None:
    assert asked(position, None, NEW_YORK, NOW) == Point(position=position)
    assert asked(None, position, NEW_YORK, NOW) == Point(position=position, before=True)


def test_without_a_moment_there_is_none() -> None:
    assert asked(None, None, NEW_YORK, NOW) is None
    assert asked("2026-11-22T03:00Z", None, "Etc/UTC", NOW) == datetime(2026, 11, 22, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2026-11-22T03:00", "03:00", "latest", "binlog.000007", "binlog:4711", "a/b.1:4", "x.1:-4", " "]
)
def test_before_takes_transactions_only(text: str) -> None:
    with pytest.raises(LifeboatError, match="names no transaction") as refused:
        asked(None, text, NEW_YORK, NOW)
    assert "lifeboat log SERVICE shows them" in str(refused.value.hint)


@pytest.mark.parametrize(
    "number", ["", ":", ":0", ":1-23", ":23:24", ":-1", ":²", ":٣", ":tag", ":9tag:1", ":tag:1-3", ":1,2", " 23"]
)
def test_what_is_nearly_a_gtid_is_told_to_be_none_of_one_transaction(number: str) -> None:
    source = GTID.rpartition(":")[0]
    for option, texts in (("--at", (f"{source}{number}", None)), ("--before", (None, f"{source}{number}"))):
        with pytest.raises(LifeboatError, match=rf"^{option} '{source}.*' is not the GTID of one transaction") as refused:
            asked(*texts, NEW_YORK, NOW)
        assert GTID in str(refused.value.hint)


def test_a_transaction_that_was_pasted_with_spaces_around_it_is_meant() -> None:
    assert asked(f" {GTID}\n", None, NEW_YORK, NOW) == Point(position=GTID)
    assert asked(None, f"{PLACE} ", NEW_YORK, NOW) == Point(position=PLACE, before=True)


@pytest.mark.parametrize(
    ("text", "zone"), [("2026-11-22T12:00:01Z", "Etc/UTC"), ("2026-11-22T07:00:01", NEW_YORK), ("2027-01-01", "Etc/UTC")]
)
def test_a_time_to_come_is_refused_since_the_newest_backup_is_not_of_it(text: str, zone: str) -> None:
    with pytest.raises(LifeboatError, match=r"is in the future: that is .* UTC, it is now 2026-11-22 12:00:00 UTC"):
        asked(text, None, zone, NOW)
    assert asked("2026-11-22T12:00:00Z", None, "Etc/UTC", NOW) == NOW


def test_two_moments_are_not_one() -> None:
    with pytest.raises(LifeboatError, match=f"--at 03:00 and --before {GTID} are two moments"):
        asked("03:00", GTID, NEW_YORK, NOW)


def test_another_option_is_named_as_it_was_typed() -> None:
    for text in ("never", "2026-03-08T02:30"):
        with pytest.raises(LifeboatError, match=f"^--since '{text}'"):
            moment(text, NEW_YORK, NOW, "--since")


@pytest.mark.parametrize(
    ("text", "parted"),
    [
        ("a.b", ["a.b"]),
        ("a.b, c.d,", ["a.b", "c.d"]),
        ("a.`b, c`,`d,e`.f", ["a.`b, c`", "`d,e`.f"]),
        ("a.`b``,c`,d.e", ["a.`b``,c`", "d.e"]),
        ("a.`b,c", ["a.`b,c"]),
        (" , ", []),
    ],
)
def test_tables_are_parted_at_commas_but_not_inside_of_a_name(text: str, parted: list[str]) -> None:
    assert names(text) == parted
