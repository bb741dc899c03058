"""Which balances count a candidate."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.balance import balances_at, bids_for, budgets_of
from proxy.domain.period import PeriodKind
from proxy.domain.policy import Match, OnExceed
from tests.builders import NOW_MS, VERTEX, a_budget, a_key, a_snapshot, a_team
from tests.job_builders import a_candidate

KEY_BUDGET = a_budget(id="web", scope="key:k7f3q2ab", period=PeriodKind.DAY)
TEAM_BUDGET = a_budget()
VEO_BUDGET = a_budget(
    id="veo", match=Match(model="veo-*"), on_exceed=OnExceed.NEXT, limit_micro_usd=800_000_000
)
ORGANISATION_BUDGET = a_budget(id="all", scope="org", period=PeriodKind.TOTAL)


def test_budgets_of_key_team_and_organisation_count_a_job() -> None:
    team = a_team(budgets=[TEAM_BUDGET, VEO_BUDGET])
    snapshot = a_snapshot(teams=[team], organisation_budgets=[ORGANISATION_BUDGET])
    key = a_key(budgets=[KEY_BUDGET])
    shared = (TEAM_BUDGET, VEO_BUDGET, ORGANISATION_BUDGET)
    assert (KEY_BUDGET, *shared) == budgets_of(snapshot, team, key)
    assert shared == budgets_of(snapshot, team, None)


def test_a_balance_is_an_account_in_a_period() -> None:
    own, team, veo, organisation = balances_at(
        [KEY_BUDGET, TEAM_BUDGET, VEO_BUDGET, ORGANISATION_BUDGET], NOW_MS
    )
    assert "key:k7f3q2ab|day|2026-11-22" == own.name
    assert "team:marketing|month|2026-11" == team.name
    assert 'team:marketing{"model":"veo-*"}|month|2026-11' == veo.name
    assert "org|total|total" == organisation.name
    assert [False, False, False, True] == [
        balance.is_organisation for balance in (own, team, veo, organisation)
    ]
    assert (OnExceed.NEXT, 800_000_000) == (veo.on_exceed, veo.limit_micro_usd)


def test_a_bid_names_the_balances_that_count_it() -> None:
    balances = balances_at([TEAM_BUDGET, VEO_BUDGET, ORGANISATION_BUDGET], NOW_MS)
    candidates = [
        a_candidate(),
        a_candidate(VERTEX, "veo-3.1-fast", quote_micro_usd=400_000),
    ]
    bids = bids_for(enumerate(candidates), balances, policy="cheapest", metadata={})
    assert [(0, 336_000, (0, 2)), (1, 400_000, (0, 1, 2))] == [
        (bid.candidate, bid.quote_micro_usd, bid.balances) for bid in bids
    ]


@given(st.integers(0, 5), st.integers(0, 5))
def test_bids_keep_the_places_they_were_given(first: int, size: int) -> None:
    balances = balances_at([TEAM_BUDGET], NOW_MS)
    placed = [(first + place, a_candidate()) for place in range(size)]
    bids = bids_for(placed, balances, policy="cheapest", metadata={})
    assert [place for place, _ in placed] == [bid.candidate for bid in bids]


def test_metadata_and_policy_are_matched_too() -> None:
    match = Match(policy="best_*", metadata={"client": "acme"})
    balances = balances_at([a_budget(match=match)], NOW_MS)
    one = [(0, a_candidate())]
    counted = bids_for(one, balances, policy="best_physics", metadata={"client": "acme"})
    not_counted = bids_for(one, balances, policy="best_physics", metadata={"client": "b"})
    assert ((0,), ()) == (counted[0].balances, not_counted[0].balances)
