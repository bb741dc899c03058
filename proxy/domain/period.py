"""Calendar periods of budgets in a time zone, and their bounds as instants."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

FOREVER_MS = 2**53 - 1
HOUR_MS = 3_600_000


class PeriodKind(StrEnum):
    """How often a budget starts afresh."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    TOTAL = "total"


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """One period: its id ("2026-11") and [start, end) in Unix milliseconds."""

    id: str
    start_ms: int
    end_ms: int

    def holds(self, at_ms: int) -> bool:
        """Say whether an instant lies in the period."""
        return self.start_ms <= at_ms < self.end_ms


def period_at(kind: PeriodKind, zone: ZoneInfo, at_ms: int, *, start_day: int = 1) -> Period:
    """Find the period of a kind that holds an instant.

    Days begin at the first instant of a local date, also where midnight does not exist.
    `start_day` (1 to 31, clamped to the month's length) shifts months, quarters and years: the
    period that begins on day 15 of November is November's.
    """
    if kind is PeriodKind.TOTAL:
        return Period(id="total", start_ms=0, end_ms=FOREVER_MS)
    if kind is PeriodKind.HOUR:
        return _hour(zone, at_ms)
    today = _local(zone, at_ms).date()
    if kind is PeriodKind.DAY:
        return _dates(today.isoformat(), today, today + timedelta(days=1), zone)
    if kind is PeriodKind.WEEK:
        year, week, weekday = today.isocalendar()
        monday = today - timedelta(days=weekday - 1)
        return _dates(f"{year}-W{week:02d}", monday, monday + timedelta(days=7), zone)
    return _months(kind, zone, today, start_day)


def _hour(zone: ZoneInfo, at_ms: int) -> Period:
    # Whole hours of the local clock; the id is in UTC so that the hour repeated in autumn is two.
    local = _local(zone, at_ms)
    into_ms = (local.minute * 60 + local.second) * 1000 + at_ms % 1000
    start_ms = _same_minutes(zone, at_ms, at_ms - into_ms)
    end_ms = _same_minutes(zone, at_ms, at_ms - into_ms + HOUR_MS - 1) + 1
    start = datetime.fromtimestamp(start_ms // 1000, UTC)
    return Period(id=start.strftime("%Y-%m-%dT%H:%MZ"), start_ms=start_ms, end_ms=end_ms)


def _same_minutes(zone: ZoneInfo, at_ms: int, edge_ms: int) -> int:
    """The edge of an hour, or of the part of it around an instant.

    Lord Howe Island moves its clocks by half an hour: minutes jump, so an hour is cut there.
    """
    if not _minutes_shift(zone, at_ms, edge_ms):
        return edge_ms
    near_ms, far_ms = at_ms, edge_ms
    while abs(far_ms - near_ms) > 1:
        middle_ms = (near_ms + far_ms) // 2
        if _minutes_shift(zone, at_ms, middle_ms):
            far_ms = middle_ms
        else:
            near_ms = middle_ms
    return near_ms


def _minutes_shift(zone: ZoneInfo, one_ms: int, other_ms: int) -> bool:
    offsets = [_local(zone, at_ms).utcoffset() or timedelta() for at_ms in (one_ms, other_ms)]
    return bool((offsets[0] - offsets[1]) % timedelta(hours=1))


def _local(zone: ZoneInfo, at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(zone)


def _months(kind: PeriodKind, zone: ZoneInfo, today: date, start_day: int) -> Period:
    month = today.year * 12 + today.month - 1
    if today < _month_start(month, start_day):
        month -= 1
    length = {PeriodKind.MONTH: 1, PeriodKind.QUARTER: 3, PeriodKind.YEAR: 12}[kind]
    first = month - month % length
    year, index = divmod(first, 12)
    name = {
        PeriodKind.MONTH: f"{year}-{index + 1:02d}",
        PeriodKind.QUARTER: f"{year}-Q{index // 3 + 1}",
        PeriodKind.YEAR: f"{year}",
    }[kind]
    return _dates(
        name, _month_start(first, start_day), _month_start(first + length, start_day), zone
    )


def _month_start(month: int, start_day: int) -> date:
    year, index = divmod(month, 12)
    return date(year, index + 1, min(start_day, calendar.monthrange(year, index + 1)[1]))


def _dates(name: str, first: date, after: date, zone: ZoneInfo) -> Period:
    return Period(
        id=name, start_ms=_first_instant(first, zone), end_ms=_first_instant(after, zone)
    )


def _first_instant(day: date, zone: ZoneInfo) -> int:
    # fold=0 takes the first of two midnights. Where midnight is skipped, fold=0 uses the offset
    # before the gap, so the instant is the end of the gap: the first one of that date.
    midnight = datetime.combine(day, time.min, zone)
    return int(midnight.timestamp() * 1000)
