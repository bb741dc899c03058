"""What a provider answers about an accepted job, and what follows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.engine import UnknownThen
from proxy.domain.events import OutcomeUnknown, ProviderCalled, Resolved
from proxy.domain.failure import Failure, FailureKind
from proxy.domain.job import JobState
from proxy.domain.policy import PollTimes
from proxy.domain.price import Billing, BillsOn
from proxy.domain.render_times import RenderSpread
from proxy.gateway.ports.provider import Failed, Pending, Succeeded
from tests.builders import KLING, the_offers
from tests.fakes import PENDING, failing
from tests.gateway.brief import Entry
from tests.gateway.harness import (
    KLING_MICRO_USD,
    VEO_MICRO_USD,
    fast_engine,
    fast_provider,
    fast_snapshot,
    wait_until,
)

if TYPE_CHECKING:
    from proxy.domain.policy import Snapshot
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

LATE = PollTimes(first_s=60.0, min_s=0.01, max_s=60.0)
SAYS_NOTHING = (
    FailureKind.AUTH,
    FailureKind.ACCOUNT,
    FailureKind.THROTTLED,
    FailureKind.UNAVAILABLE,
    FailureKind.FAILED_UPSTREAM,
    FailureKind.CONTENT_POLICY,
)


@dataclass(frozen=True)
class Known:
    """What was learned of every offer."""

    spread: RenderSpread
    version: int = 0

    def of(self, offer_id: str) -> RenderSpread:
        return self.spread


def ended(kind: FailureKind, charge_micro_usd: int | None = None) -> Failed:
    return Failed(
        failure=Failure(kind=kind, message="it ended"), charge_micro_usd=charge_micro_usd
    )


def billing(failed: Billing, filtered: Billing) -> Snapshot:
    bills_on = BillsOn(failed=failed, filtered=filtered)
    return fast_snapshot(offers=[replace(offer, bills_on=bills_on) for offer in the_offers()])


async def test_a_job_is_followed_until_it_is_done(stage: Stage) -> None:
    stage.kling.statuses.extend([PENDING, Pending(progress=40), Pending(progress=30)])
    view = await stage.create()
    seen: list[int] = []

    async def look() -> bool:
        job = await stage.load(view.job)
        seen.append(job.work.progress)
        return job.state.is_terminal

    async with stage.working():
        await wait_until(look, "its end")
    assert 4 == stage.kling.status_calls
    assert 40 in seen
    assert 30 not in seen
    calls = [call.operation for call in stage.observer.of(ProviderCalled)]
    assert ["submit", "status", "status", "status", "status", "download"] == calls


@pytest.mark.parametrize("kind", SAYS_NOTHING)
async def test_a_failed_status_call_says_nothing_about_the_job(
    stage: Stage, kind: FailureKind
) -> None:
    stage.kling.statuses.extend([failing(kind)] * 6)
    job = await stage.made()
    assert JobState.COMPLETED is job.state
    assert 1 == len(job.attempts)
    assert 7 == stage.kling.status_calls


@pytest.mark.parametrize(
    "answer", [failing(FailureKind.UNAVAILABLE, retry_after_s=0.12), Pending(retry_after_s=0.12)]
)
async def test_a_retry_after_is_obeyed(stage: Stage, answer: Pending) -> None:
    stage.kling.statuses.append(answer)
    started_s = stage.runtime.clock.monotonic_s()
    await stage.made()
    assert 0.12 <= stage.runtime.clock.monotonic_s() - started_s


async def test_an_absurd_retry_after_is_cut_to_give_up_after(new_stage: StageMaker) -> None:
    kling = fast_provider(KLING, give_up_after_s=0.2)
    stage = new_stage(snapshot=fast_snapshot(providers=[kling]))
    stage.kling.statuses.append(Pending(retry_after_s=86_400))
    view = await stage.create()
    async with stage.working():
        await stage.reached(view.job, JobState.UNKNOWN)


@pytest.mark.parametrize("kind", [FailureKind.MALFORMED, FailureKind.INVALID_INPUT])
async def test_unreadable_answers_are_asked_for_again_three_times(
    stage: Stage, kind: FailureKind
) -> None:
    stage.kling.statuses.extend([failing(kind)] * 3 + [PENDING] + [failing(kind)] * 3)
    job = await stage.made()
    assert JobState.COMPLETED is job.state
    assert [] == stage.observer.of(OutcomeUnknown)


@pytest.mark.parametrize(
    ("kind", "count"),
    [(FailureKind.MALFORMED, 4), (FailureKind.UNKNOWN_OUTCOME, 1), (FailureKind.MODEL_GONE, 1)],
)
async def test_an_unreadable_or_vanished_operation_is_unknown(
    new_stage: StageMaker, kind: FailureKind, count: int
) -> None:
    engine = replace(fast_engine(), look_up_after_s=(60.0,))
    stage = new_stage(snapshot=fast_snapshot(engine=engine))
    stage.kling.statuses.extend([failing(kind, message="canary")] * count)
    view = await stage.create()
    async with stage.working():
        job = await stage.reached(view.job, JobState.UNKNOWN)
    assert count == stage.kling.status_calls
    assert job.attempt.operation is not None
    assert (0, KLING_MICRO_USD) == await stage.money()
    assert [kind.value] == [event.reason for event in stage.observer.of(OutcomeUnknown)]
    assert "canary" not in repr(stage.observer.events)


async def test_an_operation_that_can_be_read_again_runs_on(stage: Stage) -> None:
    stage.kling.statuses.extend([failing(FailureKind.MALFORMED)] * 5 + [PENDING] * 3)
    job = await stage.made()
    assert JobState.COMPLETED is job.state
    assert 1 == len(job.attempts)
    assert (KLING_MICRO_USD, 0) == await stage.money()


async def test_an_operation_that_is_done_while_unknown_is_fetched(stage: Stage) -> None:
    stage.kling.statuses.append(failing(FailureKind.UNKNOWN_OUTCOME))
    job = await stage.made()
    assert JobState.COMPLETED is job.state


async def test_an_operation_that_failed_while_unknown_fails_over(stage: Stage) -> None:
    stage.kling.statuses.extend(
        [failing(FailureKind.UNKNOWN_OUTCOME), ended(FailureKind.FAILED_UPSTREAM)]
    )
    job = await stage.made()
    assert JobState.COMPLETED is job.state
    assert [0, 1] == [attempt.candidate for attempt in job.attempts]


async def test_an_operation_that_stays_gone_ends_as_configured(new_stage: StageMaker) -> None:
    engine = replace(fast_engine(), unknown_then=UnknownThen.ASSUME_CHARGED)
    stage = new_stage(snapshot=fast_snapshot(engine=engine))
    stage.kling.statuses.extend([failing(FailureKind.UNKNOWN_OUTCOME)] * 9)
    job = await stage.made()
    assert JobState.FAILED is job.state
    assert job.error is not None
    assert "outcome_unknown" == job.error.code
    assert "unknown:assume_charged" == job.attempt.resolved_by
    assert (KLING_MICRO_USD, 0) == await stage.money()
    assert 3 == stage.kling.status_calls
    assert [] == stage.vertex.orders


async def test_no_end_within_give_up_after_is_unknown_and_then_given_up(
    new_stage: StageMaker,
) -> None:
    kling = fast_provider(KLING, give_up_after_s=0.1)
    stage = new_stage(snapshot=fast_snapshot(providers=[kling]))
    stage.kling.statuses.extend([PENDING] * 500)
    job = await stage.made()
    assert job.error is not None
    assert "outcome_unknown" == job.error.code
    assert ["give_up_after"] == [event.reason for event in stage.observer.of(OutcomeUnknown)]
    assert (KLING_MICRO_USD, 0) == await stage.money()


@pytest.mark.parametrize(
    ("bills", "reported", "charged", "by"),
    [
        (Billing.NONE, None, 0, "bills_on:none"),
        (Billing.FULL, None, KLING_MICRO_USD, "bills_on:full"),
        (Billing.AS_REPORTED, None, 0, "bills_on:as_reported"),
        (Billing.AS_REPORTED, 100_000, 100_000, "reported"),
        (Billing.NONE, 100_000, 100_000, "reported"),
        (Billing.FULL, 0, 0, "reported"),
    ],
)
async def test_a_filtered_video_is_charged_as_the_provider_bills_it(
    new_stage: StageMaker, bills: Billing, reported: int | None, charged: int, by: str
) -> None:
    stage = new_stage(snapshot=billing(failed=Billing.NONE, filtered=bills))
    stage.kling.statuses.append(ended(FailureKind.CONTENT_POLICY, reported))
    job = await stage.made()
    assert JobState.FAILED is job.state
    assert job.error is not None
    assert ("content_policy", None) == (job.error.code, job.stopped_by)
    assert 1 == len(job.attempts)
    assert (charged, by) == (job.attempt.charged_micro_usd, job.attempt.resolved_by)
    assert (charged, 0) == await stage.money()
    assert (
        Entry("settle" if charged else "release", 1, -KLING_MICRO_USD, charged, by)
        == (await stage.ledger())[-1]
    )
    (resolved,) = stage.observer.of(Resolved)
    assert (charged > 0) == resolved.is_wasted


async def test_a_job_the_provider_failed_goes_on_elsewhere(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=billing(failed=Billing.FULL, filtered=Billing.NONE))
    stage.kling.statuses.append(ended(FailureKind.FAILED_UPSTREAM))
    job = await stage.made()
    assert JobState.COMPLETED is job.state
    assert [KLING_MICRO_USD, VEO_MICRO_USD] == [a.charged_micro_usd for a in job.attempts]
    assert (KLING_MICRO_USD + VEO_MICRO_USD, 0) == await stage.money()
    assert ["reserve", "settle", "reserve", "settle"] == [e.kind for e in await stage.ledger()]
    assert [1, 1, 2, 2] == [entry.attempt for entry in await stage.ledger()]


@pytest.mark.parametrize("reported", [None, 0, 100_000])
async def test_an_accepted_job_that_turns_out_invalid_costs_what_is_reported(
    stage: Stage, reported: int | None
) -> None:
    stage.kling.statuses.append(ended(FailureKind.INVALID_INPUT, reported))
    job = await stage.made()
    assert job.error is not None
    assert "invalid_input" == job.error.code
    assert (reported or 0, 0) == await stage.money()


async def test_a_failed_job_of_a_removed_offer_is_released(stage: Stage) -> None:
    stage.kling.statuses.extend([PENDING, ended(FailureKind.CONTENT_POLICY)])
    view = await stage.create()
    async with stage.working():
        await stage.reached(view.job, JobState.RUNNING)
        stage.reload(fast_snapshot(offers=the_offers()[1:]))
        job = await stage.finished(view.job)
    assert "bills_on:none" == job.attempt.resolved_by
    assert (0, 0) == await stage.money()


async def test_what_the_provider_reports_is_charged(stage: Stage) -> None:
    stage.kling.statuses.append(Succeeded(result={}, charge_micro_usd=300_000))
    job = await stage.made()
    assert (300_000, 0) == (job.attempt.charged_micro_usd, job.attempt.overage_micro_usd)
    assert "reported" == job.attempt.resolved_by
    assert (300_000, 0) == await stage.money()


async def test_a_charge_above_the_reservation_is_posted_as_overage(stage: Stage) -> None:
    stage.kling.statuses.append(Succeeded(result={}, charge_micro_usd=KLING_MICRO_USD + 7))
    job = await stage.made()
    assert (KLING_MICRO_USD + 7, 7) == (
        job.attempt.charged_micro_usd,
        job.attempt.overage_micro_usd,
    )
    assert (KLING_MICRO_USD + 7, 0) == await stage.money()
    assert [7] == [event.overage_micro_usd for event in stage.observer.of(Resolved)]


async def test_polls_and_progress_follow_what_was_learned(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=fast_snapshot(providers=[fast_provider(KLING, poll=LATE)]))
    usual = RenderSpread(p20_s=0.05, p50_s=0.02, p95_s=0.02)
    stage.runtime = replace(stage.runtime, render_times=Known(usual))
    stage.kling.statuses.append(PENDING)
    view = await stage.create()

    async def was_asked() -> bool:
        return (await stage.load(view.job)).work.polls == 1

    async with stage.working():
        await stage.reached(view.job, JobState.RUNNING)
        await wait_until(was_asked, "the first poll, long before `poll.first`")
        await stage.turned()
    # The render is late: the next poll comes in 2 x `poll.max`.
    assert 1 == stage.kling.status_calls
    assert 99 == (await stage.load(view.job)).work.progress


async def test_the_first_poll_comes_no_sooner_than_configured(new_stage: StageMaker) -> None:
    poll = PollTimes(first_s=60.0, min_s=0.01, max_s=0.02)
    stage = new_stage(snapshot=fast_snapshot(providers=[fast_provider(KLING, poll=poll)]))
    view = await stage.create()
    async with stage.working():
        await stage.reached(view.job, JobState.RUNNING)
        for _ in range(20):
            await stage.videos.get(stage.caller(), view.job.id)
    assert 0 == stage.kling.status_calls
