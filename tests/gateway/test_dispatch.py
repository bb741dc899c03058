"""Dispatch over a store that stalls: a submit's answer speaks of that submit alone."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from proxy.domain.failure import FailureKind
from proxy.domain.job import JobState
from tests.fakes import failing
from tests.gateway.harness import (
    KLING_MICRO_USD,
    fast_engine,
    fast_snapshot,
    wait_until,
)
from tests.gateway.outages import Loss

if TYPE_CHECKING:
    from tests.gateway.conftest import StageMaker


async def test_an_old_refusal_says_nothing_about_the_submit_that_followed_it(
    new_stage: StageMaker,
) -> None:
    # The store stalls: the job is queued again, and dispatched, before its step hears of it.
    engine = replace(fast_engine(), retry_wait_s=0.1)
    stage = new_stage(snapshot=fast_snapshot(engine=engine))
    script = stage.lossy()
    script.lose("commit:queued", Loss.ANSWER)
    stage.kling.submits.append(failing(FailureKind.THROTTLED))
    view = await stage.create()
    held = asyncio.Event()

    async def is_sent(times: int) -> bool:
        return len(stage.kling.orders) == times

    async def has_heard_of_it() -> bool:
        return script.calls.count("commit:queued") >= 2

    async with stage.working():
        await wait_until(partial(is_sent, 1), "the first submit")
        stage.kling.hold_submit = held
        await wait_until(partial(is_sent, 2), "the second submit")
        await wait_until(has_heard_of_it, "the first one's step")
        await stage.turned()
        held.set()
        job = await stage.finished(view.job)
    assert JobState.COMPLETED is job.state
    assert [job.attempt_id] == stage.kling.accepted + stage.vertex.accepted
    assert (KLING_MICRO_USD, 0) == await stage.money()
