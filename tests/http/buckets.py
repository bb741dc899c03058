"""Token buckets as an answer shows them."""

from __future__ import annotations

from proxy.domain.bucket import BucketState, LimitMode


def a_bucket(
    name: str = "submit",
    *,
    capacity: int = 20,
    remaining: int = 19,
    retry_after_us: int = 0,
    reset_us: int = 2_000_000,
    mode: LimitMode = LimitMode.ENFORCE,
) -> BucketState:
    return BucketState(
        name=name,
        capacity=capacity,
        remaining=remaining,
        retry_after_us=retry_after_us,
        reset_us=reset_us,
        mode=mode,
    )
