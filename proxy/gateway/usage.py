"""How full a caller's budgets are, for policies that route by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.usage import BudgetUse

if TYPE_CHECKING:
    from proxy.domain.ids import KeyId
    from proxy.domain.policy import Snapshot
    from proxy.gateway.balances import BalanceBook
    from proxy.gateway.ports.admission import Accounts
    from proxy.gateway.ports.runtime import Clock
    from proxy.gateway.views import Caller

KNOWN_FOR_S = 1.0
"""Routing by a threshold may be a second late; admission itself never is."""


class UsageBook:
    """What was read of each key's budgets within the last second: a create then costs no more."""

    def __init__(self, balances: BalanceBook, accounts: Accounts, clock: Clock) -> None:
        self._balances = balances
        self._accounts = accounts
        self._clock = clock
        self._known: dict[KeyId, tuple[float, str, tuple[BudgetUse, ...]]] = {}

    async def of(self, snapshot: Snapshot, caller: Caller) -> tuple[BudgetUse, ...]:
        """Every budget that may count a job of this caller. Raises StoreUnavailable."""
        now_s = self._clock.monotonic_s()
        until_s, digest, uses = self._known.get(caller.key.id, (0.0, "", ()))
        if digest == snapshot.digest and now_s < until_s:
            return uses
        balances = self._balances.of(snapshot, caller.team, caller.key)
        state = await self._accounts.team_state(caller.team.id, balances, ())
        uses = tuple(
            BudgetUse(
                budget_id=item.balance.budget_id,
                used_micro_usd=item.spent_micro_usd + item.reserved_micro_usd,
                limit_micro_usd=item.limit_micro_usd,
                match=item.balance.match,
            )
            for item in state.balances
        )
        self._known[caller.key.id] = (now_s + KNOWN_FOR_S, snapshot.digest, uses)
        return uses
