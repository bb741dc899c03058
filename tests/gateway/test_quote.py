"""A quote says what a create would do, to the micro-dollar, and does nothing itself."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.domain.errors import ModelNotFound, ProxyError, RateLimited
from proxy.domain.ids import PolicyName
from proxy.domain.period import PeriodKind
from proxy.domain.policy import Match, OnExceed, RouteClass
from proxy.domain.video import Substitute
from proxy.gateway.ports.provider import Succeeded
from tests.builders import (
    KLING,
    a_budget,
    a_key,
    a_price,
    a_rate_limit,
    a_team,
    an_offer,
)
from tests.gateway.harness import KLING_MICRO_USD, VEO_MICRO_USD, a_video, fast_snapshot
from tests.job_builders import a_request

if TYPE_CHECKING:
    from proxy.domain.policy import Budget, Snapshot
    from proxy.domain.video import VideoJob
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

NEVER_US = 10**12


async def test_every_candidate_is_priced_with_what_would_be_left(stage: Stage) -> None:
    view = await stage.videos.quote(stage.caller(), a_video())
    assert view.refusal is None
    assert view.plan is not None
    assert view.chosen == view.plan.candidates[0]
    assert [KLING_MICRO_USD, VEO_MICRO_USD] == [
        item.candidate.quote_micro_usd for item in view.candidates
    ]
    assert [True, True] == [item.fits for item in view.candidates]
    lefts = [[left for _, left in item.left_after] for item in view.candidates]
    assert [[5_000_000_000 - KLING_MICRO_USD], [5_000_000_000 - VEO_MICRO_USD]] == lefts
    assert ["poll"] == [bucket.name for bucket in view.buckets]


async def test_a_quote_changes_nothing(stage: Stage) -> None:
    first = await stage.videos.quote(stage.caller(), a_video())
    again = await stage.videos.quote(stage.caller(), a_video())
    assert replace(first, buckets=()) == replace(again, buckets=())
    assert [] == await stage.ledger()
    assert 19 == (await stage.create()).buckets[0].remaining


async def test_a_quote_for_which_there_is_no_route_lists_why(stage: Stage) -> None:
    view = await stage.videos.quote(stage.caller(), replace(a_video(), seconds=99))
    assert (None, None, ()) == (view.plan, view.chosen, view.candidates)
    assert view.refusal is not None
    assert "no_route" == view.refusal.code
    assert view.refusal.details["skipped"]


async def test_a_quote_of_nonsense_is_an_error(stage: Stage) -> None:
    with pytest.raises(ModelNotFound):
        await stage.videos.quote(stage.caller(), replace(a_video(), model="nope"))


async def test_a_quote_spends_a_poll_token(new_stage: StageMaker) -> None:
    limits = {RouteClass.POLL: a_rate_limit(capacity=1, interval_us=NEVER_US)}
    stage = new_stage(snapshot=fast_snapshot(teams=[a_team(limits=limits)]))
    await stage.videos.quote(stage.caller(), a_video())
    with pytest.raises(RateLimited):
        await stage.videos.quote(stage.caller(), a_video())


async def test_even_a_free_video_does_not_fit_an_overdrawn_budget(new_stage: StageMaker) -> None:
    free = an_offer(KLING, "free", prices=[a_price("720p", 0)])
    paid = an_offer(KLING, "paid", prices=[a_price("720p", 100)])
    team = a_team(budgets=[a_budget(limit_micro_usd=400)])
    stage = new_stage(snapshot=fast_snapshot(offers=[free, paid], teams=[team]))
    stage.kling.statuses.append(Succeeded(result={}, charge_micro_usd=500))
    await stage.made(replace(a_video(), model="paid"))
    view = await stage.videos.quote(stage.caller(), a_video())
    assert view.refusal is not None
    assert "budget_exceeded" == view.refusal.code
    with pytest.raises(ProxyError) as refused:
        await stage.create()
    assert view.refusal.details == refused.value.details


async def test_a_quote_names_the_limit_that_would_refuse(new_stage: StageMaker) -> None:
    limits = {RouteClass.SUBMIT: a_rate_limit(capacity=1, interval_us=NEVER_US)}
    stage = new_stage(snapshot=fast_snapshot(teams=[a_team(queued=1, limits=limits)]))
    await stage.create()
    view = await stage.videos.quote(stage.caller(), a_video())
    assert view.refusal is not None
    assert "rate_limit_exceeded" == view.refusal.code
    stage.reload(fast_snapshot(teams=[a_team(queued=1, limits={})]))
    view = await stage.videos.quote(stage.caller(), a_video())
    assert view.refusal is not None
    assert "too_many_jobs" == view.refusal.code
    assert view.chosen is None


@pytest.mark.parametrize(
    ("on_exceed", "chosen"), [(OnExceed.NEXT, "vertex"), (OnExceed.DENY, None)]
)
async def test_a_full_budget_moves_on_or_refuses(
    new_stage: StageMaker, on_exceed: OnExceed, chosen: str | None
) -> None:
    full = a_budget(limit_micro_usd=0, match=Match(provider="kling"), on_exceed=on_exceed)
    team = a_team(budgets=[a_budget(id="all"), full])
    stage = new_stage(snapshot=fast_snapshot(teams=[team]))
    view = await stage.videos.quote(stage.caller(), a_video())
    assert chosen == (view.chosen.provider if view.chosen else None)
    assert [False, True] == [item.fits for item in view.candidates]


async def test_a_quote_that_fits_nowhere_names_the_first_failure(new_stage: StageMaker) -> None:
    full = a_budget(limit_micro_usd=1, on_exceed=OnExceed.NEXT)
    stage = new_stage(snapshot=fast_snapshot(teams=[a_team(budgets=[full])]))
    view = await stage.videos.quote(stage.caller(), a_video())
    assert view.refusal is not None
    assert ("budget_exceeded", "0.336000") == (
        view.refusal.code,
        view.refusal.details["quote"],
    )


@dataclass(frozen=True)
class Case:
    """A configuration, some creates before, and the request in question."""

    snapshot: Snapshot
    before: int
    request: VideoJob


@st.composite
def budgets(draw: st.DrawFn) -> Budget:
    scope = draw(st.sampled_from(["org", "team:marketing", f"key:{a_key().id}"]))
    amounts = st.sampled_from([0, 335_999, 336_000, 400_000, 700_000, 736_000, 2_000_000])
    match = draw(
        st.sampled_from(
            [None, Match(provider="kling"), Match(model="veo*"), Match(policy="balanced")]
        )
    )
    return a_budget(
        id=f"b{draw(st.integers(0, 10**9))}",
        scope=scope,
        limit_micro_usd=draw(amounts),
        period=draw(st.sampled_from(PeriodKind)),
        on_exceed=draw(st.sampled_from(OnExceed)),
        match=match,
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    drawn = draw(st.lists(budgets(), max_size=4, unique_by=lambda budget: budget.account))
    own = [budget for budget in drawn if budget.scope.startswith("team")]
    capacity = draw(st.sampled_from([1, 2, 20]))
    limits = {RouteClass.SUBMIT: a_rate_limit(capacity=capacity, interval_us=NEVER_US)}
    team = a_team(budgets=own, limits=limits, queued=draw(st.sampled_from([1, 2, 500])))
    key = a_key(budgets=[budget for budget in drawn if budget.scope.startswith("key")])
    organisation = [budget for budget in drawn if budget.scope == "org"]
    request = a_request(
        seconds=draw(st.sampled_from([None, 4, 5, 8, 99])),
        model=draw(st.sampled_from([None, None, "sora-2", "kling-3.0", "nope"])),
        max_cost_micro_usd=draw(st.sampled_from([None, 300_000, 400_000])),
        substitute=draw(st.sampled_from([None, *Substitute])),
    )
    policy = draw(st.sampled_from([None, PolicyName("balanced")]))
    return Case(
        snapshot=fast_snapshot(teams=[team], keys=[key], organisation_budgets=organisation),
        before=draw(st.integers(0, 2)),
        request=replace(request, policy=policy),
    )


async def outcome_of_quote(stage: Stage, request: VideoJob) -> object:
    try:
        view = await stage.videos.quote(stage.caller(), request)
    except ProxyError as error:
        return error.code
    if view.refusal is not None:
        assert view.chosen is None
        return view.refusal.code, dict(view.refusal.details)
    return view.chosen


async def outcome_of_create(stage: Stage, request: VideoJob) -> object:
    try:
        view = await stage.create(request)
    except ProxyError as error:
        refused = error
    else:
        assert view.job.candidate.quote_micro_usd == view.job.reserved_micro_usd
        return view.job.candidate
    quotable = ("no_route", "budget_exceeded", "rate_limit_exceeded", "too_many_jobs")
    return (refused.code, dict(refused.details)) if refused.code in quotable else refused.code


@given(case=cases())
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_what_is_quoted_is_what_a_create_does(new_stage: StageMaker, case: Case) -> None:
    stage = new_stage(snapshot=case.snapshot)
    await stage.client.call(("FLUSHALL",))
    for number in range(case.before):
        with suppress(ProxyError):
            await stage.create(replace(a_video(), prompt=f"fox {number}"))
    quoted = await outcome_of_quote(stage, case.request)
    assert quoted == await outcome_of_create(stage, case.request)
    await stage.check_books()
