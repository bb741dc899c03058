"""Token buckets as headers: the IETF draft's pair, and the trio that OpenAI's clients know.

Source: datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers revision 11, 2026-05-23;
community.openai.com/t/1268905 for the form of the durations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.bucket import LimitMode
from proxy.domain.policy import RouteClass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from proxy.domain.bucket import BucketState, RateLimit
    from proxy.gateway.views import Caller

_US_PER_S = 1_000_000


def rate_headers(buckets: Iterable[BucketState], caller: Caller | None) -> dict[str, str]:
    """The headers of the tightest bucket (the fewest tokens left); none without buckets.

    A bucket in shadow is not told of: it holds nobody to anything. Without a caller, as for an
    administrator, no window is told.
    """
    tightest = min(
        (bucket for bucket in buckets if bucket.mode is LimitMode.ENFORCE),
        key=lambda bucket: (bucket.remaining, -bucket.reset_us),
        default=None,
    )
    if tightest is None:
        return {}
    name = tightest.name.partition(":")[0]
    limit = _limit_of(tightest.name, caller)
    window = "" if limit is None else f";w={_seconds(limit.span_us)}"
    return {
        "RateLimit-Policy": f'"{name}";q={tightest.capacity}{window}',
        "RateLimit": f'"{name}";r={tightest.remaining};t={_seconds(tightest.reset_us)}',
        "x-ratelimit-limit-requests": str(tightest.capacity),
        "x-ratelimit-remaining-requests": str(tightest.remaining),
        "x-ratelimit-reset-requests": duration(tightest.reset_us),
    }


def retry_after_s(buckets: Iterable[BucketState]) -> int:
    """Whole seconds, rounded up, until every bucket has a token again."""
    return _seconds(max((bucket.retry_after_us for bucket in buckets), default=0))


def duration(span_us: int) -> str:
    """A span as OpenAI prints it: "12ms", "1s", "6m0s"; rounded up."""
    if span_us < _US_PER_S:
        return f"{-(-span_us // 1000)}ms"
    minutes, seconds = divmod(_seconds(span_us), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{seconds}s"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"


def _limit_of(bucket_name: str, caller: Caller | None) -> RateLimit | None:
    """The limit behind a bucket: "submit" is the team's, "submit:<key id>" the key's."""
    if caller is None:
        return None
    route_class, _, key_id = bucket_name.partition(":")
    limits = caller.key.limits if key_id else caller.team.limits
    return limits.get(RouteClass(route_class))


def _seconds(span_us: int) -> int:
    return -(-span_us // _US_PER_S)
