"""What a report is asked about."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.instant import iso_ms, iso_s, parse_instant
from proxy.domain.period import PeriodKind, period_at
from proxy.domain.window import Window, parse_period, window_of
from tests.builders import NOW_MS, UTC

NEW_YORK = ZoneInfo("America/New_York")


def asked(
    *, period: str | None = None, since: str | None = None, until: str | None = None
) -> Window:
    return window_of(period=period, since=since, until=until, zone=NEW_YORK, now_ms=NOW_MS)


def test_nothing_means_the_month_that_runs() -> None:
    month = period_at(PeriodKind.MONTH, NEW_YORK, NOW_MS)
    assert Window(since_ms=month.start_ms, until_ms=NOW_MS, period=month) == asked()
    assert asked() == asked(period="2026-11")


def test_a_period_that_is_over_is_whole() -> None:
    month = asked(period="2026-10")
    assert ("2026-10-01T04:00:00Z", "2026-11-01T04:00:00Z") == (
        iso_s(month.since_ms),
        iso_s(month.until_ms),
    )


def test_two_instants_in_the_zone_or_with_an_offset() -> None:
    window = asked(since="2026-11-01", until="2026-11-02T00:00:00+00:00")
    assert ("2026-11-01T04:00:00.000Z", "2026-11-02T00:00:00.000Z") == (
        iso_ms(window.since_ms),
        iso_ms(window.until_ms),
    )
    assert window.period is None


@pytest.mark.parametrize("until", [None, "2030-01-01"])
def test_no_window_ends_after_now(until: str | None) -> None:
    assert NOW_MS == asked(since="2026-11-01", until=until).until_ms


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"period": "2026-11", "since": "2026-11-01"}, "not both"),
        ({"until": "2026-11-01"}, "needs since"),
        ({"since": "2026-11-02", "until": "2026-11-01"}, "before it starts"),
        ({"period": "2027-01"}, "in the future"),
        ({"since": "yesterday"}, "neither a date"),
        ({"since": "2026-11-01T00:00:00"}, "neither a date"),
        ({"since": "2026-11-31"}, "neither a date"),
        ({"period": "2026-13"}, "is not a period"),
        ({"period": "2026-W54"}, "is not a period"),
        ({"period": "November"}, "is not a period"),
        ({"period": "0000"}, "is not a period"),
    ],
)
def test_anything_else_is_refused(words: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        asked(**words)


def test_a_day_that_a_zone_left_out_is_none() -> None:
    with pytest.raises(ValueError, match="is not a period"):
        parse_period("2011-12-30", ZoneInfo("Pacific/Apia"))


@given(
    st.sampled_from(
        [PeriodKind.DAY, PeriodKind.WEEK, PeriodKind.MONTH, PeriodKind.QUARTER, PeriodKind.YEAR]
    ),
    st.sampled_from([UTC, NEW_YORK, ZoneInfo("Africa/Cairo"), ZoneInfo("Pacific/Apia")]),
    st.integers(10**12, 2 * 10**12),
)
def test_a_period_is_found_by_its_id(kind: PeriodKind, zone: ZoneInfo, at_ms: int) -> None:
    period = period_at(kind, zone, at_ms)
    assert period == parse_period(period.id, zone)


def test_instants_are_written_to_the_millisecond_and_to_the_second() -> None:
    at_ms = parse_instant("2026-11-24T09:30:00.250Z", UTC)
    assert ("2026-11-24T09:30:00.250Z", "2026-11-24T09:30:00Z") == (iso_ms(at_ms), iso_s(at_ms))
