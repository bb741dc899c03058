"""Files go when their time is over, closed days go into files, and nothing else goes."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.domain.events import UpkeepEnded
from proxy.domain.ledger_file import day_of
from proxy.domain.policy import Retention
from proxy.gateway.archive import entries_name
from proxy.gateway.names import shared_input_name, video_name
from proxy.gateway.upkeep import SETTLING_S, Upkeep
from tests.builders import a_team
from tests.gateway.clocks import ShiftedClock
from tests.gateway.harness import fast_engine, fast_snapshot, wait_until
from tests.job_builders import a_job_id

if TYPE_CHECKING:
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

DAY_S = 86_400.0
PARTS = ("archive", "artifacts", "inputs", "leftovers", "records")
KEPT = Retention(artifacts_s=int(30 * DAY_S), jobs_s=int(90 * DAY_S))


def place(stage: Stage, name: str, age_s: float) -> None:
    """Put a file there, as old as that by the stage's clock."""
    path = stage.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"bytes")
    at_s = stage.runtime.clock.now_s() - age_s
    os.utime(path, (at_s, at_s))


def is_there(stage: Stage, name: str) -> bool:
    return (stage.folder / name).exists()


async def test_a_video_goes_when_its_time_is_over(new_stage: StageMaker) -> None:
    clock = ShiftedClock()
    team = replace(a_team(), retention=KEPT)
    stage = new_stage(snapshot=fast_snapshot(teams=[team]), clock=clock)
    async with stage.working():
        job = await stage.finished((await stage.create()).job)
    upkeep = Upkeep(stage.runtime)
    left = []
    for days in (0, 29, 31):
        clock.ahead_s = days * DAY_S
        left.append((await upkeep.sweep_videos(), is_there(stage, video_name(job))))
    assert [(0, True), (0, True), (1, False)] == left


async def test_a_video_that_no_job_speaks_of_goes_after_the_shorter_time(
    new_stage: StageMaker,
) -> None:
    brief = Retention(artifacts_s=int(30 * DAY_S), jobs_s=int(2 * DAY_S))
    stage = new_stage(snapshot=fast_snapshot(teams=[replace(a_team(), retention=brief)]))
    old, young, foreign = (
        f"videos/{team}/{a_job_id(number)}.mp4"
        for number, team in enumerate(("marketing", "marketing", "dissolved"))
    )
    place(stage, old, 3 * DAY_S)
    place(stage, young, 1 * DAY_S)
    place(stage, foreign, 29 * DAY_S)
    place(stage, "videos/marketing/notes.txt", 3 * DAY_S)
    assert 2 == await Upkeep(stage.runtime).sweep_videos()
    assert [False, True, True] == [is_there(stage, name) for name in (old, young, foreign)]


async def test_a_video_on_its_way_is_left_alone(new_stage: StageMaker) -> None:
    hasty = Retention(artifacts_s=1, jobs_s=1)
    stage = new_stage(snapshot=fast_snapshot(teams=[replace(a_team(), retention=hasty)]))
    job = (await stage.create()).job
    place(stage, video_name(job), SETTLING_S + 60)
    fresh = f"videos/marketing/{a_job_id(9)}.mp4"
    place(stage, fresh, SETTLING_S - 60)
    assert 0 == await Upkeep(stage.runtime).sweep_videos()
    assert is_there(stage, video_name(job))
    assert is_there(stage, fresh)


async def test_inputs_of_an_earlier_version_go_when_nobody_used_them_for_long(
    stage: Stage,
) -> None:
    place(stage, shared_input_name("a" * 64), 91 * DAY_S)
    place(stage, shared_input_name("b" * 64), 89 * DAY_S)
    assert 1 == await Upkeep(stage.runtime).sweep_inputs()
    assert is_there(stage, shared_input_name("b" * 64))


async def test_it_is_done_now_and_then_and_told(new_stage: StageMaker) -> None:
    engine = replace(fast_engine(), archive_after_s=-DAY_S)
    stage = new_stage(snapshot=fast_snapshot(engine=engine))
    await stage.create()
    place(stage, shared_input_name("a" * 64), 91 * DAY_S)

    async def is_told() -> bool:
        ended = stage.observer.of(UpkeepEnded)
        return len(ended) > len(PARTS)

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(Upkeep(stage.runtime).watch())
        await wait_until(is_told, "the upkeep")
        watching.cancel()
    first = {
        event.part: (event.outcome, event.items)
        for event in stage.observer.of(UpkeepEnded)[1 : 1 + len(PARTS)]
    }
    expected = dict(zip(PARTS, (1, 0, 1, 0, 0), strict=True))
    assert {part: ("ok", items) for part, items in expected.items()} == first
    assert [] == await stage.ledger()


async def test_what_fails_is_told_and_the_rest_is_done(new_stage: StageMaker) -> None:
    engine = replace(fast_engine(), archive_after_s=-DAY_S)
    stage = new_stage(snapshot=fast_snapshot(engine=engine))
    await stage.create()
    before = await stage.ledger()
    today = day_of(await stage.runtime.accounts.now_ms())
    place(stage, entries_name(today), 0)
    place(stage, shared_input_name("a" * 64), 91 * DAY_S)
    await Upkeep(stage.runtime).once()
    outcomes = {event.part: event.outcome for event in stage.observer.of(UpkeepEnded)}
    assert dict.fromkeys(PARTS, "ok") | {"archive": "DamagedArchive"} == outcomes
    assert not is_there(stage, shared_input_name("a" * 64))
    assert before == await stage.ledger()
    assert 1 == len(before)


async def test_what_killed_processes_left_half_written_goes_and_nothing_else(
    stage: Stage,
) -> None:
    left = [
        f"videos/marketing/{a_job_id(1)}.mp4#1",
        f"videos/marketing/{a_job_id(1)}.mp4#12",
        "inputs/arriving-00ff",
        "inputs/arriving-00ff#1",
    ]
    kept = [
        f"videos/marketing/{a_job_id(1)}.mp4",
        "videos/marketing/no#number.mp4",
        shared_input_name("a" * 64),
    ]
    alive = [f"videos/marketing/{a_job_id(2)}.mp4#1", "inputs/arriving-11ff"]
    for name in (*left, *kept):
        place(stage, name, SETTLING_S + 60)
    for name in alive:  # another process writes them just now
        place(stage, name, SETTLING_S - 60)
    assert len(left) == await Upkeep(stage.runtime).clear_leftovers()
    assert [] == [name for name in left if is_there(stage, name)]
    assert [*kept, *alive] == [name for name in (*kept, *alive) if is_there(stage, name)]


async def test_leftovers_go_at_the_start_already(stage: Stage) -> None:
    place(stage, "inputs/arriving-00ff", SETTLING_S + 60)

    async def is_gone() -> bool:
        return not is_there(stage, "inputs/arriving-00ff")

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(Upkeep(stage.runtime).watch())
        await wait_until(is_gone, "the leftover to go")
        watching.cancel()
