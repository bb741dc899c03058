"""The straight line to a period's end."""

from __future__ import annotations

import pytest

from proxy.domain.forecast import DAY_MS, linear
from proxy.domain.period import Period, PeriodKind, period_at
from tests.builders import UTC

NOVEMBER = period_at(PeriodKind.MONTH, UTC, 1_795_348_800_000)


@pytest.mark.parametrize(
    ("days", "expected"),
    [(3, 10_000_000), (10, 3_000_000), (29.5, 1_016_949)],
)
def test_the_line_goes_on(days: float, expected: int) -> None:
    now_ms = NOVEMBER.start_ms + round(days * DAY_MS)
    assert expected == linear(1_000_000, NOVEMBER, now_ms)


@pytest.mark.parametrize("days", [-1, 0, 2.99, 30, 31])
def test_outside_of_a_running_period_of_three_days_nothing_is_said(days: float) -> None:
    assert linear(1_000_000, NOVEMBER, NOVEMBER.start_ms + round(days * DAY_MS)) is None


def test_what_never_ends_has_no_end() -> None:
    assert linear(1, period_at(PeriodKind.TOTAL, UTC, DAY_MS), 4 * DAY_MS) is None


def test_a_credit_is_carried_on_too() -> None:
    period = Period(id="x", start_ms=0, end_ms=10 * DAY_MS)
    assert linear(-1_000_000, period, 5 * DAY_MS) == -2_000_000
