"""How a policy routes: what it requires, how it ranks, and where it goes on."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.domain.ids import ModelName, PolicyName, ProviderName


class Failover(StrEnum):
    """What is tried after the first choice: its model elsewhere, the next in rank, or nothing."""

    SAME_MODEL = "same_model"
    RANKED = "ranked"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferMatch:
    """Which offers a term means; both are globs, and one that is left out matches all."""

    provider: str | None = None
    model: str | None = None

    def covers(self, provider: ProviderName, model: ModelName) -> bool:
        """Say whether an offer is meant."""
        pairs = ((self.provider, provider), (self.model, model))
        return all(pattern is None or fnmatchcase(name, pattern) for pattern, name in pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class WhenUsed:
    """Rank by the policy `use` while more than `above_percent` of a budget is spent or held.

    `budget` is a budget's id; None is the fullest of those that count everything.
    """

    above_percent: int
    use: PolicyName
    budget: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingPolicy:
    """How candidates are ranked: `order` (sort keys) or `weigh` (weights summing to anything > 0).

    A sort key is "price", "latency", "success" or a score's name, with its direction: True =
    larger first. Offers that a term of `prefer` means come first, in the order of the terms; those
    that `exclude` means never come. Of `when`, the first rule that holds hands the request to
    another policy; `fallback` is the policy that plans where this one finds nothing.
    """

    name: PolicyName
    require_seconds: int | None = None
    require_resolution: str | None = None
    require_aspect_ratio: str | None = None
    require_audio: bool | None = None
    order: tuple[tuple[str, bool], ...] = ()
    weigh: Mapping[str, float] = field(default_factory=dict)
    prefer: tuple[OfferMatch, ...] = ()
    exclude: tuple[OfferMatch, ...] = ()
    when: tuple[WhenUsed, ...] = ()
    fallback: PolicyName | None = None
    failover: Failover = Failover.SAME_MODEL

    def preference(self, provider: ProviderName, model: ModelName) -> int:
        """The place of the first term of `prefer` that means an offer; their number if none."""
        places = (n for n, term in enumerate(self.prefer) if term.covers(provider, model))
        return next(places, len(self.prefer))

    def excludes(self, provider: ProviderName, model: ModelName) -> bool:
        """Say whether nothing of this policy goes to an offer."""
        return any(term.covers(provider, model) for term in self.exclude)
