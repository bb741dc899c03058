"""Who bears what no attempt explains: the organisation, and an account made for it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from proxy.domain.balance import balances_at
from proxy.domain.ledger import UNATTRIBUTED
from proxy.domain.period import PeriodKind, period_at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from proxy.domain.ledger import Charge
    from proxy.domain.policy import Budget

_UTC = ZoneInfo("UTC")


def unattributed_balances(
    organisation_budgets: Iterable[Budget], charge: Charge, at_ms: int
) -> tuple[str, ...]:
    """Names of the balances that count such a cost at an instant.

    Those of the organisation whose match, if any, covers it, and `unattributed|month|<UTC month>`.
    """
    counted = [
        balance.name
        for balance in balances_at(organisation_budgets, at_ms)
        if balance.match is None
        or balance.match.covers(
            model=charge.model,
            provider=charge.provider,
            policy=charge.policy,
            metadata=charge.metadata,
        )
    ]
    month = period_at(PeriodKind.MONTH, _UTC, at_ms)
    return (*dict.fromkeys(counted), f"{UNATTRIBUTED}|{PeriodKind.MONTH}|{month.id}")
