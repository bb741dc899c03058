"""Periods tile time in every zone and of every kind; test_calendar.py has them one by one."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from proxy.domain.period import PeriodKind, period_at

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
