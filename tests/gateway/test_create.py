"""Create: admitted once, replayed for its equals, refused with everything a client needs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.errors import (
    BudgetExceeded,
    Forbidden,
    IdempotencyConflict,
    JobNotFound,
    ModelNotFound,
    NoRoute,
    RateLimited,
)
from proxy.domain.events import Admitted, LimitChecked, Refused
from proxy.domain.ids import PolicyName
from proxy.domain.job import JobState
from proxy.domain.period import PeriodKind
from proxy.domain.plan import Switch
from proxy.domain.policy import Match, OnExceed, RouteClass
from proxy.domain.routing import WhenUsed
from proxy.gateway.ports.admission import Accepted
from proxy.gateway.refusals import iso_time, refusal_error
from tests.builders import (
    a_budget,
    a_key,
    a_policy,
    a_rate_limit,
    a_team,
    a_use,
)
from tests.gateway.clocks import SteppedClock
from tests.gateway.harness import KLING_MICRO_USD, VEO_MICRO_USD, a_video, fast_snapshot

if TYPE_CHECKING:
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

NEVER_US = 10**12


async def test_an_accepted_create_says_what_was_reserved_and_what_is_left(stage: Stage) -> None:
    view = await stage.create()
    assert KLING_MICRO_USD == view.job.reserved_micro_usd
    assert [("submit", 19)] == [(bucket.name, bucket.remaining) for bucket in view.buckets]
    assert view.offer is not None
    assert ("kling", "kling-3.0") == (view.offer.provider, view.offer.model)
    assert not view.is_replay
    (admitted,) = stage.observer.of(Admitted)
    assert (KLING_MICRO_USD, False) == (admitted.reserved_micro_usd, admitted.is_replay)
    assert ["allowed"] == [event.decision for event in stage.observer.of(LimitChecked)]


async def test_the_deadline_is_the_requests_else_the_teams(stage: Stage) -> None:
    own = (await stage.create(replace(a_video(), deadline_s=60))).job
    teams = (await stage.create()).job
    assert 60_000 == own.deadline_at_ms - own.created_at_ms
    assert 3_600_000 == teams.deadline_at_ms - teams.created_at_ms


async def test_an_idempotency_key_is_bound_to_its_first_job(stage: Stage) -> None:
    first = await stage.create(idempotency_key="k")
    again = await stage.create(idempotency_key="k")
    assert first.job.id == again.job.id
    assert again.is_replay
    assert (0, KLING_MICRO_USD) == await stage.money()
    assert [KLING_MICRO_USD, 0] == [e.reserved_micro_usd for e in stage.observer.of(Admitted)]
    async with stage.working():
        await stage.finished(first.job)
    ended = await stage.create(idempotency_key="k")
    assert ended.job.artifact is not None
    assert 19 == ended.buckets[0].remaining


async def test_an_idempotency_key_with_another_request_is_a_conflict(stage: Stage) -> None:
    await stage.create(idempotency_key="k")
    with pytest.raises(IdempotencyConflict) as refused:
        await stage.create(replace(a_video(), prompt="another"), idempotency_key="k")
    assert "Idempotency-Key" == refused.value.param
    assert ["idempotency_conflict"] == [event.code for event in stage.observer.of(Refused)]


async def test_an_sdks_second_try_is_answered_with_the_first_job(stage: Stage) -> None:
    first = await stage.create()
    assert first.job.id == (await stage.create(sdk_try=1)).job.id
    assert first.job.id == (await stage.create(sdk_try=2)).job.id
    assert first.job.id != (await stage.create()).job.id
    assert (0, 2 * KLING_MICRO_USD) == await stage.money()


@pytest.mark.parametrize("is_ended", [True, False])
async def test_a_key_whose_video_was_deleted_finds_nothing_and_buys_nothing(
    stage: Stage, *, is_ended: bool
) -> None:
    job = (await stage.create(idempotency_key="k")).job
    if is_ended:
        async with stage.working():
            await stage.finished(job)
    await stage.videos.delete(stage.caller(), job.id)
    for sdk_try in range(2):
        with pytest.raises(JobNotFound) as refused:
            await stage.create(idempotency_key="k", sdk_try=sdk_try)
        assert "Idempotency-Key" == refused.value.param
    assert 1 == [entry.kind for entry in await stage.ledger()].count("reserve")
    assert [JobState.QUEUED] == [(await stage.create(idempotency_key="k2")).job.state]


async def test_a_retry_of_a_create_whose_video_was_deleted_is_a_new_one(stage: Stage) -> None:
    """Whoever deletes a video has its id, so no answer was lost."""
    job = (await stage.create()).job
    await stage.videos.delete(stage.caller(), job.id)
    again = await stage.create(sdk_try=1)
    assert (False, True) == (again.is_replay, again.job.id != job.id)


async def test_a_job_that_was_read_is_no_longer_replayed(stage: Stage) -> None:
    first = await stage.create()
    await stage.videos.get(stage.caller(), first.job.id)
    assert first.job.id != (await stage.create(sdk_try=1)).job.id


async def test_an_empty_bucket_says_when_to_come_back(new_stage: StageMaker) -> None:
    limits = {RouteClass.SUBMIT: a_rate_limit(capacity=1, interval_us=90_000_000)}
    stage = new_stage(snapshot=fast_snapshot(teams=[a_team(limits=limits)]))
    await stage.create()
    with pytest.raises(RateLimited) as refused:
        await stage.create()
    assert refused.value.retry_after_s is not None
    assert 88 <= refused.value.retry_after_s <= 90
    assert [0] == [bucket.remaining for bucket in refused.value.buckets]
    assert (0, KLING_MICRO_USD) == await stage.money()
    assert ["near_limit", "refused"] == [e.decision for e in stage.observer.of(LimitChecked)]


async def test_a_raised_limit_takes_effect_at_once(new_stage: StageMaker) -> None:
    strict = {RouteClass.SUBMIT: a_rate_limit(capacity=1, interval_us=NEVER_US)}
    stage = new_stage(snapshot=fast_snapshot(teams=[a_team(limits=strict)]))
    await stage.create()
    soon = {RouteClass.SUBMIT: a_rate_limit(capacity=3, interval_us=1_500_000)}
    stage.reload(fast_snapshot(teams=[a_team(limits=soon)]))
    with pytest.raises(RateLimited) as refused:
        await stage.create()
    assert 2 == refused.value.retry_after_s
    assert [(0, 4_500_000)] == [(b.remaining, b.reset_us) for b in refused.value.buckets]
    state = (await stage.videos.budget(stage.caller())).state
    assert [4_500_000] == [bucket.reset_us for bucket in state.buckets]
    quoted = await stage.videos.quote(stage.caller(), a_video())
    assert quoted.refusal is not None
    assert 2 == quoted.refusal.retry_after_s


async def test_a_keys_own_bucket_counts_too(new_stage: StageMaker) -> None:
    key = a_key(limits={RouteClass.SUBMIT: a_rate_limit(capacity=1, interval_us=NEVER_US)})
    stage = new_stage(snapshot=fast_snapshot(keys=[key]))
    view = await stage.create()
    assert ["submit", f"submit:{key.id}"] == [bucket.name for bucket in view.buckets]
    with pytest.raises(RateLimited) as refused:
        await stage.create()
    assert [19, 0] == [bucket.remaining for bucket in refused.value.buckets]


async def test_without_limits_no_bucket_is_asked(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=fast_snapshot(teams=[a_team(limits={})]))
    assert () == (await stage.create()).buckets


async def test_too_many_unfinished_jobs(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=fast_snapshot(teams=[a_team(queued=1)]))
    await stage.create()
    with pytest.raises(RateLimited) as refused:
        await stage.create()
    assert "too_many_jobs" == refused.value.code
    assert refused.value.retry_after_s
    assert [19] == [bucket.remaining for bucket in refused.value.buckets]


async def test_a_full_budget_is_named_with_its_numbers(new_stage: StageMaker) -> None:
    budget = a_budget(limit_micro_usd=KLING_MICRO_USD + 1, period=PeriodKind.TOTAL)
    stage = new_stage(snapshot=fast_snapshot(teams=[a_team(budgets=[budget])]))
    await stage.create()
    with pytest.raises(BudgetExceeded) as refused:
        await stage.create()
    assert {
        "budget": "monthly",
        "scope": "team:marketing",
        "period": "total",
        "limit": "0.336001",
        "spent": "0.000000",
        "reserved": "0.336000",
        "quote": "0.336000",
        "resets_at": None,
    } == refused.value.details
    assert refused.value.retry_after_s is None
    assert [19] == [bucket.remaining for bucket in refused.value.buckets]


async def test_a_budget_that_says_next_moves_on(new_stage: StageMaker) -> None:
    budget = a_budget(limit_micro_usd=0, match=Match(provider="kling"), on_exceed=OnExceed.NEXT)
    stage = new_stage(snapshot=fast_snapshot(teams=[a_team(budgets=[a_budget(id="all"), budget])]))
    view = await stage.create()
    assert "vertex" == view.job.candidate.provider
    assert VEO_MICRO_USD == view.job.reserved_micro_usd


async def test_a_well_used_budget_hands_over_to_another_policy(new_stage: StageMaker) -> None:
    """The share is read at most once a second, and shown in the job and in the quote."""
    budget = a_budget(limit_micro_usd=10 * VEO_MICRO_USD)
    rule = WhenUsed(above_percent=5, use=PolicyName("cheapest"))
    dear = a_policy("dear", order=[("price", True)], when=[rule])
    team = a_team(budgets=[budget], use=a_use(policies=("dear",), default="dear"))
    clock = SteppedClock()
    stage = new_stage(
        snapshot=fast_snapshot(teams=[team], policies=[dear, a_policy("cheapest")]), clock=clock
    )
    first, second = await stage.create(), await stage.create()
    clock.advance(1.0)
    third = await stage.create()
    assert ["vertex", "vertex", "kling"] == [
        view.job.candidate.provider for view in (first, second, third)
    ]
    stored = await stage.videos.get(stage.caller(), third.job.id)
    switch = Switch(asked=PolicyName("dear"), above_percent=5, budget=None)
    assert ("cheapest", switch) == (stored.job.plan.policy, stored.job.plan.switch)
    quoted = await stage.videos.quote(stage.caller(), a_video())
    assert quoted.plan is not None
    assert switch == quoted.plan.switch


async def test_requests_that_cannot_be_planned_reach_no_store(new_stage: StageMaker) -> None:
    team = a_team(use=a_use(models=("veo*",)))
    stage = new_stage(snapshot=fast_snapshot(teams=[team]))
    with pytest.raises(ModelNotFound):
        await stage.create(replace(a_video(), model="nope"))
    with pytest.raises(Forbidden):
        await stage.create(replace(a_video(), model="kling-3.0"))
    with pytest.raises(NoRoute):
        await stage.create(replace(a_video(), seconds=5))
    codes = [event.code for event in stage.observer.of(Refused)]
    assert ["model_not_found", "forbidden", "no_route"] == codes
    assert [] == await stage.ledger()


def test_times_are_in_utc_and_never_is_nothing() -> None:
    assert "2026-12-01T00:00:00Z" == iso_time(1_796_083_200_000)
    assert iso_time(2**53 - 1) is None


async def test_an_accepted_create_is_no_refusal(stage: Stage) -> None:
    view = await stage.create()
    with pytest.raises(AssertionError, match="Accepted is not a refusal"):
        refusal_error(Accepted(job=view.job, buckets=()), stage.caller())
