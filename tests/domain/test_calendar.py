"""The calendar that budgets follow, row by row: which period holds an instant, and its bounds.

All times are UTC. `day` is the budget's `start_day`; a period begins at its start and ends just
before its end.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from proxy.domain.balance import balances_at
from proxy.domain.period import FOREVER_MS, PeriodKind, period_at
from tests.builders import a_budget

TABLE = """
zone      kind    day instant                 period            start            end

# A day of 23 hours, to its last millisecond, and one of 25
New_York  day       1 2026-03-08 05:00        2026-03-08        2026-03-08 05:00 2026-03-09 04:00
New_York  day       1 2026-03-09 03:59:59.999 2026-03-08        2026-03-08 05:00 2026-03-09 04:00
New_York  day       1 2026-11-01 04:00        2026-11-01        2026-11-01 04:00 2026-11-02 05:00
New_York  day       1 2026-11-02 04:59:59.999 2026-11-01        2026-11-01 04:00 2026-11-02 05:00
New_York  day       1 2026-11-02 05:00        2026-11-02        2026-11-02 05:00 2026-11-03 05:00

# The week, the month and the quarter around them: an hour shorter or longer too
New_York  week      1 2026-03-08 17:00        2026-W10          2026-03-02 05:00 2026-03-09 04:00
New_York  week      1 2026-11-01 17:00        2026-W44          2026-10-26 04:00 2026-11-02 05:00
New_York  month     1 2026-03-08 17:00        2026-03           2026-03-01 05:00 2026-04-01 04:00
New_York  month     1 2026-11-01 17:00        2026-11           2026-11-01 04:00 2026-12-01 05:00
New_York  quarter   1 2026-11-01 17:00        2026-Q4           2026-10-01 04:00 2027-01-01 05:00

# The hour that is left out, and the one that comes twice: each has an id of its own, in UTC
New_York  hour      1 2026-03-08 06:59        2026-03-08T06:00Z 2026-03-08 06:00 2026-03-08 07:00
New_York  hour      1 2026-03-08 07:00        2026-03-08T07:00Z 2026-03-08 07:00 2026-03-08 08:00
New_York  hour      1 2026-11-01 05:59        2026-11-01T05:00Z 2026-11-01 05:00 2026-11-01 06:00
New_York  hour      1 2026-11-01 06:00        2026-11-01T06:00Z 2026-11-01 06:00 2026-11-01 07:00

# Midnights that do not exist: the day begins at its first instant
Cairo     day       1 2026-04-23 21:59:59.999 2026-04-23        2026-04-22 22:00 2026-04-23 22:00
Cairo     day       1 2026-04-23 22:00        2026-04-24        2026-04-23 22:00 2026-04-24 21:00
Cairo     month    24 2026-04-23 22:00        2026-04           2026-04-23 22:00 2026-05-23 21:00
Santiago  day       1 2026-09-06 03:59:59.999 2026-09-05        2026-09-05 04:00 2026-09-06 04:00
Santiago  day       1 2026-09-06 04:00        2026-09-06        2026-09-06 04:00 2026-09-07 03:00
Santiago  week      1 2026-09-06 04:00        2026-W36          2026-08-31 04:00 2026-09-07 03:00
Sao_Paulo day       1 2018-11-04 03:00        2018-11-04        2018-11-04 03:00 2018-11-05 02:00

# Odd zones: a quarter of an hour, clocks moved by half an hour, a date that was left out
Kathmandu day       1 2026-11-22 06:15        2026-11-22        2026-11-21 18:15 2026-11-22 18:15
Lord_Howe day       1 2026-04-05 01:30        2026-04-05        2026-04-04 13:00 2026-04-05 13:30
Apia      day       1 2011-12-30 10:00        2011-12-31        2011-12-30 10:00 2011-12-31 10:00

# The leap day
UTC       day       1 2028-02-29 12:00        2028-02-29        2028-02-29 00:00 2028-03-01 00:00
UTC       month     1 2028-02-29 12:00        2028-02           2028-02-01 00:00 2028-03-01 00:00
UTC       month    29 2028-02-29 12:00        2028-02           2028-02-29 00:00 2028-03-29 00:00
UTC       month    29 2027-02-28 12:00        2027-02           2027-02-28 00:00 2027-03-29 00:00

# Fiscal months: the one that begins on the 15th of November is November's
UTC       month    15 2026-11-14 12:00        2026-10           2026-10-15 00:00 2026-11-15 00:00
UTC       month    15 2026-11-15 00:00        2026-11           2026-11-15 00:00 2026-12-15 00:00
UTC       month     5 2027-01-03 12:00        2026-12           2026-12-05 00:00 2027-01-05 00:00
New_York  month    15 2026-03-15 03:59:59.999 2026-02           2026-02-15 05:00 2026-03-15 04:00

# The 31st, in months that have none: their last day
UTC       month    31 2027-02-27 12:00        2027-01           2027-01-31 00:00 2027-02-28 00:00
UTC       month    31 2027-02-28 12:00        2027-02           2027-02-28 00:00 2027-03-31 00:00
UTC       month    31 2028-02-28 12:00        2028-01           2028-01-31 00:00 2028-02-29 00:00
UTC       month    31 2028-02-29 12:00        2028-02           2028-02-29 00:00 2028-03-31 00:00
UTC       month    31 2026-04-30 12:00        2026-04           2026-04-30 00:00 2026-05-31 00:00

# ISO weeks around New Year
UTC       week      1 2026-11-22 12:00        2026-W47          2026-11-16 00:00 2026-11-23 00:00
UTC       week      1 2026-12-27 23:59:59.999 2026-W52          2026-12-21 00:00 2026-12-28 00:00
UTC       week      1 2026-12-28 00:00        2026-W53          2026-12-28 00:00 2027-01-04 00:00
UTC       week      1 2027-01-03 12:00        2026-W53          2026-12-28 00:00 2027-01-04 00:00
UTC       week      1 2027-01-04 00:00        2027-W01          2027-01-04 00:00 2027-01-11 00:00

# Quarters and years, fiscal ones too
UTC       quarter   1 2026-11-22 12:00        2026-Q4           2026-10-01 00:00 2027-01-01 00:00
UTC       quarter   5 2027-01-04 12:00        2026-Q4           2026-10-05 00:00 2027-01-05 00:00
UTC       year      1 2026-12-31 23:59:59.999 2026              2026-01-01 00:00 2027-01-01 00:00
UTC       year      5 2027-01-04 12:00        2026              2026-01-05 00:00 2027-01-05 00:00
New_York  year      1 2027-01-01 04:59:59.999 2026              2026-01-01 05:00 2027-01-01 05:00
"""
ZONES = {
    "Apia": "Pacific/Apia",
    "Cairo": "Africa/Cairo",
    "Kathmandu": "Asia/Kathmandu",
    "Lord_Howe": "Australia/Lord_Howe",
    "New_York": "America/New_York",
    "Santiago": "America/Santiago",
    "Sao_Paulo": "America/Sao_Paulo",
    "UTC": "UTC",
}
ROWS = [line for line in TABLE.strip().splitlines()[1:] if line and not line.startswith("#")]


def ms(text: str) -> int:
    """Unix milliseconds of a UTC time."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def utc(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: " ".join(row.split()[:5]))
def test_the_period_of_an_instant(row: str) -> None:
    city, kind, day, date, time, name, *bounds = row.split()
    at_ms = ms(f"{date} {time}")
    zone = ZoneInfo(ZONES[city])
    period = period_at(PeriodKind(kind), zone, at_ms, start_day=int(day))
    found = f"{period.id} {utc(period.start_ms)} {utc(period.end_ms)}"
    assert f"{name} {' '.join(bounds)}" == found
    assert period.holds(at_ms)


def test_total_is_one_period_for_ever() -> None:
    total = period_at(PeriodKind.TOTAL, ZoneInfo("UTC"), ms("2026-11-22 12:00"))
    assert ("total", 0, FOREVER_MS) == (total.id, total.start_ms, total.end_ms)
    assert total.holds(ms("2038-01-01 00:00"))


@pytest.mark.parametrize(
    ("at", "names"),
    [
        ("2026-12-01 00:00", ["team:marketing|month|2026-11", "org|month|2026-12"]),
        ("2026-12-01 04:59:59.999", ["team:marketing|month|2026-11", "org|month|2026-12"]),
        ("2026-12-01 05:00", ["team:marketing|month|2026-12", "org|month|2026-12"]),
    ],
)
def test_one_attempt_counts_in_two_months_where_two_zones_differ(
    at: str, names: list[str]
) -> None:
    budgets = [
        a_budget(timezone=ZoneInfo("America/New_York")),
        a_budget(id="all", scope="org"),
    ]
    assert names == [balance.name for balance in balances_at(budgets, ms(at))]
