"""Levels that are reached, to the micro-dollar, and the marks that keep them apart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.domain.alert import is_watched, levels_reached, marks_of
from proxy.domain.balance import Balance, balances_at
from proxy.domain.policy import OnExceed
from tests.builders import NOW_MS, a_budget

LEVELS = (50, 80, 100)


@pytest.mark.parametrize(
    ("used", "limit", "reached"),
    [
        (0, 1000, ()),
        (0, 0, ()),
        (1, 0, (50, 80, 100)),
        (499, 1000, ()),
        (500, 1000, (50,)),
        (799, 1000, (50,)),
        (800, 1000, (50, 80)),
        (1000, 1000, (50, 80, 100)),
        (5000, 1000, (50, 80, 100)),
        (-5, 1000, ()),
        (4_503_599_627_370_495, 9_007_199_254_740_991, ()),
        (4_503_599_627_370_496, 9_007_199_254_740_991, (50,)),
    ],
)
def test_levels(used: int, limit: int, reached: tuple[int, ...]) -> None:
    assert reached == levels_reached(used, limit, LEVELS)


def test_levels_are_low_to_high_however_they_are_written() -> None:
    assert (50, 80) == levels_reached(9, 10, (80, 50, 100))


def a_balance(budget_id: str, *levels: int, on_exceed: OnExceed = OnExceed.DENY) -> Balance:
    budget = replace(a_budget(id=budget_id, on_exceed=on_exceed), alert_at_percent=levels)
    [balance] = balances_at([budget], NOW_MS)
    return balance


def test_a_mark_is_the_level_alone() -> None:
    balance = a_balance("monthly", 50, 80)
    assert {(balance.name, "monthly"): {50: "50", 80: "80"}} == marks_of([balance])


def test_budgets_of_one_account_share_no_mark() -> None:
    soft = a_balance("soft", 80, 100, on_exceed=OnExceed.ALLOW)
    hard = a_balance("hard", 80, 90)
    assert {
        (soft.name, "soft"): {80: "80@soft", 100: "100", None: "passed"},
        (hard.name, "hard"): {80: "80@hard", 90: "90"},
    } == marks_of([soft, hard])


def test_budgets_of_two_accounts_may() -> None:
    daily = replace(a_balance("daily", 80), account="team:marketing|day")
    monthly = a_balance("monthly", 80)
    assert [{80: "80"}, {80: "80"}] == list(marks_of([daily, monthly]).values())


@pytest.mark.parametrize(
    ("balance", "watched"),
    [
        (a_balance("a"), False),
        (a_balance("a", 80), True),
        (a_balance("a", on_exceed=OnExceed.ALLOW), True),
        (a_balance("a", on_exceed=OnExceed.NEXT), False),
    ],
)
def test_what_is_watched(balance: Balance, watched: bool) -> None:
    assert watched is is_watched(balance)
