"""Puts together what is known of offers, for the plan of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.conditions import Conditions

if TYPE_CHECKING:
    from proxy.domain.policy import Snapshot
    from proxy.gateway.ports.render_times import RenderTimes


class ConditionsBook:
    """What routing should know beside the configuration."""

    def __init__(self, times: RenderTimes) -> None:
        self._times = times

    def now(self, snapshot: Snapshot) -> Conditions:
        """The conditions of a configuration's offers, from memory."""
        spreads = ((offer.id, self._times.of(offer.id)) for offer in snapshot.offers)
        return Conditions(
            latency_s={name: round(spread.p50_s, 1) for name, spread in spreads if spread},
        )
