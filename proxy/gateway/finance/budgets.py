"""Every budget of the configuration with what is spent and held on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.domain.balance import balances_at
from proxy.domain.forecast import linear
from proxy.domain.ids import TeamId

if TYPE_CHECKING:
    from proxy.domain.balance import Balance
    from proxy.domain.policy import Snapshot, Team
    from proxy.gateway.balances import BalanceBook
    from proxy.gateway.ports.admission import Accounts, BalanceState


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLine:
    """One budget in its current period. `team` is None for the organisation's."""

    team: TeamId | None
    state: BalanceState
    forecast_micro_usd: int | None
    """What will be spent at the period's end on a straight line, if that can be said."""


async def all_budgets(
    snapshot: Snapshot, book: BalanceBook, accounts: Accounts
) -> tuple[BudgetLine, ...]:
    """Read every budget: the organisation's, then each team's with those of its keys.

    Raises:
        StoreUnavailable: the store does not answer.
    """
    now_ms = book.now_ms()
    shared: tuple[Balance, ...] = balances_at(snapshot.organisation_budgets, now_ms)
    lines: list[BudgetLine] = []
    for team in snapshot.teams.values():
        counted = _balances(snapshot, book, team)
        shared = tuple(balance for balance in counted if balance.is_organisation) or shared
        own = [balance for balance in counted if not balance.is_organisation]
        lines += await _lines(accounts, team.id, own, now_ms=now_ms, bearer=team.id)
    if not shared:
        return tuple(lines)
    anybody = next(iter(snapshot.teams), TeamId(""))
    first = await _lines(accounts, anybody, shared, now_ms=now_ms, bearer=None)
    return (*first, *lines)


def _balances(snapshot: Snapshot, book: BalanceBook, team: Team) -> tuple[Balance, ...]:
    """What counts a team's jobs, whichever key they come by."""
    keys = [key for key in snapshot.keys.values() if key.team == team.id]
    found = [balance for key in (None, *keys) for balance in book.of(snapshot, team, key)]
    return tuple({(balance.name, balance.budget_id): balance for balance in found}.values())


async def _lines(
    accounts: Accounts,
    team: TeamId,
    balances: list[Balance] | tuple[Balance, ...],
    *,
    now_ms: int,
    bearer: TeamId | None,
) -> list[BudgetLine]:
    state = await accounts.team_state(team, balances, ())
    return [
        BudgetLine(
            team=bearer,
            state=each,
            forecast_micro_usd=linear(each.spent_micro_usd, each.balance.period, now_ms),
        )
        for each in state.balances
    ]
