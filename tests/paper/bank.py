"""Money on paper: the rule of admission in a few lines, so that routing meets budgets."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from proxy.domain.balance import balances_at, bids_for, budgets_of
from proxy.domain.policy import OnExceed
from proxy.domain.usage import BudgetUse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from proxy.domain.plan import Candidate
    from proxy.domain.policy import Snapshot, Team


@dataclass(frozen=True, slots=True)
class Held:
    """A reservation: which candidate, how much, on which balances."""

    place: int
    micro_usd: int
    names: tuple[str, ...]


@dataclass
class Bank:
    """Every balance there is. `fullest` is the most that was ever spent and held of each."""

    spent: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    limits: dict[str, int] = field(default_factory=dict)

    def uses(self, snapshot: Snapshot, team: Team, at_ms: int) -> tuple[BudgetUse, ...]:
        """How full a team's budgets are."""
        return tuple(
            BudgetUse(
                budget_id=balance.budget_id,
                used_micro_usd=self.spent[balance.name] + self.held[balance.name],
                limit_micro_usd=balance.limit_micro_usd,
                match=balance.match,
            )
            for balance in balances_at(budgets_of(snapshot, team, None), at_ms)
        )

    def reserve(
        self,
        snapshot: Snapshot,
        team: Team,
        candidates: Iterable[tuple[int, Candidate]],
        at_ms: int,
        *,
        policy: str,
        is_first: bool,
    ) -> Held | str:
        """Hold the first candidate that fits; else the id of the first budget that refused.

        In a failover a budget that says `deny` acts as `next`.
        """
        balances = balances_at(budgets_of(snapshot, team, None), at_ms)
        refusal = ""
        for bid in bids_for(candidates, balances, policy=policy, metadata={}):
            counted = [balances[index] for index in bid.balances]
            full = [
                balance
                for balance in counted
                if self.spent[balance.name] + self.held[balance.name] + bid.quote_micro_usd
                > balance.limit_micro_usd
            ]
            if not full:
                names = tuple(dict.fromkeys(balance.name for balance in counted))
                for balance in counted:
                    self.limits[balance.name] = balance.limit_micro_usd
                self.held.update(dict.fromkeys(names, bid.quote_micro_usd))
                return Held(bid.candidate, bid.quote_micro_usd, names)
            refusal = refusal or full[0].budget_id
            if is_first and any(balance.on_exceed is OnExceed.DENY for balance in full):
                break
        return refusal

    def check(self) -> None:
        """No cap is passed, ever."""
        for name, limit in self.limits.items():
            assert self.spent[name] + self.held[name] <= limit, name

    def settle(self, held: Held, charged_micro_usd: int) -> None:
        """Give back what was held and spend what it cost."""
        for name in held.names:
            self.held[name] -= held.micro_usd
            self.spent[name] += charged_micro_usd
