"""Quantiles of recent renders, and when a client is told to ask again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.render_times import (
    POLL_AFTER_MS,
    POLL_AFTER_MS_MAX,
    POLL_AFTER_MS_MIN,
    SAMPLES_MIN,
    RenderSpread,
    poll_after_ms,
    poll_every_ms,
    spread_of,
)

MINUTE = RenderSpread(p20_s=50.0, p50_s=60.0, p95_s=120.0)


def test_the_spread_is_read_off_the_ranked_samples() -> None:
    samples_ms = [n * 1000 for n in range(100, 0, -1)]
    assert RenderSpread(p20_s=20.0, p50_s=50.0, p95_s=95.0) == spread_of(samples_ms)


def test_a_few_renders_tell_nothing() -> None:
    assert spread_of([1000] * (SAMPLES_MIN - 1)) is None
    assert RenderSpread(p20_s=1.0, p50_s=1.0, p95_s=1.0) == spread_of([1000] * SAMPLES_MIN)


@given(st.lists(st.integers(1, 10**8), min_size=SAMPLES_MIN, max_size=64))
def test_quantiles_are_samples_in_order(samples_ms: list[int]) -> None:
    spread = spread_of(samples_ms)
    assert spread is not None
    assert spread.p20_s <= spread.p50_s <= spread.p95_s
    seen = {sample / 1000 for sample in samples_ms}
    assert {spread.p20_s, spread.p50_s, spread.p95_s} <= seen


@pytest.mark.parametrize(
    ("elapsed_s", "wait_ms"),
    [(0.0, POLL_AFTER_MS_MAX), (40.0, 10_000), (49.0, 3_000), (60.0, 3_000), (900.0, 3_000)],
)
def test_clients_ask_when_there_may_be_something_to_see(elapsed_s: float, wait_ms: int) -> None:
    assert wait_ms == poll_after_ms(MINUTE, elapsed_s)


def test_short_renders_are_asked_about_often_but_not_too_often() -> None:
    second = RenderSpread(p20_s=0.5, p50_s=1.0, p95_s=2.0)
    assert POLL_AFTER_MS_MIN == poll_after_ms(second, 3.0)


def test_before_anything_was_learned_polls_are_frequent() -> None:
    assert POLL_AFTER_MS == poll_after_ms(None, 600.0)
    assert POLL_AFTER_MS == poll_every_ms(None)


def test_whoever_keeps_one_pace_sees_the_end_soon_after_it() -> None:
    """The longest first wait would be kept to the end, and miss it by as much."""
    assert 3_000 == poll_every_ms(MINUTE) < poll_after_ms(MINUTE, 0.0)
    second = RenderSpread(p20_s=0.5, p50_s=1.0, p95_s=2.0)
    hour = RenderSpread(p20_s=3000.0, p50_s=3600.0, p95_s=4000.0)
    assert (POLL_AFTER_MS_MIN, POLL_AFTER_MS_MAX) == (poll_every_ms(second), poll_every_ms(hour))
