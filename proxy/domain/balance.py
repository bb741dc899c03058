"""Which balances count an attempt, and the bids that admission weighs against them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.domain.period import Period, period_at
from proxy.domain.policy import ORGANISATION, OnExceed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from proxy.domain.plan import Candidate
    from proxy.domain.policy import ApiKey, Budget, Match, Snapshot, Team


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """One budget's account in one period, as a script checks it. Limits in micro-USD."""

    budget_id: str
    scope: str
    account: str
    period: Period
    limit_micro_usd: int
    on_exceed: OnExceed
    match: Match | None = None
    alert_at_percent: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Name of the balance: account and period id, e.g. "team:marketing|month|2026-11"."""
        return f"{self.account}|{self.period.id}"

    @property
    def is_organisation(self) -> bool:
        """Say whether the organisation holds it; all others are the team's."""
        return self.scope == ORGANISATION


@dataclass(frozen=True, slots=True, kw_only=True)
class Bid:
    """A candidate as admission sees it: its place in the plan, its quote, and who counts it."""

    candidate: int
    quote_micro_usd: int
    balances: tuple[int, ...]


def budgets_of(snapshot: Snapshot, team: Team, key: ApiKey | None) -> tuple[Budget, ...]:
    """Every budget that may count a job of a key: the key's, the team's, the organisation's."""
    own = key.budgets if key is not None else ()
    return (*own, *team.budgets, *snapshot.organisation_budgets)


def balances_at(budgets: Iterable[Budget], at_ms: int) -> tuple[Balance, ...]:
    """The balances of budgets in their periods at an instant."""
    return tuple(
        Balance(
            budget_id=budget.id,
            scope=budget.scope,
            account=budget.account,
            period=period_at(budget.period, budget.timezone, at_ms, start_day=budget.start_day),
            limit_micro_usd=budget.limit_micro_usd,
            on_exceed=budget.on_exceed,
            match=budget.match,
            alert_at_percent=budget.alert_at_percent,
        )
        for budget in budgets
    )


def bids_for(
    candidates: Iterable[tuple[int, Candidate]],
    balances: Sequence[Balance],
    *,
    policy: str,
    metadata: Mapping[str, str],
) -> tuple[Bid, ...]:
    """Bids of candidates, given with their places, each with the balances that count it."""
    return tuple(
        Bid(
            candidate=place,
            quote_micro_usd=candidate.quote_micro_usd,
            balances=tuple(
                index
                for index, balance in enumerate(balances)
                if balance.match is None
                or balance.match.covers(
                    model=candidate.model,
                    provider=candidate.provider,
                    policy=policy,
                    metadata=metadata,
                )
            ),
        )
        for place, candidate in candidates
    )
