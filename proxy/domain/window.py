"""The time a report or an export is about: a calendar period by its id, or any two instants."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from proxy.domain.instant import parse_instant
from proxy.domain.period import Period, PeriodKind, period_at

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_FORMS = {
    PeriodKind.DAY: re.compile(r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)", re.ASCII),
    PeriodKind.WEEK: re.compile(r"(?P<year>\d{4})-W(?P<week>\d\d)", re.ASCII),
    PeriodKind.MONTH: re.compile(r"(?P<year>\d{4})-(?P<month>\d\d)", re.ASCII),
    PeriodKind.QUARTER: re.compile(r"(?P<year>\d{4})-Q(?P<quarter>[1-4])", re.ASCII),
    PeriodKind.YEAR: re.compile(r"(?P<year>\d{4})", re.ASCII),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """[since, until) in Unix ms; `period` if it is a calendar period, as far as it has come."""

    since_ms: int
    until_ms: int
    period: Period | None = None


def window_of(
    *, period: str | None, since: str | None, until: str | None, zone: ZoneInfo, now_ms: int
) -> Window:
    """Read what was asked for; nothing at all means the month that runs now.

    The window never ends after now, so what it holds stays the same for ever.

    Raises:
        ValueError: not to be understood, both forms at once, or a window that ends before it
            starts; the message says what is allowed.
    """
    if period is not None and (since is not None or until is not None):
        message = "give a period, or since and until, not both"
        raise ValueError(message)
    if since is None and until is not None:
        message = "until needs since"
        raise ValueError(message)
    if since is None:
        found = parse_period(period, zone) if period else period_at(PeriodKind.MONTH, zone, now_ms)
        window = Window(since_ms=found.start_ms, until_ms=min(found.end_ms, now_ms), period=found)
    else:
        end_ms = now_ms if until is None else min(parse_instant(until, zone), now_ms)
        window = Window(since_ms=parse_instant(since, zone), until_ms=end_ms)
    if window.since_ms > window.until_ms:
        message = "the window ends before it starts, or starts in the future"
        raise ValueError(message)
    return window


def parse_period(text: str, zone: ZoneInfo) -> Period:
    """Find the calendar period of an id: "2026", "2026-Q4", "2026-11", "2026-W47", "2026-11-24".

    Raises:
        ValueError: it is none; the message says what is allowed.
    """
    for kind, form in _FORMS.items():
        found = form.fullmatch(text)
        if found:
            try:
                first = _first_day(found.groupdict())
            except ValueError:
                break
            noon = datetime(first.year, first.month, first.day, 12, tzinfo=zone).astimezone(UTC)
            period = period_at(kind, zone, round(noon.timestamp() * 1000))
            if period.id == text:
                return period
    message = f"{text!r} is not a period; write 2026, 2026-Q4, 2026-11, 2026-W47 or 2026-11-24"
    raise ValueError(message)


def _first_day(parts: dict[str, str]) -> date:
    year = int(parts["year"])
    if "week" in parts:
        return date.fromisocalendar(year, int(parts["week"]), 1)
    month = int(parts["quarter"]) * 3 - 2 if "quarter" in parts else int(parts.get("month", "1"))
    return date(year, month, int(parts.get("day", "1")))
