"""Policies that hand over to others while a budget is well used."""

from __future__ import annotations

import pytest

from proxy.domain.errors import NoRoute
from proxy.domain.ids import PolicyName
from proxy.domain.plan import Plan, Switch
from proxy.domain.policy import Match
from proxy.domain.route import plan, wants_usage
from proxy.domain.routing import RoutingPolicy, WhenUsed
from proxy.domain.usage import BudgetUse, chain_of
from proxy.domain.video import Substitute
from tests.builders import NOW_S, a_policy, a_snapshot, a_team, a_use
from tests.job_builders import a_request

ECONOMY = PolicyName("economy")
ABOVE_80 = WhenUsed(above_percent=80, use=ECONOMY)


def used(percent: int, budget: str = "monthly", match: Match | None = None) -> BudgetUse:
    return BudgetUse(budget_id=budget, used_micro_usd=percent, limit_micro_usd=100, match=match)


def plan_with(*policies: RoutingPolicy, uses: tuple[BudgetUse, ...], **fields: object) -> Plan:
    team = a_team(use=a_use(policies=("quality",), default="quality"))
    world = a_snapshot(teams=[team], policies=policies)
    request = a_request(**fields)  # type: ignore[arg-type]
    assert wants_usage(request, team, world)
    return plan(request, team, world, NOW_S, budgets=uses)


def quality(*rules: WhenUsed, **requires: object) -> RoutingPolicy:
    return a_policy("quality", order=[("price", True)], when=rules, **requires)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rule", "uses", "ranks"),
    [
        (ABOVE_80, (used(80),), "quality"),
        (ABOVE_80, (used(81),), "economy"),
        (ABOVE_80, (used(10), used(95, "daily")), "economy"),
        (ABOVE_80, (used(10), used(95, "veo", Match(model="veo*"))), "quality"),
        (ABOVE_80, (), "quality"),
        (WhenUsed(above_percent=80, use=ECONOMY, budget="veo"), (used(99),), "quality"),
        (
            WhenUsed(above_percent=80, use=ECONOMY, budget="veo"),
            (used(10), used(95, "veo", Match(model="veo*"))),
            "economy",
        ),
        (
            WhenUsed(above_percent=500, use=ECONOMY),
            (BudgetUse(budget_id="none", used_micro_usd=0, limit_micro_usd=0),),
            "economy",
        ),
    ],
)
def test_a_rule_holds_above_its_share(
    rule: WhenUsed, uses: tuple[BudgetUse, ...], ranks: str
) -> None:
    planned = plan_with(quality(rule), a_policy("economy"), uses=uses)
    assert ranks == planned.policy
    switch = Switch(
        asked=PolicyName("quality"), above_percent=rule.above_percent, budget=rule.budget
    )
    assert (None if ranks == "quality" else switch) == planned.switch


def test_the_policy_handed_to_ranks() -> None:
    dear, cheap = (
        plan_with(quality(ABOVE_80), a_policy("economy"), uses=(used(percent),), seconds=4)
        for percent in (0, 90)
    )
    models = [candidate.model for candidate in dear.candidates]
    assert 2 == len(models)
    assert models[::-1] == [candidate.model for candidate in cheap.candidates]


def test_the_first_rule_that_holds_counts_and_leads_on() -> None:
    rules = (WhenUsed(above_percent=95, use=PolicyName("last")), ABOVE_80)
    further = a_policy("economy", when=[WhenUsed(above_percent=90, use=PolicyName("last"))])
    policies = (quality(*rules), further, a_policy("last"))
    found = {
        percent: plan_with(*policies, uses=(used(percent),)).policy for percent in (50, 85, 92, 99)
    }
    assert {50: "quality", 85: "economy", 92: "last", 99: "last"} == found


def test_a_rule_that_leads_nowhere_is_passed_over() -> None:
    four_k = a_policy("economy", require_resolution="4k")
    planned = plan_with(
        quality(ABOVE_80),
        four_k,
        uses=(used(90),),
        model="veo-3.1-fast",
        substitute=Substitute.NEVER,
    )
    assert ("quality", None) == (planned.policy, planned.switch)
    sized = plan_with(quality(ABOVE_80), four_k, uses=(used(90),), resolution="720p")
    assert "quality" == sized.policy


def test_without_any_route_the_asked_policy_refuses() -> None:
    with pytest.raises(NoRoute):
        plan_with(quality(ABOVE_80), a_policy("economy"), uses=(used(90),), seconds=599)


def test_a_circle_ends() -> None:
    back = a_policy("economy", when=[WhenUsed(above_percent=10, use=PolicyName("quality"))])
    policies = {policy.name: policy for policy in (quality(ABOVE_80), back)}
    chain = chain_of(policies[PolicyName("quality")], policies, (used(90),))
    assert ["economy"] == [policy.name for _, policy in chain]


def test_only_a_policy_with_rules_wants_to_know() -> None:
    team = a_team(use=a_use(policies=("quality", "plain"), default="plain"))
    world = a_snapshot(
        teams=[team], policies=[quality(ABOVE_80), a_policy("plain"), a_policy("economy")]
    )
    wanted = {
        name: wants_usage(a_request(**fields), team, world)  # type: ignore[arg-type]
        for name, fields in {
            "default": {},
            "policy": {"policy": "quality"},
            "model": {"model": "quality"},
            "unknown": {"policy": "nobody"},
        }.items()
    }
    assert {"default": False, "policy": True, "model": True, "unknown": False} == wanted
