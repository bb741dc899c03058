"""What a change of budgets does to the money on their accounts."""

from __future__ import annotations

import pytest

from proxy.domain.limits_changed import Committed, Fate, account_changes
from proxy.domain.period import PeriodKind
from proxy.domain.policy import Budget, OnExceed, Snapshot
from tests.builders import a_budget, a_key, a_snapshot, a_team

MONTH = "team:marketing|month"
HELD = {MONTH: Committed(spent_micro_usd=700, reserved_micro_usd=300)}


def with_budgets(*budgets: Budget) -> Snapshot:
    return a_snapshot(teams=[a_team(budgets=list(budgets))])


def test_order_changes_nothing() -> None:
    month, day = a_budget(), a_budget(id="daily", period=PeriodKind.DAY)
    assert () == account_changes(with_budgets(month, day), with_budgets(day, month), HELD)


@pytest.mark.parametrize(
    ("before", "after", "falls_short"),
    [
        (2000, 1000, False),
        (2000, 999, True),
        (500, 999, False),
        (500, 400, True),
        (2000, 3000, False),
    ],
)
def test_a_limit_falls_short_of_what_is_committed(
    before: int, after: int, *, falls_short: bool
) -> None:
    (change,) = account_changes(
        with_budgets(a_budget(limit_micro_usd=before)),
        with_budgets(a_budget(limit_micro_usd=after)),
        HELD,
    )
    assert (MONTH, Fate.KEPT, falls_short) == (change.account, change.fate, change.falls_short)
    assert change.committed is not None
    assert 1000 == change.committed.micro_usd


def test_without_word_of_what_is_committed_nothing_falls_short() -> None:
    (change,) = account_changes(
        with_budgets(a_budget()), with_budgets(a_budget(limit_micro_usd=0)), {}
    )
    assert (None, False) == (change.committed, change.falls_short)


def test_another_period_is_another_account() -> None:
    day = a_budget(period=PeriodKind.DAY)
    opened, closed = account_changes(with_budgets(a_budget()), with_budgets(day), HELD)
    assert ("team:marketing|day", Fate.OPENED, None) == (
        opened.account,
        opened.fate,
        opened.before,
    )
    assert (MONTH, Fate.CLOSED, None, False) == (
        closed.account,
        closed.fate,
        closed.after,
        closed.falls_short,
    )


def test_an_account_that_comes_back_may_fall_short_at_once() -> None:
    (change,) = account_changes(with_budgets(), with_budgets(a_budget(limit_micro_usd=5)), HELD)
    assert change.falls_short


def a_soft(limit_micro_usd: int = 5000) -> Budget:
    return a_budget(id="soft", limit_micro_usd=limit_micro_usd, on_exceed=OnExceed.ALLOW)


def test_a_budget_that_only_warns_stands_beside_the_one_that_limits() -> None:
    hard, soft = a_budget(limit_micro_usd=2000), a_soft(500)
    (change,) = account_changes(with_budgets(hard), with_budgets(soft, hard), HELD)
    assert (MONTH, Fate.KEPT, None, soft) == (
        change.account,
        change.fate,
        change.before,
        change.after,
    )
    lower = a_budget(limit_micro_usd=999)
    (change,) = account_changes(with_budgets(hard, soft), with_budgets(soft, lower), HELD)
    assert (hard, lower, True) == (change.before, change.after, change.falls_short)
    (change,) = account_changes(with_budgets(hard, soft), with_budgets(hard), HELD)
    assert (soft, None) == (change.before, change.after)


def test_what_only_warns_falls_never_short() -> None:
    (change,) = account_changes(with_budgets(a_soft()), with_budgets(a_soft(1)), HELD)
    assert not change.falls_short


@pytest.mark.parametrize(("limit", "falls_short"), [(1000, False), (999, True)])
def test_a_budget_that_limits_from_now_on_may_fall_short(limit: int, *, falls_short: bool) -> None:
    hard = a_budget(id="soft", limit_micro_usd=limit)
    (change,) = account_changes(with_budgets(a_soft(999)), with_budgets(hard), HELD)
    assert (Fate.KEPT, falls_short) == (change.fate, change.falls_short)
    (change,) = account_changes(with_budgets(hard), with_budgets(a_soft(999)), HELD)
    assert not change.falls_short


def test_budgets_of_the_organisation_and_of_keys_count_too() -> None:
    key = a_key(budgets=[a_budget(id="web", scope="key:k7f3q2ab")])
    before = a_snapshot(keys=[key], organisation_budgets=[a_budget(id="all", scope="org")])
    found = account_changes(before, a_snapshot(keys=[]), {})
    assert [("key:k7f3q2ab|month", Fate.CLOSED), ("org|month", Fate.CLOSED)] == [
        (change.account, change.fate) for change in found
    ]
