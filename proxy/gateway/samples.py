"""Numbers about offers: this process's until they are shared, then everybody's latest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.errors import StoreUnavailable
from proxy.domain.render_times import SAMPLES_MAX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from proxy.gateway.ports.render_times import OfferSamples

EXCHANGE_S = 5.0
"""How often what was learned is shared; nobody's answer waits for it."""


class Samples:
    """What this process has learned and not shared yet."""

    def __init__(self) -> None:
        self._fresh: dict[str, list[int]] = {}

    def note(self, offer_id: str, sample: int) -> None:
        """Take note of one number."""
        noted = self._fresh.setdefault(offer_id, [])
        noted.append(sample)
        del noted[:-SAMPLES_MAX]

    async def exchange(self, shared: OfferSamples) -> Mapping[str, Sequence[int]] | None:
        """Share what is new, and read what all processes know; None without the store."""
        fresh, self._fresh = self._fresh, {}
        try:
            return await shared.exchange(fresh)
        except StoreUnavailable:
            # A handful of lost samples changes nothing much; adding some twice could.
            return None
