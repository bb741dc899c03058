"""Token-bucket arithmetic as GCRA in integer microseconds: the oracle of the Lua scripts.

A bucket stores one number, its theoretical arrival time (TAT): when it will be full.
"""

from __future__ import annotations

from dataclasses import dataclass

EMPTY_FOREVER_US = 7_000_000_000_000_000
"""Span of a bucket that never refills: with today's clock TAT still stays exact below 2^53."""


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
    """A token bucket to ask: `name` is unique within the team."""

    name: str
    limit: RateLimit


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketState:
    """What a bucket said; microseconds. `retry_after_us` 0 = a token was (or would be) given."""

    name: str
    capacity: int
    remaining: int
    retry_after_us: int
    reset_us: int


def no_refill(capacity: int) -> RateLimit:
    """A bucket whose tokens do not come back within any period that matters."""
    return RateLimit(capacity=capacity, interval_us=EMPTY_FOREVER_US // capacity)


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
