"""Accounts that were opened in the middle of a period, and the attempts they took over then.

An attempt's entries name the balances that counted it when it was reserved. Of an account that
was opened later, and took it over, they know nothing: what corrects the attempt afterwards has to
reach that account as well.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.domain.ledger_file import id_order
from proxy.domain.period import PeriodKind
from proxy.domain.policy import ORGANISATION, Budget, Match

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

    from proxy.domain.ledger import Charge


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """An account as it was opened last: in which period, and what it had read by then.

    `as_of` is the id of the last entry of the ledger that it took over, "" for none.
    """

    account: str
    period_id: str
    period_start_ms: int
    as_of: str

    @property
    def balance(self) -> str:
        """Name of the balance that took over what there was."""
        return f"{self.account}|{self.period_id}"

    def took_over(self, entry_id: str, team: str, charge: Charge) -> bool:
        """Say whether it took over what began with an entry: a reserve, or a cost of nobody's."""
        if not self.as_of or id_order(entry_id) > id_order(self.as_of):
            return False
        if id_order(entry_id)[0] < self.period_start_ms:
            return False
        scope, match = _read(self.account)
        return counts(scope, match, team, charge)


def counts(scope: str, match: Match | None, team: str, charge: Charge) -> bool:
    """Say whether an account of a scope and a match counts a charge of a team."""
    return scope in (ORGANISATION, f"team:{team}", f"key:{charge.key}") and (
        match is None
        or match.covers(
            model=charge.model,
            provider=charge.provider,
            policy=charge.policy,
            metadata=charge.metadata,
        )
    )


def taken_over_by(
    openings: Iterable[Opening], entry_id: str, team: str, charge: Charge
) -> tuple[str, ...]:
    """Names of the balances that took over what began with an entry ("" is not known when)."""
    if not entry_id:
        return ()
    return tuple(each.balance for each in openings if each.took_over(entry_id, team, charge))


def budget_on(account: str, timezone: ZoneInfo) -> Budget:
    """A budget of nothing on an account, known by its name alone; see `Budget.account`.

    Raises:
        ValueError: no account has this name.
    """
    kind, _, day = account.rpartition("|")[2].partition("@")
    try:
        scope, match = _read(account)
        budget = Budget(
            id=account,
            scope=scope,
            period=PeriodKind(kind),
            limit_micro_usd=0,
            timezone=timezone,
            start_day=int(day or 1),
            match=match,
        )
    except (ValueError, TypeError):
        budget = None
    if budget is None or budget.account != account:
        message = f"{account!r} is no account; one is named like team:marketing|month"
        raise ValueError(message)
    return budget


def _read(account: str) -> tuple[str, Match | None]:
    """The scope and the match in an account's name; see `Budget.account`."""
    counted, _, _ = account.rpartition("|")
    scope, brace, match = counted.partition("{")
    return scope, Match(**json.loads(brace + match)) if brace else None
