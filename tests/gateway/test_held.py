"""A job nobody could find out about: a person ends it, once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.engine import UnknownThen
from proxy.domain.events import Ended
from proxy.domain.ids import JobId
from proxy.domain.job import Job, JobState
from proxy.gateway.held import NotResolved, resolve_held
from tests.gateway.harness import KLING_MICRO_USD, fast_engine, fast_snapshot
from tests.gateway.outages import LossyWork, Script
from tests.gateway.test_unknown import lost_at_kling
from tests.job_builders import a_mandate

if TYPE_CHECKING:
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage


async def held(new_stage: StageMaker) -> tuple[Stage, Job]:
    """A job whose submit was lost, and which waits for a person."""
    engine = replace(fast_engine(), unknown_then=UnknownThen.MANUAL, look_up_after_s=(60.0,))
    stage = new_stage(snapshot=fast_snapshot(engine=engine))
    lost_at_kling(stage)
    view = await stage.create()
    async with stage.working():
        job = await stage.reached(view.job, JobState.UNKNOWN)
    return stage, job


@pytest.mark.parametrize("charged", [KLING_MICRO_USD - 1, KLING_MICRO_USD + 1, 0, None])
async def test_a_person_says_what_it_cost(new_stage: StageMaker, charged: int | None) -> None:
    stage, job = await held(new_stage)
    ended = await resolve_held(stage.runtime, job.id, charged, a_mandate())
    assert isinstance(ended, Job)
    assert (JobState.FAILED, "operator") == (ended.state, ended.attempt.resolved_by)
    assert ended.error is not None
    assert "outcome_unknown" == ended.error.code
    assert (charged or 0, 0) == await stage.money()
    assert 1 == len(stage.observer.of(Ended))
    assert 0 == await stage.slots()


async def test_deciding_the_same_again_changes_nothing(new_stage: StageMaker) -> None:
    stage, job = await held(new_stage)
    ended = await resolve_held(stage.runtime, job.id, 5, a_mandate())
    assert ended == await resolve_held(stage.runtime, job.id, 5, a_mandate())
    assert 1 == len(stage.observer.of(Ended))
    for other in (6, None):
        again = await resolve_held(stage.runtime, job.id, other, a_mandate("another"))
        assert NotResolved.NOT_HELD is again


async def test_what_nobody_asks_about_is_not_resolved(stage: Stage) -> None:
    assert NotResolved.GONE is await resolve_held(stage.runtime, JobId("x"), 5, a_mandate())
    job = await stage.made()
    for charged in (KLING_MICRO_USD, None):
        refused = await resolve_held(stage.runtime, job.id, charged, a_mandate())
        assert NotResolved.NOT_HELD is refused


@pytest.mark.parametrize("meetings", [1, 99])
async def test_a_worker_that_has_it_in_hand_comes_first(
    new_stage: StageMaker, meetings: int
) -> None:
    stage, job = await held(new_stage)
    script = Script()
    met = 0

    async def taken() -> None:
        nonlocal met
        met += 1
        await stage.client.call(("HINCRBY", stage.keys.job(job.id), "f", 1))
        if met < meetings:
            script.interruptions["finish"] = taken

    script.interruptions["finish"] = taken
    runtime = replace(stage.runtime, work=LossyWork(stage.runtime.work, script))
    result = await resolve_held(runtime, job.id, 5, a_mandate())
    if meetings == 1:
        assert isinstance(result, Job)
        assert (5, 0) == await stage.money()
    else:
        assert NotResolved.BUSY is result
        assert (0, KLING_MICRO_USD) == await stage.money()
