"""Periods tile time in every zone, and begin where the calendar says."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from proxy.domain.period import FOREVER_MS, PeriodKind, period_at

HOUR_MS = 3_600_000
ZONES = (
    "UTC",
    "America/New_York",
    "Africa/Cairo",
    "America/Santiago",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Australia/Lord_Howe",
    "Asia/Beirut",
    "America/Havana",
    "America/Nuuk",
)
KINDS = [kind for kind in PeriodKind if kind is not PeriodKind.TOTAL]
START_MS = 1_293_840_000_000
"""2011-01-01, the year in which Apia left a day out."""
STOP_MS = 2_145_916_800_000
"""2038-01-01."""


def ms(text: str, zone: str = "UTC") -> int:
    """Unix milliseconds of a local time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def utc(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


instants = st.integers(min_value=START_MS, max_value=STOP_MS)


@settings(max_examples=250)
@given(instants, st.sampled_from(ZONES), st.sampled_from(KINDS), st.integers(1, 31))
@example(ms("2026-04-24T00:30"), "Africa/Cairo", PeriodKind.DAY, 1)
@example(ms("2026-09-06T04:00"), "America/Santiago", PeriodKind.DAY, 1)
@example(ms("2011-12-30T10:00"), "Pacific/Apia", PeriodKind.DAY, 1)
@example(ms("2011-12-30T09:59"), "Pacific/Apia", PeriodKind.WEEK, 1)
@example(ms("2026-04-04T15:10"), "Australia/Lord_Howe", PeriodKind.HOUR, 1)
@example(ms("2026-10-03T15:29"), "Australia/Lord_Howe", PeriodKind.HOUR, 1)
@example(ms("2026-11-01T06:30"), "America/New_York", PeriodKind.HOUR, 1)
@example(ms("2026-09-26T14:10"), "Pacific/Chatham", PeriodKind.HOUR, 1)
@example(ms("2026-02-28T12:00"), "UTC", PeriodKind.MONTH, 31)
def test_periods_tile_time(at_ms: int, zone: str, kind: PeriodKind, start_day: int) -> None:
    where = ZoneInfo(zone)
    period = period_at(kind, where, at_ms, start_day=start_day)
    assert period.holds(at_ms)
    assert period == period_at(kind, where, period.start_ms, start_day=start_day)
    assert period == period_at(kind, where, period.end_ms - 1, start_day=start_day)
    following = period_at(kind, where, period.end_ms, start_day=start_day)
    previous = period_at(kind, where, period.start_ms - 1, start_day=start_day)
    assert period.end_ms == following.start_ms
    assert period.start_ms == previous.end_ms
    assert 3 == len({period.id, following.id, previous.id})


@given(instants, st.sampled_from(ZONES))
def test_an_hour_is_whole_except_where_clocks_move_by_less(at_ms: int, zone: str) -> None:
    period = period_at(PeriodKind.HOUR, ZoneInfo(zone), at_ms)
    lengths = {HOUR_MS, HOUR_MS // 2} if zone == "Australia/Lord_Howe" else {HOUR_MS}
    assert period.end_ms - period.start_ms in lengths


@pytest.mark.parametrize(
    ("zone", "noon", "first", "hours"),
    [
        ("America/New_York", "2026-11-01T12:00", "2026-11-01 04:00", 25),
        ("America/New_York", "2026-03-08T12:00", "2026-03-08 05:00", 23),
        ("Africa/Cairo", "2026-04-24T12:00", "2026-04-23 22:00", 23),
        ("America/Santiago", "2026-09-06T12:00", "2026-09-06 04:00", 23),
        ("America/Sao_Paulo", "2018-11-04T12:00", "2018-11-04 03:00", 23),
        ("Asia/Kathmandu", "2026-11-22T12:00", "2026-11-21 18:15", 24),
        ("Australia/Lord_Howe", "2026-04-05T12:00", "2026-04-04 13:00", 24.5),
        ("Pacific/Apia", "2011-12-31T12:00", "2011-12-30 10:00", 24),
    ],
)
def test_days_begin_at_their_first_instant(zone: str, noon: str, first: str, hours: float) -> None:
    day = period_at(PeriodKind.DAY, ZoneInfo(zone), ms(noon, zone))
    assert noon[:10] == day.id
    assert first == utc(day.start_ms)
    assert hours == (day.end_ms - day.start_ms) / HOUR_MS


def test_the_hour_that_comes_twice_is_two_periods() -> None:
    new_york = ZoneInfo("America/New_York")
    ids = [
        period_at(PeriodKind.HOUR, new_york, ms(text)).id
        for text in ("2026-11-01T05:59", "2026-11-01T06:00")
    ]
    assert ["2026-11-01T05:00Z", "2026-11-01T06:00Z"] == ids


@pytest.mark.parametrize(
    ("kind", "at", "start_day", "name", "start", "end"),
    [
        ("week", "2026-11-22", 1, "2026-W47", "2026-11-16", "2026-11-23"),
        ("week", "2027-01-02", 1, "2026-W53", "2026-12-28", "2027-01-04"),
        ("month", "2026-11-22", 1, "2026-11", "2026-11-01", "2026-12-01"),
        ("month", "2026-11-14", 15, "2026-10", "2026-10-15", "2026-11-15"),
        ("month", "2026-11-15", 15, "2026-11", "2026-11-15", "2026-12-15"),
        ("month", "2027-02-27", 31, "2027-01", "2027-01-31", "2027-02-28"),
        ("month", "2027-02-28", 31, "2027-02", "2027-02-28", "2027-03-31"),
        ("month", "2028-02-28", 31, "2028-01", "2028-01-31", "2028-02-29"),
        ("month", "2027-01-03", 5, "2026-12", "2026-12-05", "2027-01-05"),
        ("quarter", "2026-11-22", 1, "2026-Q4", "2026-10-01", "2027-01-01"),
        ("quarter", "2027-01-04", 5, "2026-Q4", "2026-10-05", "2027-01-05"),
        ("year", "2026-11-22", 1, "2026", "2026-01-01", "2027-01-01"),
        ("year", "2027-01-04", 5, "2026", "2026-01-05", "2027-01-05"),
    ],
)
def test_longer_periods_are_the_calendars(
    kind: str, at: str, start_day: int, name: str, start: str, end: str
) -> None:
    period = period_at(PeriodKind(kind), ZoneInfo("UTC"), ms(f"{at}T12:00"), start_day=start_day)
    assert (name, f"{start} 00:00", f"{end} 00:00") == (
        period.id,
        utc(period.start_ms),
        utc(period.end_ms),
    )


def test_total_is_one_period_for_ever() -> None:
    total = period_at(PeriodKind.TOTAL, ZoneInfo("UTC"), ms("2026-11-22T12:00"))
    assert ("total", 0, FOREVER_MS) == (total.id, total.start_ms, total.end_ms)
    assert total.holds(STOP_MS)
