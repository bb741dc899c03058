"""A store that was lost: nothing is spent from it, and the ledger's files put it right again."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.app.readiness import Readiness
from proxy.domain.errors import (
    BudgetExceeded,
    InvalidRequest,
    RestoreNeeded,
    StateConflict,
    StoreUnavailable,
)
from proxy.domain.ledger_events import StoreJudged
from proxy.gateway.archive import manifest_name
from proxy.gateway.ports.ledger import NotPosted, Posted
from proxy.gateway.restore.desk import Queued, Wanted
from proxy.gateway.restore.survey import Condition
from proxy.store.ledger import RedisLedger
from tests.gateway.clocks import SteppedClock
from tests.gateway.harness import KLING_MICRO_USD, wait_until
from tests.gateway.losses import (
    CHARGE,
    RELEASE,
    Away,
    Busy,
    Early,
    Forgetful,
    MovingOn,
    Restless,
    archive_everything,
    copy_of,
    desk_of,
    lose_store,
    repairs_of,
    restore,
    three_videos,
)
from tests.job_builders import a_mandate

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage


@pytest.fixture
def stage(new_stage: StageMaker) -> Stage:
    return new_stage(snapshot=three_videos())


async def one_spent_one_open(stage: Stage) -> Job:
    """One video is paid for, another waits with its money held, and then the store is lost."""
    await stage.made()
    job = (await stage.create()).job
    await lose_store(stage)
    return job


async def test_nothing_is_spent_from_a_store_that_was_lost(
    stage: Stage, new_stage: StageMaker
) -> None:
    job = await one_spent_one_open(stage)
    started = new_stage(snapshot=three_videos())
    started.may_report = True
    runtime = started.runtime
    with pytest.raises(RestoreNeeded, match="greenlight ledger restore"):
        await started.create()
    [problem] = await Readiness(runtime.accounts, runtime.openings, runtime.clock)()
    assert "it was lost" in problem
    async with started.working():
        await started.turned()
    assert {RestoreNeeded} == {type(error) for _, error in started.reports}
    with pytest.raises(RestoreNeeded):
        await runtime.archive.close_days(0)
    await restore(started)
    assert () == await Readiness(runtime.accounts, runtime.openings, runtime.clock)()
    assert await runtime.jobs.load(job.id) is None


async def test_what_was_spent_counts_again(stage: Stage) -> None:
    await one_spent_one_open(stage)
    found = (await restore(stage)).found
    assert (Condition.EMPTY, 1) == (found.condition, len(found.lost))
    assert (2 * KLING_MICRO_USD, 0) == await stage.money()
    await stage.check_books()
    await stage.made()
    with pytest.raises(BudgetExceeded) as refused:
        await stage.create()
    assert "1.008000" == refused.value.details["spent"]


async def test_a_lost_attempt_ends_as_a_person_says(stage: Stage) -> None:
    job = await one_spent_one_open(stage)
    for wanted in (Wanted(), Wanted(queued=Queued.KEEP)):
        with pytest.raises(InvalidRequest, match="charge or release") as refused:
            await restore(stage, wanted)
        assert "open" == refused.value.param
    done = await restore(stage, RELEASE)
    assert isinstance(done.attempts[job.attempt_id], Posted)
    assert (KLING_MICRO_USD, 0) == await stage.money()
    [entry] = await stage.ledger()
    assert ("release", "restore:release") == (entry.kind, entry.by)
    whole = [entry async for entry in stage.runtime.archive.entries()][-1]
    assert ("outcome_unknown", "fin1 (abcd2345)", "invoice 11", job.team) == (
        whole.charge.outcome,
        whole.actor,
        whole.reason,
        whole.team,
    )


async def test_a_survey_changes_nothing_and_says_everything(stage: Stage) -> None:
    job = await one_spent_one_open(stage)
    found = await desk_of(stage).survey()
    assert found.is_needed
    assert [("", "org|month"), ("marketing", "team:marketing|month")] == [
        (each.owner, each.balance.rpartition("|")[0]) for each in found.changes
    ]
    assert {(KLING_MICRO_USD, KLING_MICRO_USD)} == {
        (each.expected.spent_micro_usd, each.expected.reserved_micro_usd) for each in found.changes
    }
    assert [job.attempt_id] == [entry.attempt for entry in found.lost]
    assert (3, 1) == (found.entries, len(found.days))
    assert found.gap is not None
    assert found.last_ms is not None
    assert found.last_ms < found.gap.since_ms
    assert [] == await stage.client.read(("KEYS", "*"))
    await restore(stage)


async def test_a_second_restore_finds_nothing_to_do(stage: Stage) -> None:
    await one_spent_one_open(stage)
    await restore(stage)
    before = await copy_of(stage.client)
    again = await restore(stage, RELEASE)
    assert not again.found.is_needed
    assert (Condition.WHOLE, None, {}, ()) == (
        again.found.condition,
        again.found.gap,
        again.attempts,
        again.jobs,
    )
    assert before == await copy_of(stage.client)


async def test_without_files_there_is_nothing_to_restore(stage: Stage) -> None:
    done = await restore(stage)
    assert (0, None, False) == (
        done.found.entries,
        done.found.last_ms,
        done.found.is_needed,
    )
    await stage.made()


async def test_what_was_admitted_since_the_loss_counts_along(stage: Stage) -> None:
    """A process that had not noticed yet went on for a moment."""
    await one_spent_one_open(stage)
    await stage.create()
    found = (await restore(stage)).found
    assert found.gap is not None
    assert found.gap.until_ms <= await stage.runtime.accounts.now_ms()
    assert (2 * KLING_MICRO_USD, KLING_MICRO_USD) == await stage.money()
    assert (1, 0) == await stage.open_jobs()


async def test_a_process_notices_that_its_store_was_lost(stage: Stage) -> None:
    openings = stage.runtime.openings
    told = stage.observer.of
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(openings.watch(stage.runtime.live, stage.observer))
        await stage.made()
        await archive_everything(stage)
        await openings.start_over(stage.snapshot)
        await stage.client.call(("FLUSHALL",))

        async def has_noticed() -> bool:
            return [True, False] == [event.is_whole for event in told(StoreJudged)]

        await wait_until(has_noticed, "the loss to be noticed")
        with pytest.raises(RestoreNeeded):
            await stage.create()
        await restore(stage)

        async def is_whole_again() -> bool:
            return told(StoreJudged)[-1].is_whole

        await wait_until(is_whole_again, "the store to be whole")
        watching.cancel()


async def test_what_cannot_be_told_is_refused_and_asked_once_a_second(
    new_stage: StageMaker,
) -> None:
    clock = SteppedClock()
    stage = new_stage(clock=clock)
    await stage.made()
    await archive_everything(stage)
    [day] = await stage.runtime.archive.days()
    manifest = stage.folder / manifest_name(day.day)
    content = manifest.read_bytes()
    manifest.write_bytes(b"?")
    started = new_stage(clock=clock)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="cannot be read"):
            await started.create()
        manifest.write_bytes(content)
    clock.advance(2)
    await started.create()


async def test_readiness_tells_a_store_that_is_away(stage: Stage) -> None:
    runtime = stage.runtime
    away = Readiness(Away(), runtime.openings, runtime.clock)  # type: ignore[arg-type] # one call
    assert ("the store does not answer",) == await away()


async def test_queued_jobs_of_a_whole_store_end_only_while_all_is_frozen(stage: Stage) -> None:
    """A copy as young as the last file cannot be told from the store itself."""
    job = (await stage.create()).job
    wanted = replace(RELEASE, queued=Queued.END)
    ledger = RedisLedger(stage.client, stage.keys)
    await ledger.freeze(a_mandate("team"), team=job.team)
    with pytest.raises(StateConflict, match="freeze everything"):
        await restore(stage, wanted)
    await ledger.freeze(a_mandate("all"))
    assert [job.id] == [ended.id for ended in (await restore(stage, wanted)).jobs]


async def test_a_store_that_moves_on_is_read_again(stage: Stage) -> None:
    await one_spent_one_open(stage)
    desk = desk_of(stage, MovingOn(stage))
    await desk.restore(CHARGE, a_mandate())
    assert (2 * KLING_MICRO_USD, KLING_MICRO_USD) == await stage.money()
    await stage.check_books()


async def test_what_comes_while_it_is_read_is_left_for_later(stage: Stage) -> None:
    await one_spent_one_open(stage)
    await stage.create()
    assert 4 == (await desk_of(stage, Busy(stage)).survey()).entries
    assert 5 == (await restore(stage)).found.entries


async def test_a_store_that_never_rests_is_left_alone(stage: Stage) -> None:
    await one_spent_one_open(stage)
    with pytest.raises(StoreUnavailable, match="moves on"):
        await desk_of(stage, Restless(repairs_of(stage).inner)).restore(CHARGE, a_mandate())
    await restore(stage)


async def test_an_attempt_whose_job_is_there_after_all_is_left_alone(stage: Stage) -> None:
    job = (await stage.create()).job
    desk = desk_of(stage, Forgetful(repairs_of(stage).inner))
    done = await desk.restore(CHARGE, a_mandate())
    assert {job.attempt_id: NotPosted.NOTHING} == done.attempts


async def test_balances_that_are_wrong_for_another_reason_are_set_right(stage: Stage) -> None:
    await stage.made()
    [name] = [
        field.decode()
        for field in await stage.client.read(("HKEYS", stage.keys.organisation()))
        if field.endswith(b"|s")
    ]
    await stage.client.call(("HINCRBY", stage.keys.organisation(), name, 7))
    assert [7] == [
        each.stored.spent_micro_usd - each.expected.spent_micro_usd
        for each in (await restore(stage)).found.changes
    ]
    await stage.check_books()


async def test_a_store_of_another_ledger_is_not_touched(stage: Stage) -> None:
    await one_spent_one_open(stage)
    foreign = ("kind", "reserve", "op", "", "attempt", "v-1", "reserved", "1", "spent", "0")
    ledger = stage.keys.ledger()
    await stage.client.call(
        ("XADD", ledger, "5-1", *foreign, "balances", "O|total|total", "facts", "marketing")
    )
    with pytest.raises(StateConflict, match="1 entries of the store"):
        await restore(stage)
    await stage.client.call(("DEL", ledger))
    await restore(stage)


async def test_a_store_whose_clock_is_behind_the_files_is_not_touched(stage: Stage) -> None:
    await one_spent_one_open(stage)
    runtime = stage.runtime
    stage.runtime = replace(runtime, accounts=Early())  # type: ignore[arg-type] # one call
    with pytest.raises(StateConflict, match="clock says 1970-01-01"):
        await desk_of(stage).survey()
    stage.runtime = runtime
    await restore(stage)
