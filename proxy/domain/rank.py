"""Ranking of fitting offers by a policy's `order` or `weigh`; the offer's name breaks ties."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from proxy.domain.money import format_usd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from proxy.domain.ids import ModelName
    from proxy.domain.policy import Model, Offer, RoutingPolicy
    from proxy.domain.price import Quote
    from proxy.domain.video import Shape

PRICE = "price"
LATENCY = "latency"
NEUTRAL = 0.5
"""Part score of an offer whose latency nobody has measured or estimated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """One fitting offer; `reason` says why it stands where it does."""

    offer: Offer
    shape: Shape
    quote: Quote
    reason: str = ""


def rank(
    items: Sequence[Ranked],
    policy: RoutingPolicy,
    models: Mapping[ModelName, Model],
    preferred: Sequence[ModelName],
) -> list[Ranked]:
    """Order offers: those of the named model first, then its successors, then by the policy."""
    if policy.weigh:
        return _by_weight(items, policy, models, preferred)
    return _by_order(items, policy, models, preferred)


def _by_order(
    items: Sequence[Ranked],
    policy: RoutingPolicy,
    models: Mapping[ModelName, Model],
    preferred: Sequence[ModelName],
) -> list[Ranked]:
    def key(item: Ranked) -> tuple[object, ...]:
        values = [
            -_value(name, item, models) if is_descending else _value(name, item, models)
            for name, is_descending in policy.order
        ]
        return (_preference(item, preferred), *values, item.offer.id)

    def reason(item: Ranked) -> str:
        parts = [_describe(name, item, models) for name, _ in policy.order]
        return _explain(item, preferred, ", ".join(parts))

    return [replace(item, reason=reason(item)) for item in sorted(items, key=key)]


def _by_weight(
    items: Sequence[Ranked],
    policy: RoutingPolicy,
    models: Mapping[ModelName, Model],
    preferred: Sequence[ModelName],
) -> list[Ranked]:
    if not items:
        return []
    cheapest = min(item.quote.micro_usd for item in items)
    latencies = [item.offer.typical_render_s for item in items if item.offer.typical_render_s]
    fastest = min(latencies, default=None)

    def part(name: str, item: Ranked) -> float:
        if name == PRICE:
            return cheapest / item.quote.micro_usd if item.quote.micro_usd else 1.0
        if name == LATENCY:
            typical = item.offer.typical_render_s
            return fastest / typical if typical and fastest else NEUTRAL
        return _score(name, item, models) / 100

    def total(item: Ranked) -> float:
        # Rounded so that two machines, or two orders of addition, never disagree about a tie.
        return round(sum(weight * part(name, item) for name, weight in policy.weigh.items()), 6)

    def key(item: Ranked) -> tuple[object, ...]:
        return (_preference(item, preferred), -total(item), item.quote.micro_usd, item.offer.id)

    return [
        replace(item, reason=_explain(item, preferred, f"score {total(item):.3f}"))
        for item in sorted(items, key=key)
    ]


def _preference(item: Ranked, preferred: Sequence[ModelName]) -> int:
    if item.offer.model in preferred:
        return list(preferred).index(item.offer.model)
    return len(preferred)


def _explain(item: Ranked, preferred: Sequence[ModelName], detail: str) -> str:
    place = _preference(item, preferred)
    if not preferred or place == len(preferred):
        return detail
    return ("model as requested" if place == 0 else f"successor of {preferred[0]}") + (
        f"; {detail}" if detail else ""
    )


def _value(name: str, item: Ranked, models: Mapping[ModelName, Model]) -> float:
    if name == PRICE:
        return item.quote.micro_usd
    if name == LATENCY:
        typical = item.offer.typical_render_s
        return float("inf") if typical is None else typical
    return _score(name, item, models)


def _score(name: str, item: Ranked, models: Mapping[ModelName, Model]) -> int:
    model = models.get(item.offer.model)
    return model.scores.get(name, 0) if model else 0


def _describe(name: str, item: Ranked, models: Mapping[ModelName, Model]) -> str:
    if name == PRICE:
        return f"price {format_usd(item.quote.micro_usd)}"
    if name == LATENCY:
        return f"latency {item.offer.typical_render_s or 'unknown'}"
    return f"{name} {_score(name, item, models)}"
