"""The balances of each key, computed again only when a period ends or the config changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.domain.balance import Balance, balances_at, budgets_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from proxy.domain.ids import KeyId
    from proxy.domain.policy import ApiKey, Budget, Snapshot, Team
    from proxy.gateway.ports.runtime import Clock


class BalanceBook:
    """Balances in their current periods; the store's clock is followed where it differs."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead_ms = 0
        self._digest = ""
        self._zones: dict[str, tuple[ZoneInfo, int]] = {}
        self._known: dict[tuple[str, KeyId | None], tuple[Balance, ...]] = {}

    def now_ms(self) -> int:
        """Our best idea of the store's clock, Unix milliseconds."""
        return int(self._clock.now_s() * 1000) + self._ahead_ms

    def follow(self, store_now_ms: int) -> None:
        """Take the store's clock as the truth: it said our bounds were stale."""
        self._ahead_ms = store_now_ms - int(self._clock.now_s() * 1000)

    def keep_zones(self, zones: Mapping[str, tuple[ZoneInfo, int]]) -> None:
        """Compute accounts' periods in these time zones, each until an instant (ms)."""
        self._zones = dict(zones)
        self._known.clear()

    def of(self, snapshot: Snapshot, team: Team, key: ApiKey | None) -> tuple[Balance, ...]:
        """Every balance that may count a job of this key (or of the team, without one) now."""
        if snapshot.digest != self._digest:
            self._digest = snapshot.digest
            self._known.clear()
        now_ms = self.now_ms()
        place = (team.id, key.id if key else None)
        known = self._known.get(place)
        if known is None or not all(balance.period.holds(now_ms) for balance in known):
            budgets = (self.zoned(each, now_ms) for each in budgets_of(snapshot, team, key))
            known = balances_at(budgets, now_ms)
            self._known[place] = known
        return known

    def zoned(self, budget: Budget, now_ms: int) -> Budget:
        """A budget with the time zone that governs its account at an instant."""
        zone, until_ms = self._zones.get(budget.account, (budget.timezone, 0))
        return replace(budget, timezone=zone) if now_ms < until_ms else budget
