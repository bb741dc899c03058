"""What a policy excludes, falls back to, and does after its first choice failed."""

from __future__ import annotations

import pytest

from proxy.domain.errors import InvalidRequest, NoRoute
from proxy.domain.ids import PolicyName
from proxy.domain.plan import Plan, Switch
from proxy.domain.policy import Snapshot
from proxy.domain.route import plan
from proxy.domain.routing import Failover, OfferMatch, RoutingPolicy
from proxy.domain.usage import fallbacks_of
from proxy.domain.video import VideoJob
from tests.builders import KLING, NOW_S, VERTEX, a_policy, a_snapshot, a_team, a_use, an_offer
from tests.job_builders import a_request

OFFERS = (
    an_offer(KLING, "small", resolutions=["720p"]),
    an_offer(VERTEX, "large", resolutions=["720p", "4k"]),
)


def a_world(*policies: RoutingPolicy) -> Snapshot:
    names = [policy.name for policy in policies]
    team = a_team(use=a_use(policies=names, default=names[0]))
    return a_snapshot(teams=[team], policies=policies, offers=OFFERS)


def plan_in(world: Snapshot, request: VideoJob | None = None) -> Plan:
    (team,) = world.teams.values()
    return plan(request or a_request(seconds=4), team, world, NOW_S)


def test_what_a_policy_excludes_is_left_out_also_when_its_model_is_named() -> None:
    world = a_world(a_policy("strict", exclude=[OfferMatch(provider="kling", model="sm*")]))
    planned = plan_in(world)
    assert ["large"] == [item.model for item in planned.candidates]
    assert [("small", "excluded", "policy strict excludes it")] == [
        (item.model, item.code, item.detail) for item in planned.skipped
    ]
    assert ["large"] == [
        item.model for item in plan_in(world, a_request(model="small")).candidates
    ]


def test_a_term_of_one_name_means_all_of_its_offers() -> None:
    for term in (OfferMatch(provider="vertex"), OfferMatch(model="large")):
        planned = plan_in(a_world(a_policy("strict", exclude=[term])))
        assert ["small"] == [item.model for item in planned.candidates]


def test_without_failover_there_is_one_candidate() -> None:
    planned = plan_in(a_world(a_policy("once", failover=Failover.NONE)))
    assert ["small"] == [item.model for item in planned.candidates]
    assert [("large", "not_substitutable", "failover of policy once is none")] == [
        (item.model, item.code, item.detail) for item in planned.skipped
    ]


def test_a_policy_that_finds_nothing_is_followed_by_its_fallbacks() -> None:
    world = a_world(
        a_policy("none", exclude=[OfferMatch(model="*")], fallback="conflicting"),
        a_policy("conflicting", require_seconds=9, fallback="last"),
        a_policy("last", exclude=[OfferMatch(model="small")]),
    )
    planned = plan_in(world)
    assert ("last", Switch(asked=PolicyName("none"))) == (planned.policy, planned.switch)
    assert ["large"] == [item.model for item in planned.candidates]


def test_if_no_fallback_finds_anything_the_asked_policy_s_reasons_are_told() -> None:
    nothing = [OfferMatch(model="*")]
    world = a_world(
        a_policy("first", exclude=nothing, fallback="second"),
        a_policy("second", exclude=nothing),
    )
    with pytest.raises(NoRoute, match="policy first excludes it"):
        plan_in(world)


def test_a_conflict_with_the_asked_policy_is_no_case_for_its_fallback() -> None:
    world = a_world(a_policy("strict", require_seconds=9, fallback="loose"), a_policy("loose"))
    with pytest.raises(InvalidRequest, match="conflicts with policy 'strict'"):
        plan_in(world)


def test_fallbacks_never_go_in_a_circle() -> None:
    one, two = a_policy("one", fallback="two"), a_policy("two", fallback="one")
    assert [two] == fallbacks_of(one, {one.name: one, two.name: two})
    assert [] == fallbacks_of(a_policy("alone"), {})
