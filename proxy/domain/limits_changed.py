"""What a change of configuration does to accounts, and to the money they already hold."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

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
    """An account whose budget differs. `committed` None: nobody said what it holds."""

    account: str
    fate: Fate
    before: Budget | None
    after: Budget | None
    committed: Committed | None = None

    @property
    def falls_short(self) -> bool:
        """Say whether a new or lowered limit is below what is spent and held already."""
        if self.after is None or self.committed is None:
            return False
        is_lower = self.before is None or self.after.limit_micro_usd < self.before.limit_micro_usd
        return is_lower and self.after.limit_micro_usd < self.committed.micro_usd


def account_changes(
    before: Snapshot, after: Snapshot, committed: Mapping[str, Committed]
) -> tuple[AccountChange, ...]:
    """Every account that the change touches, sorted by name.

    A budget that only changed its place in a file is not listed.
    """
    old, new = budgets_by_account(before), budgets_by_account(after)
    found = []
    for account in sorted(old.keys() | new.keys()):
        was, will = old.get(account), new.get(account)
        if was == will:
            continue
        fate = Fate.OPENED if was is None else Fate.CLOSED if will is None else Fate.KEPT
        found.append(
            AccountChange(
                account=account,
                fate=fate,
                before=was,
                after=will,
                committed=committed.get(account),
            )
        )
    return tuple(found)


def budgets_by_account(snapshot: Snapshot) -> dict[str, Budget]:
    """Every budget of organisation, teams and keys by its account's name.

    Several may limit one account: the lowest limit is the one in force.
    """
    budgets = [*snapshot.organisation_budgets]
    for team in snapshot.teams.values():
        budgets += team.budgets
    for key in snapshot.keys.values():
        budgets += key.budgets
    found: dict[str, Budget] = {}
    for budget in budgets:
        known = found.get(budget.account)
        if known is None or budget.limit_micro_usd < known.limit_micro_usd:
            found[budget.account] = budget
    return found
