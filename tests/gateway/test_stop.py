"""A provider that can is told to stop what was cancelled, and is paid what that costs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.events import OutcomeUnknown, ProviderCalled
from proxy.domain.failure import Failure, FailureKind
from proxy.domain.job import JobState
from proxy.domain.policy import PollTimes
from proxy.domain.price import Billing, BillsOn
from proxy.gateway.ports.provider import Failed, Pending, Succeeded
from proxy.gateway.stop import CANCELS_MAX
from tests.builders import KLING, the_offers
from tests.fakes import PENDING, CancellingProvider, failing
from tests.gateway.brief import Entry
from tests.gateway.harness import (
    KLING_MICRO_USD,
    fast_engine,
    fast_provider,
    fast_snapshot,
    wait_until,
)
from tests.gateway.leases import twin_of
from tests.gateway.outages import Loss

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from proxy.domain.policy import Snapshot
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

WAITING = Pending(is_waiting=True)
SELDOM = PollTimes(first_s=60.0, min_s=60.0, max_s=60.0)
ONCE_HURRIED = PollTimes(first_s=60.0, min_s=0.01, max_s=0.01)
CANCELLED = Failed(
    failure=Failure(kind=FailureKind.FAILED_UPSTREAM, message="cancelled"), charge_micro_usd=120
)


@pytest.fixture
def kling() -> CancellingProvider:
    return CancellingProvider()


@pytest.fixture
def stage(new_stage: StageMaker, kling: CancellingProvider) -> Stage:
    return new_stage(snapshot=polled_seldom(), kling=kling)


def polled_seldom(cancelled: Billing = Billing.FULL, poll: PollTimes = SELDOM) -> Snapshot:
    """Polled a minute after the submit: whatever happens sooner was hurried."""
    offers = [replace(offer, bills_on=BillsOn(cancelled=cancelled)) for offer in the_offers()]
    return fast_snapshot(providers=[fast_provider(KLING, poll=poll)], offers=offers)


def cancels(stage: Stage) -> list[str]:
    calls = stage.observer.of(ProviderCalled)
    return [call.outcome for call in calls if call.operation == "cancel"]


async def cancelled(stage: Stage) -> Job:
    """A job cancelled while it ran, at its end."""
    view = await stage.create()
    async with stage.working():
        await stage.reached(view.job, JobState.RUNNING)
        await stage.videos.cancel(stage.caller(), view.job.id)
        return await stage.finished(view.job)


@pytest.mark.parametrize(
    ("status", "bills", "charged", "by"),
    [
        (WAITING, Billing.FULL, 0, "cancelled:not_begun"),
        (PENDING, Billing.FULL, KLING_MICRO_USD, "bills_on:full"),
        (PENDING, Billing.NONE, 0, "bills_on:none"),
        (PENDING, Billing.AS_REPORTED, 0, "bills_on:as_reported"),
    ],
)
async def test_a_cancelled_job_is_stopped_at_once_and_costs_what_its_provider_bills(
    new_stage: StageMaker, status: Pending, bills: Billing, charged: int, by: str
) -> None:
    kling = CancellingProvider()
    stage = new_stage(snapshot=polled_seldom(bills), kling=kling)
    kling.statuses.append(status)
    job = await cancelled(stage)
    assert JobState.CANCELLED is job.state
    assert [job.attempt.operation] == kling.cancelled
    assert ["ok"] == cancels(stage)
    kind = "settle" if charged else "release"
    assert Entry(kind, 1, -KLING_MICRO_USD, charged, by) == (await stage.ledger())[-1]
    assert (charged, 0) == await stage.money()
    assert [] == stage.observer.of(OutcomeUnknown)
    assert (0, 0) == (await stage.slots(), kling.download_calls)


async def test_an_offer_that_left_the_catalog_is_paid_in_full(
    stage: Stage, kling: CancellingProvider
) -> None:
    kling.statuses.append(PENDING)
    view = await stage.create()
    async with stage.working():
        await stage.reached(view.job, JobState.RUNNING)
        stage.reload(fast_snapshot(offers=the_offers()[1:]))
        await stage.videos.cancel(stage.caller(), view.job.id)
        await stage.finished(view.job)
    assert (KLING_MICRO_USD, 0) == await stage.money()


async def test_a_provider_that_shows_what_it_cancelled_is_believed(
    new_stage: StageMaker,
) -> None:
    kling = CancellingProvider()
    stage = new_stage(snapshot=polled_seldom(poll=ONCE_HURRIED), kling=kling)
    kling.statuses.extend([PENDING, CANCELLED])
    kling.cancels.append(failing(FailureKind.AUTH))
    job = await cancelled(stage)
    assert (JobState.CANCELLED, "reported") == (job.state, job.attempt.resolved_by)
    assert (120, 0) == await stage.money()


async def test_a_provider_that_was_done_is_not_told_to_stop(
    stage: Stage, kling: CancellingProvider
) -> None:
    kling.statuses.append(Succeeded(result={}, charge_micro_usd=300_000))
    job = await cancelled(stage)
    assert (JobState.CANCELLED, []) == (job.state, kling.cancelled)
    assert (300_000, 0) == await stage.money()


async def test_a_provider_is_asked_again_with_each_poll_but_not_for_ever(
    new_stage: StageMaker,
) -> None:
    kling = CancellingProvider()
    stage = new_stage(snapshot=polled_seldom(poll=ONCE_HURRIED), kling=kling)
    kling.statuses.extend([PENDING] * 8)
    kling.cancels.extend([failing(FailureKind.UNAVAILABLE)] * 9)
    job = await cancelled(stage)
    assert ["unavailable"] * CANCELS_MAX == cancels(stage)
    assert (JobState.CANCELLED, 9) == (job.state, kling.status_calls)
    assert (KLING_MICRO_USD, 0) == await stage.money()


async def test_a_cancel_whose_answer_was_lost_has_worked(new_stage: StageMaker) -> None:
    kling = CancellingProvider(stops_all_the_same=True)
    stage = new_stage(snapshot=polled_seldom(poll=ONCE_HURRIED), kling=kling)
    kling.statuses.append(WAITING)
    kling.cancels.append(failing(FailureKind.UNAVAILABLE))
    job = await cancelled(stage)
    assert (JobState.CANCELLED, "cancelled:not_begun") == (job.state, job.attempt.resolved_by)
    assert 1 == len(kling.cancelled)
    assert (0, 0) == await stage.money()


async def test_a_worker_that_dies_after_its_cancel_leaves_the_bill_behind(
    new_stage: StageMaker,
) -> None:
    kling = CancellingProvider(hold_cancel=asyncio.Event())
    stage = new_stage(snapshot=polled_seldom(), kling=kling)
    kling.statuses.append(WAITING)
    view = await stage.create()
    async with stage.working(dies=True):
        await stage.reached(view.job, JobState.RUNNING)
        await stage.videos.cancel(stage.caller(), view.job.id)

        async def was_asked() -> bool:
            return bool(kling.cancelled)

        await wait_until(was_asked, "the cancel")
    await stage.client.call(("ZADD", stage.keys.due(), 1, view.job.id))
    twin = twin_of(stage, new_stage)
    async with twin.working():
        job = await twin.finished(view.job)
    assert (JobState.CANCELLED, "cancelled:not_begun") == (job.state, job.attempt.resolved_by)
    assert 1 == len(kling.cancelled)
    assert (0, 0) == await stage.money()


async def test_a_worker_that_dies_before_its_cancel_has_it_asked_by_the_next(
    stage: Stage, kling: CancellingProvider
) -> None:
    kling.statuses.extend([WAITING, PENDING])
    view = await stage.create()
    script = stage.lossy()
    async with stage.working():
        await stage.reached(view.job, JobState.RUNNING)
        # The intent is written, the answer to it is lost, and the step with it.
        script.lose("commit:running", Loss.ANSWER)
        await stage.videos.cancel(stage.caller(), view.job.id)

        async def was_reported() -> bool:
            return bool(stage.reports)

        await wait_until(was_reported, "the step that broke off")
        assert ([], 1) == (kling.cancelled, (await stage.load(view.job)).work.cancels)
        await stage.client.call(("ZADD", stage.keys.due(), 1, view.job.id))
        job = await stage.finished(view.job)
    # By then it had begun.
    assert "bills_on:full" == job.attempt.resolved_by
    assert 1 == len(kling.cancelled)


async def test_a_job_cancelled_during_its_submit_is_stopped_once_it_is_accepted(
    stage: Stage, kling: CancellingProvider
) -> None:
    kling.hold_submit = asyncio.Event()
    kling.statuses.append(WAITING)
    view = await stage.create()
    async with stage.working():
        await stage.reached(view.job, JobState.SUBMITTING)
        await stage.videos.cancel(stage.caller(), view.job.id)
        kling.hold_submit.set()
        job = await stage.finished(view.job)
    assert (JobState.CANCELLED, 1) == (job.state, len(kling.cancelled))
    assert (0, 0) == await stage.money()


async def test_a_cancel_without_the_store_waits_for_the_next_poll(
    new_stage: StageMaker,
) -> None:
    kling = CancellingProvider()
    soon = PollTimes(first_s=0.3, min_s=0.01, max_s=0.01)
    stage = new_stage(snapshot=polled_seldom(poll=soon), kling=kling)
    kling.statuses.append(PENDING)
    view = await stage.create()
    async with stage.working():
        await stage.reached(view.job, JobState.RUNNING)
        stage.lossy_hints()
        await stage.videos.cancel(stage.caller(), view.job.id)
        job = await stage.finished(view.job)
    assert (JobState.CANCELLED, 1) == (job.state, len(kling.cancelled))


async def test_a_cancelled_operation_that_was_held_as_unknown_is_settled_too(
    new_stage: StageMaker,
) -> None:
    kling = CancellingProvider(stops_all_the_same=True)
    engine = replace(fast_engine(), status_retries=0, look_up_after_s=(0.05,))
    stage = new_stage(
        snapshot=replace(polled_seldom(poll=ONCE_HURRIED), engine=engine), kling=kling
    )
    kling.statuses.append(WAITING)
    kling.cancels.append(failing(FailureKind.UNAVAILABLE))
    kling.denials = [failing(FailureKind.MALFORMED), failing(FailureKind.MODEL_GONE)]
    job = await cancelled(stage)
    assert 1 == len(stage.observer.of(OutcomeUnknown))
    assert (JobState.CANCELLED, "cancelled:not_begun") == (job.state, job.attempt.resolved_by)


async def test_an_operation_that_vanished_on_its_own_stays_unknown(
    stage: Stage, kling: CancellingProvider
) -> None:
    kling.statuses.append(failing(FailureKind.UNKNOWN_OUTCOME))
    view = await stage.create()
    async with stage.working():
        await stage.reached(view.job, JobState.RUNNING)
        await stage.videos.cancel(stage.caller(), view.job.id)
        await stage.finished(view.job)
    assert (1, []) == (len(stage.observer.of(OutcomeUnknown)), kling.cancelled)
