"""What a provider answers to a submit, and what follows for the job and its money."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.events import FailedOver, Moved, OutcomeUnknown, ProviderCalled, Resolved
from proxy.domain.failure import FailureKind
from proxy.domain.job import JobState, Resolution
from proxy.domain.price import Billing
from tests.fakes import failing
from tests.gateway.brief import Entry
from tests.gateway.harness import (
    KLING_MICRO_USD,
    VEO_MICRO_USD,
    fast_engine,
    fast_snapshot,
)

if TYPE_CHECKING:
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

NEXT_AT_ONCE = {
    FailureKind.AUTH: "provider_auth",
    FailureKind.ACCOUNT: "provider_account",
    FailureKind.MODEL_GONE: "model_gone",
}
NEVER_NEXT = {
    FailureKind.CONTENT_POLICY: "content_policy",
    FailureKind.INVALID_INPUT: "invalid_input",
}
MAYBE_BOUGHT = (
    FailureKind.UNKNOWN_OUTCOME,
    FailureKind.MALFORMED,
    FailureKind.FAILED_UPSTREAM,
)


@pytest.mark.parametrize(("kind", "code"), NEVER_NEXT.items())
async def test_a_refusal_that_any_provider_would_repeat_ends_the_job(
    stage: Stage, kind: FailureKind, code: str
) -> None:
    stage.kling.submits.append(failing(kind))
    job = await stage.made()
    assert JobState.FAILED is job.state
    assert job.error is not None
    assert (code, "scripted") == (job.error.code, job.error.message)
    assert job.error == job.attempt.error
    assert job.stopped_by is None
    assert [Resolution.RELEASED] == [attempt.resolution for attempt in job.attempts]
    assert (0, 0) == await stage.money()
    assert [] == stage.vertex.orders
    assert [
        Entry("reserve", 1, KLING_MICRO_USD, 0, ""),
        Entry("release", 1, -KLING_MICRO_USD, 0, kind.value),
    ] == await stage.ledger()
    assert [kind.value] == [call.outcome for call in stage.observer.of(ProviderCalled)]
    assert 0 == await stage.slots()


@pytest.mark.parametrize(
    ("billing", "charged"),
    [(Billing.FULL, KLING_MICRO_USD), (Billing.NONE, 0), (Billing.AS_REPORTED, 0)],
)
async def test_a_refusal_of_the_content_costs_what_the_offer_bills_for_it(
    new_stage: StageMaker, billing: Billing, charged: int
) -> None:
    offers = [
        replace(offer, bills_on=replace(offer.bills_on, filtered=billing))
        for offer in fast_snapshot().offers
    ]
    stage = new_stage(snapshot=fast_snapshot(offers=offers))
    stage.kling.submits.append(failing(FailureKind.CONTENT_POLICY))
    job = await stage.made()
    assert (JobState.FAILED, charged) == (job.state, job.charged_micro_usd)
    assert (charged, 0) == await stage.money()
    assert [] == stage.vertex.orders


@pytest.mark.parametrize("kind", NEXT_AT_ONCE)
async def test_a_provider_that_cannot_take_the_job_is_left_at_once(
    stage: Stage, kind: FailureKind
) -> None:
    stage.kling.submits.append(failing(kind))
    job = await stage.made()
    assert JobState.COMPLETED is job.state
    assert job.error is None
    assert [0, 1] == [attempt.candidate for attempt in job.attempts]
    assert [0, VEO_MICRO_USD] == [attempt.charged_micro_usd for attempt in job.attempts]
    first = job.attempts[0]
    assert first.error is not None
    assert NEXT_AT_ONCE[kind] == first.error.code
    assert (VEO_MICRO_USD, 0) == await stage.money()
    assert (1, 1) == (len(stage.kling.orders), len(stage.vertex.orders))
    (over,) = stage.observer.of(FailedOver)
    assert ("kling", "vertex", kind) == (over.before, over.after, over.reason)
    assert [0, VEO_MICRO_USD] == [e.charged_micro_usd for e in stage.observer.of(Resolved)]


async def test_an_unavailable_provider_is_asked_once_more(stage: Stage) -> None:
    stage.kling.submits.append(failing(FailureKind.UNAVAILABLE))
    job = await stage.made()
    assert JobState.COMPLETED is job.state
    assert 1 == len(job.attempts)
    assert 2 == len(stage.kling.orders)
    assert [job.attempt_id] == stage.kling.accepted
    assert (KLING_MICRO_USD, 0) == await stage.money()
    assert "unavailable" in [moved.code for moved in stage.observer.of(Moved)]


async def test_a_provider_that_stays_unavailable_is_left(stage: Stage) -> None:
    stage.kling.submits.extend([failing(FailureKind.UNAVAILABLE)] * 2)
    job = await stage.made()
    assert JobState.COMPLETED is job.state
    assert [0, 1] == [attempt.candidate for attempt in job.attempts]
    assert (2, 1) == (len(stage.kling.orders), len(stage.vertex.orders))
    assert (VEO_MICRO_USD, 0) == await stage.money()


async def test_the_next_candidate_gets_its_own_second_try(stage: Stage) -> None:
    stage.kling.submits.extend([failing(FailureKind.UNAVAILABLE)] * 2)
    stage.vertex.submits.append(failing(FailureKind.UNAVAILABLE))
    job = await stage.made()
    assert JobState.COMPLETED is job.state
    assert (2, 2) == (len(stage.kling.orders), len(stage.vertex.orders))


async def test_a_throttled_submit_waits_as_long_as_it_is_told_to(stage: Stage) -> None:
    stage.kling.submits.append(failing(FailureKind.THROTTLED, retry_after_s=0.15))
    view = await stage.create()
    clock = stage.runtime.clock
    started_s = clock.monotonic_s()
    async with stage.working():
        job = await stage.finished(view.job)
    assert 0.15 <= clock.monotonic_s() - started_s
    assert JobState.COMPLETED is job.state
    assert 1 == len(job.attempts)
    assert 2 == len(stage.kling.orders)
    assert [] == stage.vertex.orders


async def test_throttled_submits_do_not_count_as_tries(stage: Stage) -> None:
    stage.kling.submits.extend([failing(FailureKind.THROTTLED)] * 6)
    job = await stage.made()
    assert JobState.COMPLETED is job.state
    assert 7 == len(stage.kling.orders)
    assert 1 == len(job.attempts)


async def test_a_wait_beyond_max_queue_wait_is_not_waited(stage: Stage) -> None:
    stage.kling.submits.append(failing(FailureKind.THROTTLED, retry_after_s=3600))
    job = await stage.made()
    assert JobState.COMPLETED is job.state
    assert [0, 1] == [attempt.candidate for attempt in job.attempts]
    assert "throttled" == job.attempts[0].resolved_by


async def test_throttling_that_never_ends_is_left_after_max_queue_wait(
    new_stage: StageMaker,
) -> None:
    engine = replace(fast_engine(), max_queue_wait_s=0.1)
    stage = new_stage(snapshot=fast_snapshot(engine=engine))
    stage.kling.submits.extend([failing(FailureKind.THROTTLED)] * 50)
    stage.vertex.submits.extend([failing(FailureKind.THROTTLED)] * 50)
    job = await stage.made()
    assert JobState.FAILED is job.state
    assert job.error is not None
    assert "provider_throttled" == job.error.code
    assert "no_candidate" == job.stopped_by
    assert 2 == len(job.attempts)
    assert 2 < len(stage.kling.orders) < 10
    assert (0, 0) == await stage.money()


@pytest.mark.parametrize("kind", MAYBE_BOUGHT)
async def test_a_submit_that_may_have_bought_a_video_is_held(
    new_stage: StageMaker, kind: FailureKind
) -> None:
    engine = replace(fast_engine(), look_up_after_s=(60.0,))
    stage = new_stage(snapshot=fast_snapshot(engine=engine))
    stage.kling.submits.append(failing(kind, message="the prompt was: a canary"))
    view = await stage.create()
    async with stage.working():
        job = await stage.reached(view.job, JobState.UNKNOWN)
    assert (0, KLING_MICRO_USD) == await stage.money()
    assert 1 == len(job.attempts)
    assert [] == stage.vertex.orders
    assert 1 == await stage.slots()  # the provider may be rendering it
    assert (1, 0) == await stage.open_jobs()
    assert [kind.value] == [event.reason for event in stage.observer.of(OutcomeUnknown)]
    assert "canary" not in repr(stage.observer.events)
