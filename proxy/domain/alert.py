"""Which levels of a budget are reached, and the marks that keep each from being told twice."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from proxy.domain.policy import OnExceed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from proxy.domain.balance import Balance

PASSED = "passed"
"""The mark of a budget that only warns and whose limit was passed."""


def levels_reached(
    used_micro_usd: int, limit_micro_usd: int, levels: Iterable[int]
) -> tuple[int, ...]:
    """The levels (in percent of the limit) that are reached, low to high.

    Exact: no level is reached a micro-dollar early. None is while nothing is used.
    """
    if used_micro_usd <= 0:
        return ()
    return tuple(
        level for level in sorted(levels) if used_micro_usd * 100 >= level * limit_micro_usd
    )


def marks_of(balances: Sequence[Balance]) -> Mapping[tuple[str, str], Mapping[int | None, str]]:
    """The mark of each level by (balance's name, budget's id); None stands for "passed".

    A mark is the level alone, so that a budget may be renamed. Only where several budgets of one
    account have a level in common does it name its budget too.
    """
    wanted = {
        (balance.name, balance.budget_id): _levels(balance) for balance in dict.fromkeys(balances)
    }
    shared = Counter((name, level) for (name, _), levels in wanted.items() for level in levels)
    return {
        (name, budget): {
            level: _mark(level) if shared[name, level] == 1 else f"{_mark(level)}@{budget}"
            for level in levels
        }
        for (name, budget), levels in wanted.items()
    }


def is_watched(balance: Balance) -> bool:
    """Say whether anything is told about a balance by itself."""
    return bool(_levels(balance))


def _levels(balance: Balance) -> tuple[int | None, ...]:
    soft = (None,) if balance.on_exceed is OnExceed.ALLOW else ()
    return (*dict.fromkeys(balance.alert_at_percent), *soft)


def _mark(level: int | None) -> str:
    return PASSED if level is None else str(level)
