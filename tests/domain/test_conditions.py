"""How things stand decides where requests go: closed offers, panic, successors of gone models."""

from __future__ import annotations

import pytest

from proxy.domain.conditions import NOTHING_KNOWN, Closed, Closure, Conditions
from proxy.domain.errors import NoRoute
from proxy.domain.ids import ModelName
from proxy.domain.plan import Plan
from proxy.domain.policy import Lifecycle
from proxy.domain.route import plan
from proxy.domain.routing import OfferMatch
from proxy.domain.video import Substitute
from tests.builders import (
    KLING,
    NOW_S,
    OPENAI,
    VERTEX,
    a_policy,
    a_provider,
    a_snapshot,
    a_team,
    a_use,
    an_offer,
)
from tests.job_builders import a_request


def closed(**why: Closure) -> Conditions:
    return Conditions(
        closed={
            f"{provider}/{provider}-model-upstream": Closed(
                why=closure, detail=f"closed: {closure}"
            )
            for provider, closure in why.items()
        }
    )


def plan_of(conditions: Conditions, model: str | None = None) -> Plan:
    offers = [
        an_offer(
            KLING, "kling-model", lifecycle=Lifecycle(successors=(ModelName("vertex-model"),))
        ),
        an_offer(VERTEX, "vertex-model"),
    ]
    snapshot = a_snapshot(offers=offers)
    return plan(
        a_request(seconds=4, model=model), a_team(), snapshot, NOW_S, conditions=conditions
    )


def providers_of(planned: Plan) -> list[str]:
    return [candidate.provider for candidate in planned.candidates]


@pytest.mark.parametrize("why", list(Closure))
def test_a_closed_offer_is_left_out_and_says_why(why: Closure) -> None:
    planned = plan_of(closed(kling=why))
    assert [VERTEX] == providers_of(planned)
    assert [("kling-model", why, f"closed: {why}")] == [
        (item.model, item.code, item.detail) for item in planned.skipped
    ]


def test_if_all_that_is_left_is_unhealthy_the_policy_is_followed_as_if_it_were_not() -> None:
    planned = plan_of(closed(kling=Closure.UNHEALTHY, vertex=Closure.UNHEALTHY))
    assert [KLING, VERTEX] == providers_of(planned)
    assert () == planned.skipped


def test_a_panic_opens_neither_what_is_drained_nor_what_is_gone() -> None:
    planned = plan_of(closed(kling=Closure.UNHEALTHY, vertex=Closure.DRAINED))
    assert [KLING] == providers_of(planned)
    with pytest.raises(NoRoute, match=r"closed: drained.*closed: model_gone"):
        plan_of(closed(kling=Closure.MODEL_GONE, vertex=Closure.DRAINED))


def test_a_model_that_its_provider_says_is_gone_is_served_by_its_successor() -> None:
    planned = plan_of(closed(kling=Closure.MODEL_GONE), model="kling-model")
    assert [("vertex-model", True)] == [
        (item.model, item.reason.startswith("successor of kling-model"))
        for item in planned.candidates
    ]


@pytest.mark.parametrize("model", ["kling-model", None])
def test_a_fallback_that_is_healthy_comes_before_a_panic(model: str | None) -> None:
    policies = [
        a_policy("house", exclude=[OfferMatch(provider="vertex")], fallback="any"),
        a_policy("any"),
    ]
    offers = [an_offer(KLING, "kling-model"), an_offer(VERTEX, "vertex-model")]
    team = a_team(use=a_use(policies=["house"], default="house"))
    snapshot = a_snapshot(teams=[team], policies=policies, offers=offers)

    def planned(**why: Closure) -> tuple[str, list[str]]:
        request = a_request(seconds=4, model=model)
        found = plan(request, team, snapshot, NOW_S, conditions=closed(**why))
        return found.policy, providers_of(found)

    assert ("house", [KLING]) == planned()
    assert ("any", [VERTEX]) == planned(kling=Closure.UNHEALTHY)
    assert ("house", [KLING]) == planned(kling=Closure.UNHEALTHY, vertex=Closure.UNHEALTHY)


@pytest.mark.parametrize("never", ["unpriced", "not configured"])
def test_a_gone_model_has_successors_though_it_is_listed_where_nobody_may_buy_it(
    never: str,
) -> None:
    successor = Lifecycle(successors=(ModelName("vertex-model"),))
    offers = [
        an_offer(KLING, "kling-model", lifecycle=successor),
        an_offer(OPENAI, "kling-model", prices=() if never == "unpriced" else None),
        an_offer(VERTEX, "vertex-model"),
    ]
    sellers = [a_provider(KLING), a_provider(VERTEX)]
    if never == "unpriced":
        sellers.append(a_provider(OPENAI))
    snapshot = a_snapshot(offers=offers, providers=sellers)
    request = a_request(seconds=4, model="kling-model", substitute=Substitute.SAME_MODEL)
    conditions = Conditions(
        closed={"kling/kling-model-upstream": Closed(why=Closure.MODEL_GONE, detail="gone")}
    )
    planned = plan(request, a_team(), snapshot, NOW_S, conditions=conditions)
    assert [VERTEX] == providers_of(planned)
    with pytest.raises(NoRoute, match="closed: drained"):
        plan(request, a_team(), snapshot, NOW_S, conditions=closed(kling=Closure.DRAINED))


def test_an_offer_nobody_measured_is_judged_by_the_catalog() -> None:
    offer = an_offer(KLING, "one", typical_render_s=70.0)
    assert 70.0 == NOTHING_KNOWN.render_s(offer)
    assert 12.5 == Conditions(latency_s={offer.id: 12.5}).render_s(offer)
