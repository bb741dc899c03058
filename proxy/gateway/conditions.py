"""Puts together what is known of offers, for the plan of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.conditions import Conditions

if TYPE_CHECKING:
    from proxy.domain.policy import Snapshot
    from proxy.gateway.health import HealthBook
    from proxy.gateway.ports.render_times import RenderTimes
    from proxy.gateway.success import LearnedSuccess


class ConditionsBook:
    """What routing should know beside the configuration.

    Put together again only when something of it may have changed, which is once in a while; asked
    at every create.
    """

    def __init__(self, times: RenderTimes, success: LearnedSuccess, health: HealthBook) -> None:
        self._times = times
        self._success = success
        self._health = health
        self._made: tuple[Snapshot, tuple[int, ...], Conditions] | None = None

    def now(self, snapshot: Snapshot) -> Conditions:
        """The conditions of a configuration's offers, from memory."""
        versions = (self._health.version, self._times.version, self._success.version)
        made = self._made
        if made is not None and made[0] is snapshot and made[1] == versions:
            return made[2]
        conditions = self._put_together(snapshot)
        self._made = (snapshot, versions, conditions)
        return conditions

    def _put_together(self, snapshot: Snapshot) -> Conditions:
        spreads = ((offer.id, self._times.of(offer.id)) for offer in snapshot.offers)
        records = ((offer.id, self._success.of(offer.id)) for offer in snapshot.offers)
        return Conditions(
            closed=self._health.closures(snapshot),
            latency_s={name: round(spread.p50_s, 1) for name, spread in spreads if spread},
            success={name: round(record.share, 3) for name, record in records if record},
        )
