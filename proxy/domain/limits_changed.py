"""What a change of configuration does to accounts, and to the money they already hold."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from proxy.domain.policy import OnExceed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.domain.policy import Budget, Snapshot


class Fate(StrEnum):
    """What becomes of an account."""

    KEPT = "kept"
    """It goes on with what is spent and held; only its limit, alerts or name are others."""
    OPENED = "opened"
    """It is new, and opens with what the ledger holds for its scope in the current period."""
    CLOSED = "closed"
    """It stops limiting; what is spent and held on it stays on record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What is spent and held on an account in its current period, or would be; in micro-USD."""

    spent_micro_usd: int
    reserved_micro_usd: int

    @property
    def micro_usd(self) -> int:
        """Both together: what a limit must not be below."""
        return self.spent_micro_usd + self.reserved_micro_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChange:
    """A budget of an account that differs. `committed` None: nobody said what it holds."""

    account: str
    fate: Fate
    before: Budget | None
    after: Budget | None
    committed: Committed | None = None

    @property
    def falls_short(self) -> bool:
        """Say whether a new or lowered limit is below what is spent and held already.

        One that only warns keeps nobody from spending.
        """
        before, after = self.before, self.after
        if after is None or self.committed is None or is_soft(after):
            return False
        if before is not None and not is_soft(before):
            is_lower = after.limit_micro_usd < before.limit_micro_usd
        else:
            is_lower = True
        return is_lower and after.limit_micro_usd < self.committed.micro_usd


def account_changes(
    before: Snapshot, after: Snapshot, committed: Mapping[str, Committed]
) -> tuple[AccountChange, ...]:
    """Every budget that the change touches, sorted by its account's name.

    A budget that only changed its place in a file is not listed.
    """
    old, new = budgets_by_account(before), budgets_by_account(after)
    found = []
    for account in sorted(old.keys() | new.keys()):
        olds, news = old.get(account, ()), new.get(account, ())
        fate = Fate.OPENED if not olds else Fate.CLOSED if not news else Fate.KEPT
        found += [
            AccountChange(
                account=account,
                fate=fate,
                before=was,
                after=will,
                committed=committed.get(account),
            )
            for was, will in _pairs(olds, news)
            if was != will
        ]
    return tuple(found)


def budgets_by_account(snapshot: Snapshot) -> dict[str, tuple[Budget, ...]]:
    """The budgets of organisation, teams and keys by their account's name.

    An account may have one that limits it and one that only warns, in this order.
    """
    budgets = [*snapshot.organisation_budgets]
    for team in snapshot.teams.values():
        budgets += team.budgets
    for key in snapshot.keys.values():
        budgets += key.budgets
    found: dict[str, tuple[Budget, ...]] = {}
    for budget in sorted(budgets, key=is_soft):
        found[budget.account] = (*found.get(budget.account, ()), budget)
    return found


def is_soft(budget: Budget) -> bool:
    """Say whether a budget only warns."""
    return budget.on_exceed is OnExceed.ALLOW


def _pairs(
    olds: tuple[Budget, ...], news: tuple[Budget, ...]
) -> list[tuple[Budget | None, Budget | None]]:
    """What became of each budget of an account: of the only one what is the only one now."""
    if len(olds) <= 1 and len(news) <= 1:
        return [(next(iter(olds), None), next(iter(news), None))]
    return [(_of_kind(olds, soft=soft), _of_kind(news, soft=soft)) for soft in (False, True)]


def _of_kind(budgets: tuple[Budget, ...], *, soft: bool) -> Budget | None:
    return next((budget for budget in budgets if is_soft(budget) is soft), None)
