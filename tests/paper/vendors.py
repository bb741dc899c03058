"""Providers on paper: what each does with a submit at a moment, and how long it renders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.domain.failure import Failure, FailureKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

RENDER_S = {"kling": 90.0, "vertex": 60.0, "runway": 45.0}


@dataclass(frozen=True, slots=True)
class Outage:
    """A provider refuses every submit in [since, until)."""

    provider: str
    since_s: float
    until_s: float


@dataclass(frozen=True, slots=True)
class End:
    """From a moment on a provider says that a model is gone."""

    provider: str
    model: str
    since_s: float


@dataclass(frozen=True, slots=True)
class Vendors:
    """What happens to submits; `dice` decides what becomes of accepted ones."""

    dice: Random
    outages: Sequence[Outage]
    ends: Sequence[End]
    failed_share: float = 0.03
    refused_share: float = 0.02

    def submit(self, provider: str, model: str, at_s: float) -> Failure | None:
        """Why a submit is not accepted; None if it is."""
        for outage in self.outages:
            if outage.provider == provider and outage.since_s <= at_s < outage.until_s:
                return Failure(kind=FailureKind.UNAVAILABLE, message="down")
        for end in self.ends:
            if (end.provider, end.model) == (provider, model) and at_s >= end.since_s:
                return Failure(kind=FailureKind.MODEL_GONE, message="gone")
        return None

    def render(self, provider: str) -> tuple[float, Failure | None]:
        """How long an accepted video takes, and why none comes of it."""
        took_s = RENDER_S[provider] * self.dice.uniform(0.7, 1.6)
        drawn = self.dice.random()
        if drawn < self.failed_share:
            return took_s, Failure(kind=FailureKind.FAILED_UPSTREAM, message="internal")
        if drawn < self.failed_share + self.refused_share:
            return took_s, Failure(kind=FailureKind.CONTENT_POLICY, message="refused")
        return took_s, None
