"""The straight line: admitted, dispatched, followed, stored, settled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.events import Admitted, Ended, Moved, Resolved, SlotTaken, Stored, Submitting
from proxy.domain.job import JobState, Resolution
from tests.fakes import VIDEO
from tests.gateway.brief import Entry
from tests.gateway.harness import KLING_MICRO_USD

if TYPE_CHECKING:
    from tests.gateway.harness import Stage


async def test_a_video_is_made_stored_and_charged_once(stage: Stage) -> None:
    view = await stage.create()
    assert JobState.QUEUED is view.job.state
    assert (0, KLING_MICRO_USD) == await stage.money()
    async with stage.working():
        job = await stage.finished(view.job)
    assert JobState.COMPLETED is job.state
    assert job.error is None
    assert job.artifact is not None
    assert len(VIDEO) == job.artifact.size_bytes
    assert [KLING_MICRO_USD] == [attempt.charged_micro_usd for attempt in job.attempts]
    assert Resolution.SETTLED is job.attempt.resolution
    assert "price_book" == job.attempt.resolved_by
    assert (KLING_MICRO_USD, 0) == await stage.money()
    assert [
        Entry("reserve", 1, KLING_MICRO_USD, 0, ""),
        Entry("settle", 1, -KLING_MICRO_USD, KLING_MICRO_USD, "price_book"),
    ] == await stage.ledger()
    assert [job.attempt_id] == stage.kling.accepted
    assert [f"{job.id}.mp4"] == stage.artifacts()
    assert (0, 0) == await stage.open_jobs()
    assert 0 == await stage.slots()
    assert [] == stage.reports


async def test_every_step_is_an_event(stage: Stage) -> None:
    await stage.made()
    observed = stage.observer
    assert 1 == len(observed.of(Admitted))
    assert 1 == len(observed.of(SlotTaken))
    assert 1 == len(observed.of(Submitting))
    assert [(moved.before.value, moved.after.value) for moved in observed.of(Moved)] == [
        ("submitting", "running"),
        ("running", "storing"),
        ("storing", "completed"),
    ]
    assert [len(VIDEO)] == [stored.size_bytes for stored in observed.of(Stored)]
    (resolved,) = observed.of(Resolved)
    assert (KLING_MICRO_USD, False) == (resolved.charged_micro_usd, resolved.is_wasted)
    (ended,) = observed.of(Ended)
    assert (JobState.COMPLETED, None) == (ended.state, ended.code)
