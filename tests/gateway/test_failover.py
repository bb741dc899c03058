"""Which candidate is next, and what stops a job from going on."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.failure import Failure, FailureKind
from proxy.domain.ids import KeyId, ModelName, ProviderName
from proxy.domain.job import JobState
from proxy.domain.policy import Lifecycle, Match, OnExceed
from proxy.domain.price import Billing, BillsOn
from proxy.gateway.ports.provider import Failed
from tests.builders import (
    KLING,
    MARKETING,
    VERTEX,
    a_budget,
    a_key,
    a_price,
    a_team,
    an_account,
    an_offer,
    the_offers,
)
from tests.fakes import ScriptedProvider, failing
from tests.gateway.clocks import ShiftedClock
from tests.gateway.harness import (
    KLING_MICRO_USD,
    VEO_MICRO_USD,
    a_video,
    fast_engine,
    fast_provider,
    fast_snapshot,
    wait_until,
)

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from proxy.domain.policy import Snapshot
    from tests.gateway.clocks import ShiftedClock
    from tests.gateway.conftest import StageMaker
from tests.gateway.harness import Stage

REFUSED = FailureKind.AUTH


def without(snapshot: Snapshot, provider: ProviderName) -> Snapshot:
    left = {name: item for name, item in snapshot.providers.items() if name != provider}
    return replace(snapshot, providers=left)


async def refused_at_kling(stage: Stage, changed: Snapshot | None = None) -> Job:
    """Let Kling refuse a submit, the configuration having changed while it thought about it."""
    stage.kling.submits.append(failing(REFUSED))
    view = await stage.create()
    if changed is not None:
        stage.reload(changed)
    async with stage.working():
        return await stage.finished(view.job)


def assert_stopped(job: Job, stopped_by: str, code: str = "provider_auth") -> None:
    assert JobState.FAILED is job.state
    assert job.error is not None
    assert (code, stopped_by) == (job.error.code, job.stopped_by)


async def test_candidates_are_tried_in_the_order_of_the_plan(new_stage: StageMaker) -> None:
    offers = [an_offer(KLING, f"m{n}", prices=[a_price("720p", 10_000 * n)]) for n in (3, 1, 2, 4)]
    stage = new_stage(snapshot=fast_snapshot(offers=offers))
    stage.kling.submits.extend([failing(REFUSED)] * 2)
    job = await stage.made()
    assert JobState.COMPLETED is job.state
    assert ["m1-upstream", "m2-upstream", "m3-upstream"] == [
        o.upstream for o in stage.kling.orders
    ]
    assert [40_000, 80_000, 120_000] == [a.reserved_micro_usd for a in job.attempts]
    assert (120_000, 0) == await stage.money()


async def test_max_attempts_counts_attempts(new_stage: StageMaker) -> None:
    offers = [an_offer(KLING, f"m{n}", prices=[a_price("720p", 10_000 * n)]) for n in (1, 2, 3)]
    engine = replace(fast_engine(), max_attempts=2)
    stage = new_stage(snapshot=fast_snapshot(offers=offers, engine=engine))
    stage.kling.submits.extend([failing(REFUSED)] * 3)
    job = await stage.made()
    assert_stopped(job, "max_attempts")
    assert 2 == len(job.attempts)
    assert (0, 0) == await stage.money()


async def test_no_candidate_left(stage: Stage) -> None:
    stage.vertex.submits.append(failing(FailureKind.MODEL_GONE))
    job = await refused_at_kling(stage)
    assert_stopped(job, "no_candidate", "model_gone")
    assert ["provider_auth", "model_gone"] == [a.error.code for a in job.attempts if a.error]


async def test_max_cost_counts_what_was_charged_so_far(new_stage: StageMaker) -> None:
    bills_on = BillsOn(failed=Billing.FULL, filtered=Billing.FULL)
    offers = [replace(offer, bills_on=bills_on) for offer in the_offers()]
    stage = new_stage(snapshot=fast_snapshot(offers=offers))
    failed = Failed(failure=Failure(kind=FailureKind.FAILED_UPSTREAM, message="broke"))
    stage.kling.statuses.append(failed)
    limit = KLING_MICRO_USD + VEO_MICRO_USD
    job = await stage.made(replace(a_video(), max_cost_micro_usd=limit - 1))
    assert_stopped(job, "max_cost", "provider_failed")
    assert (KLING_MICRO_USD, 0) == await stage.money()
    stage.kling.statuses.append(failed)
    job = await stage.made(replace(a_video(), max_cost_micro_usd=limit))
    assert JobState.COMPLETED is job.state


async def test_no_attempt_starts_after_the_deadline(new_stage: StageMaker) -> None:
    clock = ShiftedClock()
    stage = new_stage(clock=clock)
    stage.kling.submits.append(failing(REFUSED))
    stage.kling.hold_submit = asyncio.Event()
    view = await stage.create(replace(a_video(), deadline_s=60))
    async with stage.working():
        await stage.reached(view.job, JobState.SUBMITTING)
        clock.ahead_s = 61
        stage.kling.hold_submit.set()
        job = await stage.finished(view.job)
    assert_stopped(job, "deadline")
    assert [] == stage.vertex.orders


async def test_a_deadline_before_the_first_attempt(new_stage: StageMaker) -> None:
    clock = ShiftedClock()
    kling = fast_provider(KLING, accounts=[an_account(slots=0)])
    stage = new_stage(snapshot=fast_snapshot(providers=[kling]), clock=clock)
    view = await stage.create(replace(a_video(), deadline_s=60))
    async with stage.working():
        await stage.turned()
        clock.ahead_s = 61
        job = await stage.finished(view.job)
    assert JobState.FAILED is job.state
    assert job.error is not None
    assert ("deadline_exceeded", None) == (job.error.code, job.stopped_by)
    assert [] == stage.kling.orders
    assert (0, 0) == await stage.money()


async def test_a_deadline_while_the_next_attempt_waits(new_stage: StageMaker) -> None:
    clock = ShiftedClock()
    vertex = fast_provider(VERTEX, accounts=[an_account(slots=0)])
    stage = new_stage(snapshot=fast_snapshot(providers=[vertex]), clock=clock)
    stage.kling.submits.append(failing(REFUSED))
    view = await stage.create(replace(a_video(), deadline_s=60))

    async def has_failed_over() -> bool:
        return len((await stage.load(view.job)).attempts) == 2

    async with stage.working():
        await wait_until(has_failed_over, "the second attempt")
        clock.ahead_s = 61
        job = await stage.finished(view.job)
    assert_stopped(job, "deadline")
    assert ["provider_auth", "deadline_exceeded"] == [
        a.error.code for a in job.attempts if a.error
    ]
    assert (0, 0) == await stage.money()


async def test_a_budget_without_room_for_the_next_attempt(new_stage: StageMaker) -> None:
    budget = a_budget(limit_micro_usd=KLING_MICRO_USD)
    stage = new_stage(snapshot=fast_snapshot(teams=[a_team(budgets=[budget])]))
    job = await refused_at_kling(stage)
    assert_stopped(job, "budget_exceeded")
    assert 1 == len(job.attempts)
    assert (0, 0) == await stage.money()


@pytest.mark.parametrize("on_exceed", [OnExceed.DENY, OnExceed.NEXT])
async def test_in_failover_deny_acts_as_next(new_stage: StageMaker, on_exceed: OnExceed) -> None:
    offers = [an_offer(KLING, f"m{n}", prices=[a_price("720p", 10_000 * n)]) for n in (1, 2, 3)]
    budget = a_budget(limit_micro_usd=0, match=Match(model="m2"), on_exceed=on_exceed)
    team = a_team(budgets=[a_budget(id="all"), budget])
    stage = new_stage(snapshot=fast_snapshot(offers=offers, teams=[team]))
    stage.kling.submits.append(failing(REFUSED))
    job = await stage.made()
    assert JobState.COMPLETED is job.state
    assert [0, 2] == [attempt.candidate for attempt in job.attempts]
    assert (120_000, 0) == await stage.money()


async def test_organisation_and_key_budgets_count_the_next_attempt(new_stage: StageMaker) -> None:
    key = a_key(budgets=[a_budget(id="k", scope=f"key:{a_key().id}", limit_micro_usd=10**9)])
    organisation = a_budget(id="o", scope="org", limit_micro_usd=KLING_MICRO_USD)
    stage = new_stage(snapshot=fast_snapshot(keys=[key], organisation_budgets=[organisation]))
    job = await refused_at_kling(stage)
    assert_stopped(job, "budget_exceeded")


async def test_a_revoked_keys_budgets_count_no_more(new_stage: StageMaker) -> None:
    budget = a_budget(id="k", scope=f"key:{a_key().id}", limit_micro_usd=KLING_MICRO_USD)
    stage = new_stage(snapshot=fast_snapshot(keys=[a_key(budgets=[budget])]))
    other = a_key(printed="gl_zzzzzzzz_" + "s" * 43)
    job = await refused_at_kling(stage, fast_snapshot(keys=[other]))
    assert JobState.COMPLETED is job.state
    assert a_key().id == job.key
    assert KeyId("zzzzzzzz") == other.id


async def test_an_offer_that_left_the_catalog_is_passed_over(stage: Stage) -> None:
    changed = fast_snapshot(offers=the_offers()[:2])
    assert_stopped(await refused_at_kling(stage, changed), "no_candidate")


async def test_an_offer_that_was_retired_is_passed_over(stage: Stage) -> None:
    gone = Lifecycle(retires_at_s=1.0, successors=(ModelName("kling-3.0"),))
    offers = [
        replace(item, lifecycle=gone) if item.provider == VERTEX else item for item in the_offers()
    ]
    assert_stopped(await refused_at_kling(stage, fast_snapshot(offers=offers)), "no_candidate")


@pytest.mark.parametrize("is_gone", [True, False])
async def test_a_provider_that_can_no_longer_be_used_is_passed_over(
    stage: Stage, *, is_gone: bool
) -> None:
    unset = fast_provider(VERTEX, accounts=[an_account(is_configured=False)])
    changed = fast_snapshot(providers=[unset])
    job = await refused_at_kling(stage, without(changed, VERTEX) if is_gone else changed)
    assert_stopped(job, "no_candidate")


@pytest.mark.parametrize("is_gone", [True, False])
async def test_a_waiting_job_leaves_a_provider_that_left(stage: Stage, *, is_gone: bool) -> None:
    view = await stage.create()
    unset = fast_provider(KLING, accounts=[an_account(is_configured=False)])
    changed = fast_snapshot(providers=[unset])
    stage.reload(without(changed, KLING) if is_gone else changed)
    async with stage.working():
        job = await stage.finished(view.job)
    assert JobState.COMPLETED is job.state
    assert [] == stage.kling.orders
    assert ["not_configured", "price_book"] == [item.resolved_by for item in job.attempts]
    assert (VEO_MICRO_USD, 0) == await stage.money()


async def test_an_account_without_an_adapter_is_left(stage: Stage) -> None:
    del stage.adapters[KLING, "main"]
    job = await stage.made()
    assert JobState.COMPLETED is job.state
    assert [0, 1] == [attempt.candidate for attempt in job.attempts]
    assert 0 == await stage.slots()


async def test_a_removed_teams_job_is_finished_but_not_bought_again(stage: Stage) -> None:
    view, other = await stage.create(), await stage.create(replace(a_video(), prompt="another"))
    stage.kling.submits.append(failing(REFUSED))
    snapshot = fast_snapshot(teams=[a_team(id=type(MARKETING)("others"))])
    stage.reload(replace(snapshot, keys={}))
    async with stage.working():
        jobs = [await stage.finished(item) for item in (view.job, other.job)]
    assert ["completed", "failed"] == sorted(job.state.value for job in jobs)
    (failed,) = [job for job in jobs if job.state is JobState.FAILED]
    assert_stopped(failed, "no_candidate")
    assert [] == stage.vertex.orders


async def test_the_second_account_is_used_when_the_first_is_full(new_stage: StageMaker) -> None:
    accounts = [
        an_account("unset", is_configured=False),
        an_account("full", slots=0),
        an_account("second"),
    ]
    stage = new_stage(snapshot=fast_snapshot(providers=[fast_provider(KLING, accounts=accounts)]))
    second = ScriptedProvider()
    stage.adapters[KLING, "second"] = second
    job = await stage.made()
    assert JobState.COMPLETED is job.state
    assert "second" == job.attempt.account
    assert [job.attempt_id] == second.accepted
