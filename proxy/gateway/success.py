"""Learns how often attempts bring a video: from this process's jobs, and from all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.events import Resolved
from proxy.domain.failure import FailureKind
from proxy.domain.success import record_of, sample_of
from proxy.gateway.outcome import JOB_ERROR_CODES
from proxy.gateway.samples import EXCHANGE_S, Samples

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from proxy.domain.events import Event
    from proxy.domain.success import Record
    from proxy.gateway.ports.render_times import OfferSamples
    from proxy.gateway.ports.runtime import Clock

_NOT_ITS_FAULT = (FailureKind.CONTENT_POLICY, FailureKind.INVALID_INPUT, FailureKind.SOURCE_GONE)
BLAMED = frozenset(
    code for kind, code in JOB_ERROR_CODES.items() if kind not in _NOT_ITS_FAULT
) | {"artifact_lost"}
"""How attempts end that a provider owes a video for."""


class LearnedSuccess:
    """Listens for resolved attempts, and answers `of` from what was learned so far."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._samples = Samples()
        self._known: Mapping[str, Sequence[int]] = {}
        self.version = 0

    def observe(self, event: Event) -> None:
        """Note how an attempt ended that was sent, and whose end says something of its offer."""
        if isinstance(event, Resolved) and (event.is_made or event.code in BLAMED):
            sample = sample_of(self._clock.now_s(), is_good=event.is_made)
            self._samples.note(event.offer_id, sample)

    def of(self, offer_id: str) -> Record | None:
        """The record of an offer's recent attempts, None when there were none."""
        return record_of(self._known.get(offer_id, ()), self._clock.now_s())

    async def share(self, shared: OfferSamples) -> None:
        """Exchange what was learned now and then, until cancelled."""
        while True:
            await self.exchange(shared)
            await self._clock.sleep(EXCHANGE_S)

    async def exchange(self, shared: OfferSamples) -> None:
        """Share what is new and take over what all processes know; without the store, later."""
        known = await self._samples.exchange(shared)
        if known is not None:
            self._known = known
            self.version += 1
