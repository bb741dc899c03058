"""Token-bucket arithmetic as GCRA in integer microseconds: the oracle of the Lua scripts.

A bucket stores one number, its theoretical arrival time (TAT): when it will be full.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EMPTY_FOREVER_US = 7_000_000_000_000_000
"""Span of a bucket that never refills: with today's clock TAT still stays exact below 2^53."""
NEAR_PERCENT = 80
"""A bucket of whose tokens more than this share is gone is near its limit. Source: Envoy's
ratelimit service, `NEAR_LIMIT_RATIO`, README read 2026-11-22."""


class LimitMode(StrEnum):
    """What a limit does to whoever passes it: refuse, or only tell of it."""

    ENFORCE = "enforce"
    SHADOW = "shadow"


class Decision(StrEnum):
    """What buckets say about a request."""

    ALLOWED = "allowed"
    NEAR_LIMIT = "near_limit"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """A token bucket: `capacity` tokens, one more every `interval_us`."""

    capacity: int
    interval_us: int

    @property
    def span_us(self) -> int:
        """Time in which an empty bucket fills."""
        return self.capacity * self.interval_us


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Outcome of asking for one token. `retry_after_us` is 0 when it was given."""

    is_allowed: bool
    tat_us: int
    remaining: int
    retry_after_us: int
    reset_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A token bucket to ask: `name` is unique within the team. One in shadow only watches."""

    name: str
    limit: RateLimit
    mode: LimitMode = LimitMode.ENFORCE

    @property
    def is_shadow(self) -> bool:
        """Say whether it refuses nobody."""
        return self.mode is LimitMode.SHADOW


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketState:
    """What a bucket said; microseconds. `retry_after_us` 0 = a token was (or would be) given.

    One in shadow makes nobody wait: `would_wait_us` is what `retry_after_us` would be.
    """

    name: str
    capacity: int
    remaining: int
    retry_after_us: int
    reset_us: int
    mode: LimitMode = LimitMode.ENFORCE
    would_wait_us: int = 0


def no_refill(capacity: int) -> RateLimit:
    """A bucket whose tokens do not come back within any period that matters."""
    return RateLimit(capacity=capacity, interval_us=EMPTY_FOREVER_US // capacity)


def wait_us(limit: RateLimit, full_in_us: int, *, tokens: int = 1) -> int:
    """How long until a bucket that is full in `full_in_us` has so many tokens, without spending.

    More tokens than it holds come one by one as it refills.
    """
    used_us = min(max(full_in_us, 0), limit.span_us)
    return max(0, used_us + tokens * limit.interval_us - limit.span_us)


def spend(limit: RateLimit, tat_us: int, now_us: int) -> Spent:
    """Take one token at `now_us` from a bucket whose stored TAT is `tat_us` (0 when new).

    Args:
        limit: the bucket's size and refill.
        tat_us: stored theoretical arrival time; a TAT in the past means a full bucket.
        now_us: Redis TIME in microseconds.
    """
    # A bucket is at most empty, also one that a stricter limit left behind.
    tat_us = min(tat_us, now_us + limit.span_us)
    start_us = max(tat_us, now_us)
    next_us = start_us + limit.interval_us
    allowed = next_us - now_us <= limit.span_us
    kept_us = next_us if allowed else start_us
    return Spent(
        is_allowed=allowed,
        tat_us=kept_us if allowed else tat_us,
        remaining=max(0, (limit.span_us - (kept_us - now_us)) // limit.interval_us),
        retry_after_us=0 if allowed else next_us - now_us - limit.span_us,
        reset_us=kept_us - now_us,
    )


def spend_all(
    buckets: Sequence[Bucket], tats_us: Sequence[int], now_us: int
) -> tuple[tuple[BucketState, ...], tuple[int, ...]]:
    """Take one token of each bucket, or none; returns what they say and their TATs afterwards.

    A bucket in shadow refuses nobody. What one of them would have refused spends nothing of any
    that only watches: they count as if all of them were enforced.
    """
    asked = [
        spend(bucket.limit, tat, now_us) for bucket, tat in zip(buckets, tats_us, strict=True)
    ]
    pairs = list(zip(buckets, asked, strict=True))
    is_refused = any(not spent.is_allowed for bucket, spent in pairs if not bucket.is_shadow)
    is_over = any(not spent.is_allowed for bucket, spent in pairs if bucket.is_shadow)
    states, after_us = [], []
    for bucket, spent in pairs:
        is_spent = not is_refused and not (bucket.is_shadow and is_over)
        # What was given back is as if it had not been asked for.
        stored_us = spent.tat_us - (bucket.limit.interval_us if spent.is_allowed else 0)
        tat_us = spent.tat_us if is_spent else stored_us
        states.append(state_of(bucket, tat_us, now_us, is_spent=is_spent))
        after_us.append(tat_us)
    return tuple(states), tuple(after_us)


def state_of(bucket: Bucket, tat_us: int, now_us: int, *, is_spent: bool) -> BucketState:
    """What a bucket says, by its TAT after spending if `is_spent`.

    One of which nothing was spent says when it will have a token, if it has none.
    """
    limit = bucket.limit
    used_us = min(max(tat_us - now_us, 0), limit.span_us)
    wait_us = 0 if is_spent else max(0, used_us + limit.interval_us - limit.span_us)
    return BucketState(
        name=bucket.name,
        capacity=limit.capacity,
        remaining=max(0, (limit.span_us - used_us) // limit.interval_us),
        retry_after_us=0 if bucket.is_shadow else wait_us,
        reset_us=used_us,
        mode=bucket.mode,
        would_wait_us=wait_us,
    )


def decisions(states: Iterable[BucketState]) -> tuple[tuple[LimitMode, Decision], ...]:
    """What the buckets of each mode said together; no buckets allow everything."""
    known = list(states)
    found = []
    for mode in LimitMode:
        own = [state for state in known if state.mode is mode]
        if own or (mode is LimitMode.ENFORCE and not known):
            found.append((mode, _decision(own)))
    return tuple(found)


def _decision(states: Sequence[BucketState]) -> Decision:
    if any(state.retry_after_us or state.would_wait_us for state in states):
        return Decision.REFUSED
    near = (state.remaining * 100 < state.capacity * (100 - NEAR_PERCENT) for state in states)
    return Decision.NEAR_LIMIT if any(near) else Decision.ALLOWED


def share(limit: RateLimit, parts: int) -> RateLimit:
    """One of so many equal parts of a bucket, each kept for itself; at least one token."""
    return RateLimit(
        capacity=max(1, limit.capacity // parts), interval_us=limit.interval_us * parts
    )
