"""Learns how long renders take: from this process's jobs, through the store from all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.events import Ended
from proxy.domain.job import JobState
from proxy.domain.render_times import spread_of
from proxy.gateway.samples import EXCHANGE_S, Samples

if TYPE_CHECKING:
    from proxy.domain.events import Event
    from proxy.domain.render_times import RenderSpread
    from proxy.gateway.ports.render_times import OfferSamples
    from proxy.gateway.ports.runtime import Clock


class LearnedTimes:
    """Listens for completed jobs, and answers `of` from what was learned so far."""

    def __init__(self) -> None:
        self._samples = Samples()
        self._known: dict[str, RenderSpread] = {}
        self.version = 0

    def observe(self, event: Event) -> None:
        """Note how long a completed job took to render."""
        if isinstance(event, Ended) and event.state is JobState.COMPLETED and event.render_s:
            self._samples.note(event.offer_id, round(event.render_s * 1000))

    def of(self, offer_id: str) -> RenderSpread | None:
        """The spread of an offer's recent renders, None when too few are known."""
        return self._known.get(offer_id)

    async def share(self, samples: OfferSamples, clock: Clock) -> None:
        """Exchange what was learned now and then, until cancelled."""
        while True:
            await self.exchange(samples)
            await clock.sleep(EXCHANGE_S)

    async def exchange(self, samples: OfferSamples) -> None:
        """Share what is new and take over what all processes know; without the store, later."""
        known = await self._samples.exchange(samples)
        if known is None:
            return
        spreads = {offer_id: spread_of(taken) for offer_id, taken in known.items()}
        self._known = {name: spread for name, spread in spreads.items() if spread is not None}
        self.version += 1
