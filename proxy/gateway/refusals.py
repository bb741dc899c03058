"""What a caller is told when admission refuses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from proxy.domain.errors import (
    KEY_REVOKED,
    AdmissionError,
    BudgetExceeded,
    IdempotencyConflict,
    ProxyError,
    RateLimited,
    SpendingFrozen,
    Unauthenticated,
)
from proxy.domain.money import format_usd
from proxy.domain.period import FOREVER_MS
from proxy.domain.policy import RouteClass
from proxy.gateway.ports.admission import (
    TOO_MANY_JOBS_RETRY_S,
    BucketEmpty,
    CoolingDown,
    Frozen,
    KeyConflict,
    OverBudget,
    Revoked,
    TooManyOpen,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from proxy.domain.bucket import BucketState
    from proxy.gateway.ports.admission import AdmitResult
    from proxy.gateway.views import Caller

_FROZEN = {
    "team": "new spend of this team was stopped by an administrator",
    "all": "all new spend was stopped by an administrator",
    "provider": "new spend was stopped at every provider that could make this",
}


def retry_after_s(buckets: Iterable[BucketState]) -> int:
    """Whole seconds, rounded up, until every bucket has a token; 0 when they all gave one."""
    wait_us = max((bucket.retry_after_us for bucket in buckets), default=0)
    return -(-wait_us // 1_000_000)


def rate_limited(route_class: RouteClass, buckets: tuple[BucketState, ...]) -> RateLimited:
    """The error for an empty bucket."""
    wait_s = max(1, retry_after_s(buckets))
    message = f"too many {route_class.value} requests; try again in {wait_s} s"
    return RateLimited(message, retry_after_s=wait_s, buckets=buckets)


def refusal_error(result: AdmitResult, caller: Caller) -> ProxyError:
    """The error a refused admission becomes."""
    error: ProxyError
    match result:
        case KeyConflict():
            message = "this Idempotency-Key was used with another request in the last 24 hours"
            error = IdempotencyConflict(message, param="Idempotency-Key")
        case BucketEmpty(buckets=buckets):
            error = rate_limited(RouteClass.SUBMIT, buckets)
        case CoolingDown():
            error = _cooling_down(result)
        case TooManyOpen():
            error = _too_many(result, caller)
        case OverBudget():
            error = _over_budget(result)
        case Frozen(what=what):
            error = SpendingFrozen(_FROZEN[what], details={"frozen": what})
        case Revoked():
            error = Unauthenticated(KEY_REVOKED)
        case _:
            message = f"{type(result).__name__} is not a refusal"
            raise AssertionError(message)
    return error


def _cooling_down(result: CoolingDown) -> RateLimited:
    """The error for a key that must pause."""
    wait_s = max(1, -(-result.left_ms // 1000))
    message = (
        "too many videos of this API key were refused for their content;"
        f" it may create again in {wait_s} s, or when an administrator ends the cool-down"
    )
    return RateLimited(
        message, code="moderation_cooldown", retry_after_s=wait_s, buckets=result.buckets
    )


def _too_many(result: TooManyOpen, caller: Caller) -> AdmissionError:
    message = (
        f"the team has {result.open_jobs} unfinished jobs and may have {caller.team.queued};"
        " wait for some to end"
    )
    return RateLimited(
        message,
        code="too_many_jobs",
        retry_after_s=TOO_MANY_JOBS_RETRY_S,
        buckets=result.buckets,
    )


def _over_budget(result: OverBudget) -> AdmissionError:
    balance = result.balance
    limit_micro_usd = balance.limit_micro_usd + result.lifted_micro_usd
    message = (
        f"budget {balance.budget_id!r} ({balance.account}) has no room:"
        f" limit ${format_usd(limit_micro_usd)},"
        f" spent ${format_usd(result.spent_micro_usd)},"
        f" reserved ${format_usd(result.reserved_micro_usd)},"
        f" this video ${format_usd(result.quote_micro_usd)}"
    )
    return BudgetExceeded(
        message,
        details={
            "budget": balance.budget_id,
            "scope": balance.scope,
            "period": balance.period.id,
            "limit": format_usd(limit_micro_usd),
            "spent": format_usd(result.spent_micro_usd),
            "reserved": format_usd(result.reserved_micro_usd),
            "quote": format_usd(result.quote_micro_usd),
            "resets_at": iso_time(balance.period.end_ms),
        },
        buckets=result.buckets,
    )


def iso_time(at_ms: int) -> str | None:
    """Unix milliseconds as ISO 8601 in UTC; None for "never"."""
    if at_ms >= FOREVER_MS:
        return None
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
