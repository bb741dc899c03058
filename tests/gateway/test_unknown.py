"""Unknown outcomes: looked up, never bought twice, and in the end decided by the config."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.engine import UnknownThen
from proxy.domain.events import FailedOver, Moved, OutcomeUnknown
from proxy.domain.failure import FailureKind
from proxy.domain.job import JobState
from tests.builders import KLING, VERTEX, an_account
from tests.fakes import FindingProvider, ScriptedProvider, failing
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
    from collections.abc import Sequence

    from proxy.domain.policy import Snapshot
    from proxy.gateway.ports.provider import VideoProvider
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

LOST = FailureKind.UNKNOWN_OUTCOME


def resolving(then: UnknownThen, look_up_after_s: Sequence[float] = (0.02, 0.04)) -> Snapshot:
    return fast_snapshot(
        engine=replace(fast_engine(), unknown_then=then, look_up_after_s=tuple(look_up_after_s))
    )


def lost_at_kling(stage: Stage, *finds: bool | FailureKind) -> FindingProvider:
    """Let the submit's answer be lost, and script what the look-ups find."""
    kling = stage.kling
    assert isinstance(kling, FindingProvider)
    kling.submits.append(failing(LOST))
    kling.finds.extend(failing(find) if isinstance(find, FailureKind) else find for find in finds)
    return kling


async def test_a_lost_submit_that_is_found_runs_on(stage: Stage) -> None:
    kling = lost_at_kling(stage, True)
    job = await stage.made()
    assert JobState.COMPLETED is job.state
    assert 1 == len(job.attempts)
    assert {"task": job.attempt_id} == job.attempt.operation
    assert 1 == len(kling.orders)
    assert [] == stage.vertex.orders
    assert (KLING_MICRO_USD, 0) == await stage.money()
    moves = [(moved.before.value, moved.after.value) for moved in stage.observer.of(Moved)]
    assert [("submitting", "unknown"), ("unknown", "running")] == moves[:2]
    assert [LOST.value] == [event.reason for event in stage.observer.of(OutcomeUnknown)]


async def test_a_lost_submit_is_found_at_a_later_look_up(stage: Stage) -> None:
    lost_at_kling(stage, False, True)
    job = await stage.made()
    assert JobState.COMPLETED is job.state
    assert 1 == len(job.attempts)


async def test_a_submit_found_nowhere_was_not_accepted_and_goes_on_elsewhere(
    stage: Stage,
) -> None:
    kling = lost_at_kling(stage)
    job = await stage.made()
    assert JobState.COMPLETED is job.state
    assert ["not_accepted", "price_book"] == [item.resolved_by for item in job.attempts]
    assert (VEO_MICRO_USD, 0) == await stage.money()
    assert (1, 1) == (len(kling.orders), len(stage.vertex.orders))
    assert [FailureKind.UNAVAILABLE] == [over.reason for over in stage.observer.of(FailedOver)]


@pytest.mark.parametrize(
    ("then", "charged"),
    [(UnknownThen.ASSUME_CHARGED, KLING_MICRO_USD), (UnknownThen.RELEASE, 0)],
)
@pytest.mark.parametrize("finds", [(LOST, LOST), (LOST, False), (False, LOST)])
async def test_look_ups_that_fail_leave_it_to_the_config(
    new_stage: StageMaker,
    then: UnknownThen,
    charged: int,
    finds: tuple[bool | FailureKind, ...],
) -> None:
    stage = new_stage(snapshot=resolving(then))
    lost_at_kling(stage, *finds)
    job = await stage.made()
    assert JobState.FAILED is job.state
    assert job.error is not None
    assert "outcome_unknown" == job.error.code
    assert job.stopped_by is None
    assert f"unknown:{then}" == job.attempt.resolved_by
    assert (charged, 0) == await stage.money()
    assert [] == stage.vertex.orders


@pytest.mark.parametrize(
    ("then", "charged"),
    [(UnknownThen.ASSUME_CHARGED, VEO_MICRO_USD), (UnknownThen.RELEASE, 0)],
)
async def test_where_nothing_can_be_looked_up_the_config_decides(
    new_stage: StageMaker, then: UnknownThen, charged: int
) -> None:
    stage = new_stage(snapshot=resolving(then))
    stage.kling.submits.append(failing(FailureKind.AUTH))
    stage.vertex.submits.append(failing(LOST))
    job = await stage.made()
    assert job.error is not None
    assert "outcome_unknown" == job.error.code
    assert 1 == len(stage.vertex.orders)
    assert (charged, 0) == await stage.money()


async def test_without_look_ups_the_config_decides_at_once(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=resolving(UnknownThen.RELEASE, ()))
    lost_at_kling(stage, LOST)
    job = await stage.made()
    assert job.error is not None
    assert "outcome_unknown" == job.error.code


async def test_a_job_held_for_a_human_keeps_its_money(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=resolving(UnknownThen.MANUAL))
    lost_at_kling(stage, LOST, LOST)
    view = await stage.create()
    async with stage.working():
        await stage.reached(view.job, JobState.UNKNOWN)

        async def all_looked_up() -> bool:
            return (await stage.load(view.job)).work.look_ups == 2

        await wait_until(all_looked_up, "the last look-up")
    job = await stage.load(view.job)
    assert (JobState.UNKNOWN, 2) == (job.state, job.work.look_up_failures)
    assert (0, KLING_MICRO_USD) == await stage.money()
    ids, idle_s = await stage.runtime.work.due(9)
    assert [] == ids
    assert idle_s is not None
    assert 3000 < idle_s


@pytest.mark.parametrize("is_provider_gone", [True, False])
async def test_an_account_that_left_cannot_be_looked_up(
    new_stage: StageMaker, *, is_provider_gone: bool
) -> None:
    stage = new_stage(snapshot=resolving(UnknownThen.RELEASE, (0.1,)))
    lost_at_kling(stage, True)
    view = await stage.create()
    async with stage.working():
        await stage.reached(view.job, JobState.UNKNOWN)
        del stage.adapters[KLING, "main"]
        without = resolving(UnknownThen.RELEASE, (0.1,))
        if is_provider_gone:
            sellers = {name: p for name, p in without.providers.items() if name != KLING}
            without = replace(without, providers=sellers)
        stage.reload(without)
        job = await stage.finished(view.job)
    assert job.error is not None
    assert "outcome_unknown" == job.error.code
    assert (0, 0) == await stage.money()


@pytest.mark.parametrize("is_provider_gone", [True, False])
async def test_a_running_job_whose_account_left_waits_for_it(
    new_stage: StageMaker, *, is_provider_gone: bool
) -> None:
    engine = replace(fast_engine(), lease_s=0.03)
    snapshot = fast_snapshot(engine=engine)
    stage = new_stage(snapshot=snapshot)
    script = stage.lossy()
    stage.kling.statuses.extend([failing(FailureKind.UNAVAILABLE)] * 2)
    view = await stage.create()
    async with stage.working():
        await stage.reached(view.job, JobState.RUNNING)
        adapter: VideoProvider = stage.adapters.pop((KLING, "main"))
        sellers = {name: p for name, p in snapshot.providers.items() if name != KLING}
        stage.reload(replace(snapshot, providers=sellers) if is_provider_gone else snapshot)
        asked = stage.kling.status_calls
        script.calls.clear()

        async def has_waited() -> bool:
            return script.calls.count("commit:running") > 3

        await wait_until(has_waited, "waits of a lease each")
        assert asked + 1 >= stage.kling.status_calls
        stage.adapters[KLING, "main"] = adapter
        stage.reload(snapshot)
        job = await stage.finished(view.job)
    assert JobState.COMPLETED is job.state


async def test_a_running_job_whose_account_left_is_not_held_for_ever(
    new_stage: StageMaker,
) -> None:
    engine = replace(fast_engine(), lease_s=0.03)
    kling = fast_provider(KLING, give_up_after_s=0.15, accounts=[an_account()])
    stage = new_stage(snapshot=fast_snapshot(engine=engine, providers=[kling]))
    stage.kling.statuses.extend([failing(FailureKind.UNAVAILABLE)] * 50)
    view = await stage.create()
    async with stage.working():
        await stage.reached(view.job, JobState.RUNNING)
        del stage.adapters[KLING, "main"]
        job = await stage.finished(view.job)
    assert job.error is not None
    assert "outcome_unknown" == job.error.code
    assert (KLING_MICRO_USD, 0) == await stage.money()


async def test_a_slot_is_kept_until_it_is_known_what_it_holds(new_stage: StageMaker) -> None:
    kling = fast_provider(KLING, accounts=[an_account(slots=1)])
    stage = new_stage(snapshot=fast_snapshot(providers=[kling, fast_provider(VERTEX)]))
    assert isinstance(stage.kling, ScriptedProvider)
    lost_at_kling(stage, True)
    stage.kling.statuses.extend([failing(FailureKind.UNAVAILABLE)] * 2)
    view = await stage.create()
    async with stage.working():
        await stage.reached(view.job, JobState.UNKNOWN)
        assert 1 == await stage.slots()
        await stage.reached(view.job, JobState.RUNNING)
        assert 1 == await stage.slots()
        await stage.finished(view.job)
    assert 0 == await stage.slots()


@pytest.mark.parametrize("then", [UnknownThen.ASSUME_CHARGED, UnknownThen.RELEASE])
async def test_a_slot_is_free_once_a_look_up_has_ended(
    new_stage: StageMaker, then: UnknownThen
) -> None:
    stage = new_stage(snapshot=fast_snapshot(engine=replace(fast_engine(), unknown_then=then)))
    lost_at_kling(stage, *[FailureKind.UNAVAILABLE] * 9)
    assert JobState.FAILED is (await stage.made()).state
    assert 0 == await stage.slots()


async def test_a_slot_is_free_once_its_lease_has_ended(new_stage: StageMaker) -> None:
    """A provider that renders for hours without our knowing takes no place for ever."""
    engine = replace(fast_engine(), look_up_after_s=(60.0,), lease_s=0.1)
    kling = replace(fast_provider(KLING, accounts=[an_account(slots=1)]), submit_timeout_s=0.1)
    stage = new_stage(snapshot=fast_snapshot(engine=engine, providers=[kling]))
    stage.kling.submits.append(failing(LOST))
    first = (await stage.create()).job
    async with stage.working():
        await stage.reached(first, JobState.UNKNOWN)
        second = (await stage.create(replace(a_video(), prompt="another fox"))).job
        assert JobState.COMPLETED is (await stage.finished(second)).state
    assert JobState.UNKNOWN is (await stage.load(first)).state
