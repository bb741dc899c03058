"""Conditions in which a test closes offers by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.domain.conditions import Closed, Closure

if TYPE_CHECKING:
    from proxy.domain.conditions import Conditions
    from proxy.domain.policy import Offer, Snapshot
    from proxy.gateway.ports.health import KnownConditions


class Closures:
    """What is known, and beside it what a test says is closed."""

    def __init__(self, inner: KnownConditions) -> None:
        self._inner = inner
        self._closed: dict[str, Closed] = {}

    def close(self, offer: Offer, why: Closure) -> None:
        """Close an offer until it is opened."""
        self._closed[offer.id] = Closed(why=why, detail=f"closed by a test: {why}")

    def open(self, offer: Offer) -> None:
        """Open an offer that was closed."""
        del self._closed[offer.id]

    def now(self, snapshot: Snapshot) -> Conditions:
        """The conditions with what was closed."""
        known = self._inner.now(snapshot)
        return replace(known, closed={**known.closed, **self._closed})
