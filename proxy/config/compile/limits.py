"""Token buckets, matches and budgets: from what is written to what the domain decides with."""

from collections.abc import Iterable
from fractions import Fraction
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from proxy.config.schema.limits import BucketSection, BudgetSection, LimitsSection, MatchSection
from proxy.domain.bucket import LimitMode, RateLimit, no_refill
from proxy.domain.moderation import Moderation
from proxy.domain.policy import Budget, Match, RouteClass

V = TypeVar("V")

US_PER_S: Final = 1_000_000
CLASSES: Final = (RouteClass.SUBMIT, RouteClass.POLL, RouteClass.CONTENT)


def compile_bucket(bucket: BucketSection) -> RateLimit:
    """Turn a refill rate into the interval between two tokens, rounded up to a microsecond."""
    slowest = no_refill(bucket.capacity)
    if not bucket.refill:
        return slowest
    interval_us = -(-US_PER_S // bucket.refill)
    return RateLimit(
        capacity=bucket.capacity, interval_us=min(int(interval_us), slowest.interval_us)
    )


def compile_limits(*layers: LimitsSection) -> dict[RouteClass, RateLimit]:
    """Merge limits, later layers over earlier ones; a class nobody sets is left out."""
    merged: dict[RouteClass, RateLimit] = {}
    for layer in layers:
        for kind in CLASSES:
            bucket: BucketSection | None = getattr(layer, kind.value)
            if bucket is not None:
                merged[kind] = compile_bucket(bucket)
    return merged


def compile_mode(*layers: LimitsSection) -> LimitMode:
    """Find whether limits refuse or only watch; earlier layers win."""
    return first(layer.mode for layer in layers)


def compile_moderation(*layers: LimitsSection) -> Moderation | None:
    """Find when a key must pause, None for never; earlier layers win, each value for itself."""
    sections = [layer.moderation for layer in layers]
    refusals = first(section.refusals for section in sections)
    if not refusals:
        return None
    return Moderation(
        refusals=refusals,
        within_ms=first(section.within for section in sections),
        cool_down_ms=first(section.cool_down for section in sections),
    )


def compile_match(match: MatchSection | None) -> Match | None:
    """Turn what a budget counts into the domain's value; None counts everything."""
    if match is None:
        return None
    return Match(
        model=match.model,
        provider=match.provider,
        policy=match.policy,
        metadata=dict(match.metadata),
    )


def compile_budgets(
    budgets: Iterable[BudgetSection], scope: str, timezone: ZoneInfo
) -> tuple[Budget, ...]:
    """Give budgets the scope they count ("org", "team:<t>" or "key:<id>") and their time zone."""
    return tuple(
        Budget(
            id=budget.id,
            scope=scope,
            period=budget.period,
            limit_micro_usd=budget.limit,
            timezone=timezone,
            start_day=budget.start_day,
            on_exceed=budget.on_exceed,
            match=compile_match(budget.match),
            alert_at_percent=tuple(sorted(budget.alert_at.values())),
        )
        for budget in budgets
    )


def first(values: Iterable[V | None]) -> V:
    """Return the first value that is set; the built-in layer sets all."""
    return next(value for value in values if value is not None)


def seconds(duration_ms: int) -> float:
    """Convert milliseconds to seconds, exactly for whole ones."""
    return float(Fraction(duration_ms, 1_000))
