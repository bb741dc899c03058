"""The balances of each key, computed again only when a period ends or the config changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.balance import Balance, balances_at, budgets_of

if TYPE_CHECKING:
    from proxy.domain.ids import KeyId
    from proxy.domain.policy import ApiKey, Snapshot, Team
    from proxy.gateway.ports.runtime import Clock


class BalanceBook:
    """Balances in their current periods; the store's clock is followed where it differs."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead_ms = 0
        self._digest = ""
        self._known: dict[tuple[str, KeyId | None], tuple[Balance, ...]] = {}

    def now_ms(self) -> int:
        """Our best idea of the store's clock, Unix milliseconds."""
        return int(self._clock.now_s() * 1000) + self._ahead_ms

    def follow(self, store_now_ms: int) -> None:
        """Take the store's clock as the truth: it said our bounds were stale."""
        self._ahead_ms = store_now_ms - int(self._clock.now_s() * 1000)

    def of(self, snapshot: Snapshot, team: Team, key: ApiKey | None) -> tuple[Balance, ...]:
        """Every balance that may count a job of this key (or of the team, without one) now."""
        if snapshot.digest != self._digest:
            self._digest = snapshot.digest
            self._known.clear()
        now_ms = self.now_ms()
        place = (team.id, key.id if key else None)
        known = self._known.get(place)
        if known is None or not all(balance.period.holds(now_ms) for balance in known):
            known = balances_at(budgets_of(snapshot, team, key), now_ms)
            self._known[place] = known
        return known
