"""A token bucket gives what it holds and refills, never more, and says when to come back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.bucket import (
    Bucket,
    Decision,
    LimitMode,
    RateLimit,
    decisions,
    no_refill,
    share,
    spend,
    spend_all,
    state_of,
)
from tests.builders import NOW_MS

NOW_US = NOW_MS * 1000
LIMIT = RateLimit(capacity=3, interval_us=1_000_000)
TEAM = Bucket(name="poll", limit=LIMIT)
KEY = Bucket(name="poll:k", limit=no_refill(1))
WATCHED_TEAM = Bucket(name="poll", limit=LIMIT, mode=LimitMode.SHADOW)
WATCHED_KEY = Bucket(name="poll:k", limit=no_refill(1), mode=LimitMode.SHADOW)

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


def taken(*buckets: Bucket, times: int = 2) -> list[tuple[int, int, int]]:
    """What is left of each bucket after so many requests, its wait, and the one it would have."""
    states, tats_us = spend_all(buckets, (0,) * len(buckets), NOW_US)
    for _ in range(times - 1):
        states, tats_us = spend_all(buckets, tats_us, NOW_US)
    return [(state.remaining, state.retry_after_us, state.would_wait_us) for state in states]


EMPTY_US = KEY.limit.interval_us


def test_of_several_buckets_all_give_or_none_does() -> None:
    assert [(1, 0, 0), (2, 0, 0)] == taken(TEAM, Bucket(name="k", limit=no_refill(4)))
    assert [(2, 0, 0), (0, EMPTY_US, EMPTY_US)] == taken(TEAM, KEY)


def test_a_bucket_in_shadow_makes_nobody_wait_and_says_how_long_it_would() -> None:
    assert [(1, 0, 0), (0, 0, EMPTY_US)] == taken(TEAM, WATCHED_KEY)


def test_what_a_shadow_would_have_refused_takes_nothing_of_any_shadow() -> None:
    assert [(2, 0, 0), (0, 0, EMPTY_US)] == taken(WATCHED_TEAM, WATCHED_KEY)
    assert [(2, 0, 0), (0, EMPTY_US, EMPTY_US)] == taken(WATCHED_TEAM, KEY)


@given(st.lists(st.tuples(limits, st.booleans()), min_size=1, max_size=4), waits)
def test_buckets_in_shadow_count_as_if_all_were_enforced(
    terms: list[tuple[RateLimit, bool]], waits_us: list[int]
) -> None:
    """With an enforced bucket among them, all that are watched hold at least as much."""
    watched = [Bucket(name="x", limit=limit, mode=LimitMode.SHADOW) for limit, _ in terms]
    enforced = [Bucket(name="x", limit=limit) for limit, _ in terms]
    mixed = [
        Bucket(name="x", limit=limit, mode=LimitMode.SHADOW if is_shadow else LimitMode.ENFORCE)
        for limit, is_shadow in terms
    ]
    a = b = c = (0,) * len(terms)
    now_us = NOW_US
    for wait_us in waits_us:
        now_us += wait_us
        shadows, a = spend_all(watched, a, now_us)
        strict, b = spend_all(enforced, b, now_us)
        assert [max(tat, now_us) for tat in a] == [max(tat, now_us) for tat in b]
        assert not any(state.retry_after_us for state in shadows)
        assert [each.would_wait_us for each in shadows] == [each.retry_after_us for each in strict]
        _, c = spend_all(mixed, c, now_us)
        assert all(tat - now_us <= limit.span_us for tat, (limit, _) in zip(c, terms, strict=True))


def decided(*buckets: Bucket, times: int) -> list[tuple[LimitMode, Decision]]:
    states, tats_us = spend_all(buckets, (0,) * len(buckets), NOW_US)
    for _ in range(times - 1):
        states, tats_us = spend_all(buckets, tats_us, NOW_US)
    return list(decisions(states))


def test_more_than_four_fifths_gone_is_near_the_limit() -> None:
    five = Bucket(name="submit", limit=no_refill(5))
    enforce = LimitMode.ENFORCE
    assert [(enforce, Decision.ALLOWED)] == decided(five, times=4)
    assert [(enforce, Decision.NEAR_LIMIT)] == decided(five, times=5)
    assert [(enforce, Decision.REFUSED)] == decided(five, times=6)


def test_each_mode_decides_for_itself() -> None:
    enforce, shadow = LimitMode.ENFORCE, LimitMode.SHADOW
    both = decided(TEAM, WATCHED_KEY, times=2)
    assert [(enforce, Decision.ALLOWED), (shadow, Decision.REFUSED)] == both
    assert [(shadow, Decision.ALLOWED)] == decided(WATCHED_TEAM, times=1)
    assert ((enforce, Decision.ALLOWED),) == decisions(())


def test_a_full_bucket_of_which_nothing_was_spent_waits_for_nothing() -> None:
    state = state_of(TEAM, 0, NOW_US, is_spent=False)
    assert (3, 0, 0) == (state.remaining, state.would_wait_us, state.reset_us)


@given(limits, st.integers(1, 20), st.integers(0, 10**9))
def test_shares_together_give_no_more_than_the_whole(
    limit: RateLimit, parts: int, after_us: int
) -> None:
    part = share(limit, parts)
    given_by_parts = parts * (after_us // part.interval_us)
    assert given_by_parts <= after_us // limit.interval_us
    assert part.capacity * parts <= max(limit.capacity, parts)
    assert part.capacity >= 1
