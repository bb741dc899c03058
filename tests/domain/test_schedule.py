"""When to ask again, and how far a job seems to be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.policy import PollTimes
from proxy.domain.render_times import RenderSpread
from proxy.domain.schedule import (
    is_early_look_up,
    longest_pause_s,
    next_look_up_s,
    next_poll_s,
    progress,
)

TIMES = PollTimes(first_s=15.0, min_s=5.0, max_s=20.0)
USUAL = RenderSpread(p20_s=40.0, p50_s=60.0, p95_s=90.0)
QUICK = RenderSpread(p20_s=1.0, p50_s=2.0, p95_s=3.0)
chances = st.floats(0, 1, exclude_max=True)
durations = st.floats(0, 100_000)


def middle() -> float:
    """A chance that jitters nothing."""
    return 0.5


@pytest.mark.parametrize(
    ("elapsed_s", "is_first", "retry_after_s", "wait_s"),
    [
        (0.0, True, None, 15.0),
        (900.0, True, None, 15.0),
        (10.0, False, None, 5.0),
        (60.0, False, None, 9.0),
        (900.0, False, None, 20.0),
        (60.0, False, 45.0, 45.0),
        (60.0, False, 1.0, 9.0),
        (0.0, True, 30.0, 30.0),
    ],
)
def test_polls_slow_down_with_the_job(
    elapsed_s: float, is_first: bool, retry_after_s: float | None, wait_s: float
) -> None:
    assert pytest.approx(wait_s) == next_poll_s(
        TIMES,
        elapsed_s=elapsed_s,
        is_first=is_first,
        retry_after_s=retry_after_s,
        random=middle,
    )


@pytest.mark.parametrize(
    ("spread", "elapsed_s", "is_first", "wait_s"),
    [
        (USUAL, 0.0, True, 40.0),
        (QUICK, 0.0, True, 5.0),
        (USUAL, 60.0, False, 9.0),
        (USUAL, 180.0, False, 20.0),
        (USUAL, 180.1, False, 40.0),
        (QUICK, 6.1, False, 40.0),
    ],
)
def test_polls_follow_what_recent_renders_took(
    spread: RenderSpread, elapsed_s: float, is_first: bool, wait_s: float
) -> None:
    assert pytest.approx(wait_s) == next_poll_s(
        TIMES,
        elapsed_s=elapsed_s,
        is_first=is_first,
        retry_after_s=None,
        random=middle,
        spread=spread,
    )


@given(durations, st.booleans(), chances, st.sampled_from([None, USUAL, QUICK]))
def test_no_pause_is_longer_than_the_longest(
    elapsed_s: float, is_first: bool, chance: float, spread: RenderSpread | None
) -> None:
    wait_s = next_poll_s(
        TIMES,
        elapsed_s=elapsed_s,
        is_first=is_first,
        retry_after_s=None,
        random=lambda: chance,
        spread=spread,
    )
    assert wait_s <= longest_pause_s(TIMES, spread)


@given(durations, st.booleans(), chances)
def test_jitter_is_a_tenth_either_way(elapsed_s: float, is_first: bool, chance: float) -> None:
    wait_s, steady_s = (
        next_poll_s(
            TIMES, elapsed_s=elapsed_s, is_first=is_first, retry_after_s=None, random=random
        )
        for random in (lambda: chance, middle)
    )
    assert 0.9 * steady_s - 1e-9 <= wait_s <= 1.1 * steady_s + 1e-9


@given(durations, st.booleans(), chances, durations)
def test_a_retry_after_is_never_undercut(
    elapsed_s: float, is_first: bool, chance: float, retry_after_s: float
) -> None:
    assert retry_after_s <= next_poll_s(
        TIMES,
        elapsed_s=elapsed_s,
        is_first=is_first,
        retry_after_s=retry_after_s,
        random=lambda: chance,
    )


@pytest.mark.parametrize(
    ("done", "elapsed_s", "wait_s"),
    [(0, 0.0, 60.0), (0, 90.0, 0.0), (1, 60.0, 240.0), (3, 900.0, 2700.0), (4, 3600.0, None)],
)
def test_look_ups_come_at_their_instants(
    done: int, elapsed_s: float, wait_s: float | None
) -> None:
    assert wait_s == next_look_up_s((60.0, 300.0, 900.0, 3600.0), done, elapsed_s)


@pytest.mark.parametrize(
    ("after_s", "done", "elapsed_s", "is_early"),
    [
        ((60.0, 300.0), 0, 53.0, True),
        ((60.0, 300.0), 0, 54.0, False),
        ((60.0, 300.0), 1, 275.0, True),
        ((60.0, 300.0), 1, 276.0, False),
        ((60.0, 300.0), 2, 0.0, False),
        ((), 0, 0.0, False),
        ((0.02,), 0, 0.0, False),
    ],
)
def test_a_look_up_is_early_well_before_its_instant(
    after_s: tuple[float, ...], done: int, elapsed_s: float, is_early: bool
) -> None:
    assert is_early == is_early_look_up(after_s, done, elapsed_s)


def test_no_look_ups_are_made_where_none_are_wanted() -> None:
    assert next_look_up_s((), 0, 0.0) is None


@pytest.mark.parametrize(
    ("reported", "elapsed_s", "typical_s", "last", "shown"),
    [
        (40, 10.0, 100.0, 0, 40),
        (40, 10.0, 100.0, 70, 70),
        (100, 10.0, 100.0, 0, 99),
        (None, 30.0, 120.0, 0, 25),
        (None, 500.0, 120.0, 0, 99),
        (None, 30.0, None, 12, 12),
        (None, 30.0, 0.0, 0, 0),
    ],
)
def test_progress_is_reported_or_estimated(
    reported: int | None, elapsed_s: float, typical_s: float | None, last: int, shown: int
) -> None:
    assert shown == progress(
        reported=reported, elapsed_s=elapsed_s, typical_s=typical_s, last=last
    )


@given(st.lists(st.tuples(st.none() | st.integers(-5, 200), durations), max_size=20))
def test_progress_never_falls_and_never_says_done(
    readings: list[tuple[int | None, float]],
) -> None:
    last = 0
    for reported, elapsed_s in readings:
        shown = progress(reported=reported, elapsed_s=elapsed_s, typical_s=90.0, last=last)
        assert last <= shown <= 99
        last = shown
