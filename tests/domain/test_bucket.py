"""A token bucket gives what it holds and refills, never more, and says when to come back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.bucket import RateLimit, no_refill, spend
from tests.builders import NOW_MS

NOW_US = NOW_MS * 1000
LIMIT = RateLimit(capacity=3, interval_us=1_000_000)

limits = st.builds(RateLimit, capacity=st.integers(1, 50), interval_us=st.integers(1, 60_000_000))
waits = st.lists(st.integers(0, 100_000_000), max_size=60)


def test_a_new_bucket_is_full() -> None:
    first = spend(LIMIT, 0, NOW_US)
    assert (True, 2, 0, 1_000_000) == (
        first.is_allowed,
        first.remaining,
        first.retry_after_us,
        first.reset_us,
    )


def test_an_empty_bucket_refuses_and_keeps_its_state() -> None:
    tat_us = 0
    for _ in range(3):
        tat_us = spend(LIMIT, tat_us, NOW_US).tat_us
    refused = spend(LIMIT, tat_us, NOW_US)
    assert not refused.is_allowed
    assert tat_us == refused.tat_us
    assert (0, 1_000_000, 3_000_000) == (
        refused.remaining,
        refused.retry_after_us,
        refused.reset_us,
    )


def test_without_refill_only_the_capacity_is_given() -> None:
    limit = no_refill(40)
    tat_us = 0
    for used in range(1, 41):
        spent = spend(limit, tat_us, NOW_US + used)
        tat_us = spent.tat_us
        assert spent.is_allowed
        assert 40 - used == spent.remaining
    assert not spend(limit, tat_us, NOW_US + 365 * 86_400_000_000).is_allowed
    assert tat_us < 2**53


@given(limits, waits)
def test_never_more_than_capacity_and_refill(limit: RateLimit, waits_us: list[int]) -> None:
    tat_us, now_us, given_at = 0, NOW_US, []
    for wait_us in waits_us:
        now_us += wait_us
        spent = spend(limit, tat_us, now_us)
        tat_us = spent.tat_us
        given_at += [now_us] if spent.is_allowed else []
    for first, start_us in enumerate(given_at):
        for last in range(first, len(given_at)):
            refilled = (given_at[last] - start_us) // limit.interval_us
            assert last - first + 1 <= limit.capacity + refilled


@given(limits)
def test_a_full_bucket_gives_its_capacity_at_once(limit: RateLimit) -> None:
    tat_us, allowed = 0, 0
    for _ in range(limit.capacity + 3):
        spent = spend(limit, tat_us, NOW_US)
        tat_us = spent.tat_us
        allowed += spent.is_allowed
    assert limit.capacity == allowed


@given(limits, waits)
def test_coming_back_at_retry_after_is_early_enough_and_no_earlier(
    limit: RateLimit, waits_us: list[int]
) -> None:
    tat_us, now_us = 0, NOW_US
    for wait_us in waits_us:
        now_us += wait_us
        spent = spend(limit, tat_us, now_us)
        assert 0 <= spent.remaining <= limit.capacity
        assert 0 <= spent.reset_us <= limit.span_us
        if not spent.is_allowed:
            assert not spend(limit, tat_us, now_us + spent.retry_after_us - 1).is_allowed
            assert spend(limit, tat_us, now_us + spent.retry_after_us).is_allowed
        tat_us = spent.tat_us


@given(limits, st.integers(1, 50))
def test_remaining_is_what_can_still_be_taken(limit: RateLimit, takes: int) -> None:
    spent = spend(limit, 0, NOW_US)
    for _ in range(takes):
        spent = spend(limit, spent.tat_us, NOW_US)
    tat_us, left = spent.tat_us, 0
    while (following := spend(limit, tat_us, NOW_US)).is_allowed:
        left, tat_us = left + 1, following.tat_us
    assert spent.remaining == left
