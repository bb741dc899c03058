"""Which accounts took over an attempt when they were opened."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from proxy.domain.ledger import Charge
from proxy.domain.opening import Opening, budget_on, taken_over_by
from proxy.domain.period import PeriodKind
from proxy.domain.policy import Match
from tests.builders import a_budget

if TYPE_CHECKING:
    from proxy.domain.policy import Budget

UTC_ZONE = ZoneInfo("UTC")


def at(day: int, month: int = 11) -> int:
    return int(datetime(2026, month, day, tzinfo=UTC).timestamp() * 1000)


FIFTH, TWENTIETH = at(5), at(20)
CHARGE = Charge(
    key="k7f3q2ab",
    provider="kling",
    model="kling-3.0",
    policy="cheapest",
    metadata={"film": "a|b"},
)


def opened(
    account: str = "team:marketing|month", *, day: int = 20, as_of: str = f"{at(20)}-7"
) -> Opening:
    """An account that was opened in November."""
    start_ms = at(day) if account.endswith("|day") else at(1)
    return Opening(account=account, period_id="2026-11", period_start_ms=start_ms, as_of=as_of)


def reached(opening: Opening, reserve_id: str = f"{FIFTH}-0", charge: Charge = CHARGE) -> bool:
    return (opening.balance,) == taken_over_by([opening], reserve_id, "marketing", charge)


def test_a_month_that_is_added_on_the_20th_took_over_the_5th() -> None:
    assert ("team:marketing|month|2026-11",) == taken_over_by(
        [opened()], f"{FIFTH}-0", "marketing", CHARGE
    )


@pytest.mark.parametrize(
    ("reserve_id", "is_reached"),
    [
        (f"{at(1)}-0", True),
        (f"{at(1) - 1}-9", False),
        (f"{TWENTIETH}-7", True),
        (f"{TWENTIETH}-8", False),
        (f"{at(25)}-0", False),
        ("", False),
    ],
    ids=["first instant", "the month before", "last read", "after it", "later", "not known"],
)
def test_what_was_reserved_in_its_period_until_it_was_opened(
    reserve_id: str, is_reached: bool
) -> None:
    assert is_reached == reached(opened(), reserve_id)


@pytest.mark.parametrize(
    ("scope", "is_reached"),
    [
        ("team:marketing", True),
        ("team:research", False),
        ("org", True),
        ("key:k7f3q2ab", True),
        ("key:xxxxxxxx", False),
    ],
)
def test_whose_it_is_must_count_it(scope: str, is_reached: bool) -> None:
    assert is_reached == reached(opened(f"{scope}|month"))


@pytest.mark.parametrize(
    ("match", "is_reached"),
    [
        (Match(model="kling*"), True),
        (Match(model="veo*"), False),
        (Match(provider="kling", policy="cheap*"), True),
        (Match(metadata={"film": "a|b"}), True),
        (Match(metadata={"film": "a"}), False),
    ],
)
def test_its_match_must_cover_it(match: Match, is_reached: bool) -> None:
    """An account is known by its name alone, whatever its match holds."""
    fiscal = a_budget(match=match, period=PeriodKind.MONTH, start_day=15)
    assert is_reached == reached(opened(fiscal.account))


def test_one_that_had_nothing_to_take_over_took_over_nothing() -> None:
    assert not reached(opened(as_of=""))


@pytest.mark.parametrize(
    "budget",
    [
        a_budget(),
        a_budget(scope="org", period=PeriodKind.TOTAL),
        a_budget(scope="key:k7f3q2ab", start_day=15),
        a_budget(match=Match(model="veo*", metadata={"film": "a|b{c"})),
    ],
    ids=lambda budget: budget.account,
)
def test_an_account_s_name_says_all_but_its_time_zone(budget: Budget) -> None:
    found = budget_on(budget.account, budget.timezone)
    assert (budget.account, budget.scope, budget.match, budget.start_day) == (
        found.account,
        found.scope,
        found.match,
        found.start_day,
    )
    assert (budget.period, 0) == (found.period, found.limit_micro_usd)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "team:marketing",
        "team:marketing|fortnight",
        "team:marketing|month@x",
        "team:marketing|month@1",
        'team:marketing{"film":"x"}|month',
        'team:marketing{"model": "x"}|month',
        "team:marketing{|month",
    ],
)
def test_what_is_no_account_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no account"):
        budget_on(name, UTC_ZONE)
