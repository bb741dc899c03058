"""Ranking of fitting offers by a policy's `order` or `weigh`; the offer's name breaks ties."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from proxy.domain.conditions import NOTHING_KNOWN, Conditions
from proxy.domain.money import format_usd
from proxy.domain.routing import Failover

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from proxy.domain.ids import ModelName
    from proxy.domain.policy import Model, Offer
    from proxy.domain.price import Quote
    from proxy.domain.routing import RoutingPolicy
    from proxy.domain.source import Way
    from proxy.domain.video import Shape

PRICE = "price"
LATENCY = "latency"
SUCCESS = "success"
MEASURES = (PRICE, LATENCY, SUCCESS)
"""What a policy may rank by beside the catalog's scores."""
NEUTRAL = 0.5
"""Part score of an offer whose latency nobody has measured or estimated."""
AS_REQUESTED = "model as requested"
MOVED_UP = "; moved up: the same model elsewhere"
"""Said of an offer that follows its model's first, before others that rank above it."""
PERCENT_UNMEASURED = 90
"""Success of an offer that nobody has tried lately: trusted, but less than one that works."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """One fitting offer; `reason` says why it stands where it does, `score` its weighted sum.

    `way` is how it is given the video that is started from, None without one.
    """

    offer: Offer
    shape: Shape
    quote: Quote
    way: Way | None = None
    reason: str = ""
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How offers are looked at: by which policy, with which scores and measurements.

    `preferred` models come first, in this order: the named one, then its successors. `first`
    says in words why the first of them does.
    """

    policy: RoutingPolicy
    models: Mapping[ModelName, Model]
    preferred: Sequence[ModelName] = ()
    conditions: Conditions = NOTHING_KNOWN
    first: str = AS_REQUESTED

    def place(self, item: Ranked) -> int:
        """Which of the preferred models an offer has; their number if none."""
        if item.offer.model in self.preferred:
            return list(self.preferred).index(item.offer.model)
        return len(self.preferred)

    def stand(self, item: Ranked) -> tuple[int, int]:
        """What comes before the ranking: the named model, then the policy's preference."""
        offer = item.offer
        return self.place(item), self.policy.preference(offer.provider, offer.model)

    def value(self, name: str, item: Ranked) -> float:
        """What a sort key or weight looks at: micro-USD, seconds, percent or a score."""
        if name == PRICE:
            return item.quote.micro_usd
        if name == LATENCY:
            render_s = self.conditions.render_s(item.offer)
            return float("inf") if render_s is None else render_s
        if name == SUCCESS:
            share = self.conditions.success.get(item.offer.id)
            return PERCENT_UNMEASURED if share is None else round(share * 100)
        model = self.models.get(item.offer.model)
        return model.scores.get(name, 0) if model else 0

    def describe(self, name: str, item: Ranked) -> str:
        """One key with its value, in words."""
        value = self.value(name, item)
        if name == PRICE:
            return f"price {format_usd(item.quote.micro_usd)}"
        if name == LATENCY:
            return f"latency {'unknown' if value == float('inf') else value}"
        return f"{name} {value:g}"


def rank(items: Sequence[Ranked], view: View) -> list[Ranked]:
    """Order offers: those of the named model first, then its successors, then by the policy.

    Unless the policy says otherwise, a model's other offers follow its first: a video that fails
    at one provider is made by the same model at another, before another model is tried.
    """
    ranked = _by_weight(items, view) if view.policy.weigh else _by_order(items, view)
    if view.policy.failover is not Failover.SAME_MODEL:
        return ranked
    first = {item.offer.model: place for place, item in reversed(list(enumerate(ranked)))}
    grouped = sorted(ranked, key=lambda item: first[item.offer.model])
    stood = {item.offer.id: place for place, item in enumerate(ranked)}
    return [
        replace(item, reason=f"{item.reason}{MOVED_UP}") if place < stood[item.offer.id] else item
        for place, item in enumerate(grouped)
    ]


def _by_order(items: Sequence[Ranked], view: View) -> list[Ranked]:
    def key(item: Ranked) -> tuple[object, ...]:
        values = [
            -view.value(name, item) if is_descending else view.value(name, item)
            for name, is_descending in view.policy.order
        ]
        return (*view.stand(item), *values, item.offer.id)

    def reason(item: Ranked) -> str:
        parts = [view.describe(name, item) for name, _ in view.policy.order]
        return _explain(item, view, ", ".join(parts))

    return [replace(item, reason=reason(item)) for item in sorted(items, key=key)]


def _by_weight(items: Sequence[Ranked], view: View) -> list[Ranked]:
    if not items:
        return []
    cheapest = min(item.quote.micro_usd for item in items)
    fastest = min(view.value(LATENCY, item) for item in items)

    def part(name: str, item: Ranked) -> float:
        if name == PRICE:
            return _share(cheapest, item.quote.micro_usd)
        value = view.value(name, item)
        if name == LATENCY:
            return NEUTRAL if value == float("inf") else _share(fastest, value)
        return value / 100

    def total(item: Ranked) -> float:
        # Rounded so that two machines, or two orders of addition, never disagree about a tie.
        weights = view.policy.weigh.items()
        return round(sum(weight * part(name, item) for name, weight in weights), 6)

    def key(item: Ranked) -> tuple[object, ...]:
        return (*view.stand(item), -total(item), item.quote.micro_usd, item.offer.id)

    def reason(item: Ranked) -> str:
        parts = (
            f"{name} {weight * part(name, item):.3f}" for name, weight in view.policy.weigh.items()
        )
        return _explain(item, view, " + ".join(parts))

    return [
        replace(item, reason=reason(item), score=total(item)) for item in sorted(items, key=key)
    ]


def _share(best: float, own: float) -> float:
    """What the best has of one's own; nothing is better than nothing."""
    return best / own if own else 1.0


def _explain(item: Ranked, view: View, detail: str) -> str:
    place, preference = view.stand(item)
    parts = []
    if place < len(view.preferred):
        parts.append(view.first if place == 0 else f"successor of {view.preferred[0]}")
    if preference < len(view.policy.prefer):
        parts.append("preferred")
    return "; ".join([*parts, detail] if detail else parts)
