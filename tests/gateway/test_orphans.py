"""What a vendor has and no attempt explains is found, charged once to nobody, and told."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.errors import NotFound
from proxy.domain.failure import FailureKind
from proxy.domain.job import JobState
from proxy.domain.ledger import EntryKind
from proxy.domain.ledger_events import LookEnded, OrphanCharged
from proxy.domain.orphan import Fate
from proxy.domain.orphan_rule import OrphanRule, OrphanTimes
from proxy.domain.video import Shape
from proxy.gateway.ports.ledger import NotPosted, Posted
from tests.builders import KLING, VERTEX
from tests.fakes import PENDING, ScriptedProvider, failing
from tests.gateway.clocks import TickingClock
from tests.gateway.harness import VEO_MICRO_USD
from tests.gateway.listings import (
    LOST,
    PRICE_MICRO_USD,
    TIMES,
    ListingProvider,
    ListingStranger,
    a_listed,
    desk_of,
    looking,
    watch_of,
)
from tests.gateway.losses import lose_store, restore
from tests.job_builders import a_mandate

if TYPE_CHECKING:
    from proxy.domain.ledger import Entry
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

DAY_MS = 86_400_000


@pytest.fixture
def kling() -> ListingProvider:
    return ListingProvider()


@pytest.fixture
def stage(new_stage: StageMaker, kling: ListingProvider) -> Stage:
    return new_stage(snapshot=looking(), kling=kling)


async def charged(stage: Stage) -> list[Entry]:
    """Every entry about what nobody explains."""
    entries = [entry async for entry in stage.runtime.archive.entries()]
    return [entry for entry in entries if entry.kind is EntryKind.UNATTRIBUTED]


async def test_a_task_of_a_lost_attempt_is_charged_to_nobody_once(
    stage: Stage, kling: ListingProvider
) -> None:
    kling.lists = [await a_listed(stage)]
    await watch_of(stage).once()
    [entry] = await charged(stage)
    assert (PRICE_MICRO_USD, "", "t-1", "orphan:reported") == (
        entry.spent_micro_usd,
        entry.team,
        entry.charge.task,
        entry.charge.by,
    )
    assert ["org|month", "unattributed|month"] == [
        name.rpartition("|")[0] for name in entry.balances
    ]
    assert ("greenlight", f"in the vendor's own list: t-1, as {LOST}") == (
        entry.actor,
        entry.reason,
    )
    assert [PRICE_MICRO_USD] == [
        event.charged_micro_usd for event in stage.observer.of(OrphanCharged)
    ]
    [ended] = stage.observer.of(LookEnded)
    assert ("ok", 1, 1, 0) == (ended.outcome, ended.listed, ended.orphans, ended.unpriced)
    [again] = await desk_of(stage).survey()
    assert ((), 1) == (again.orphans, again.listed)


async def test_two_who_find_the_same_charge_it_once(stage: Stage, kling: ListingProvider) -> None:
    kling.lists = [await a_listed(stage)]
    desk = desk_of(stage)
    [first], [second] = await desk.survey(), await desk.survey()
    assert isinstance((await desk.charge(first, a_mandate()))["t-1"], Posted)
    same = (await desk.charge(second, a_mandate("another")))["t-1"]
    assert isinstance(same, Posted)
    await stage.client.call(("DEL", stage.keys.change("orphan:kling/main/t-1")))
    late = (await desk.charge(second, a_mandate("much later")))["t-1"]
    assert NotPosted.STALE is late
    assert 1 == len(await charged(stage))


async def test_what_attempts_explain_is_no_orphan(stage: Stage, kling: ListingProvider) -> None:
    made = await stage.made()
    kling.statuses.extend([PENDING] * 1000)
    running = (await stage.create()).job
    async with stage.working(dies=True):
        await stage.reached(running, JobState.RUNNING)
    now = await a_listed(stage)
    kling.lists = [
        replace(now, task="a", external_id=running.attempt_id),
        replace(now, task="b", external_id=made.attempt_id),
    ]
    [found] = await desk_of(stage).survey()
    assert ((), (), 0) == (found.orphans, found.pending, found.strangers)


async def test_an_attempt_that_was_reserved_long_before_is_found(
    new_stage: StageMaker, kling: ListingProvider
) -> None:
    times = replace(TIMES, grace_s=-3 * 86_400.0)
    stage = new_stage(snapshot=looking(times=times), kling=kling)
    made = await stage.made()
    later = replace(await a_listed(stage, ago_s=-2 * 86_400.0), external_id=made.attempt_id)
    kling.lists = [later, replace(later, task="t-2", external_id=LOST)]
    [found] = await desk_of(stage).survey()
    assert ["t-2"] == [orphan.listed.task for orphan in found.orphans]


async def test_what_is_young_or_still_at_work_is_left_for_later(
    new_stage: StageMaker, kling: ListingProvider
) -> None:
    stage = new_stage(snapshot=looking(times=replace(TIMES, grace_s=60.0)), kling=kling)
    old, young = await a_listed(stage, ago_s=600.0), await a_listed(stage, "t-2", ago_s=1.0)
    kling.lists = [replace(old, fate=Fate.PENDING, charge_micro_usd=None), young]
    [found] = await desk_of(stage).survey()
    assert (1, (), ["t-1"]) == (
        found.listed,
        found.orphans,
        [each.task for each in found.pending],
    )
    assert old.created_at_ms == found.done_ms
    assert {} == await desk_of(stage).charge(found, a_mandate())


@pytest.mark.parametrize("rule", OrphanRule)
async def test_a_list_of_strangers_is_looked_at_only_where_the_account_is_ours_alone(
    new_stage: StageMaker, rule: OrphanRule
) -> None:
    vertex = ListingStranger()
    stage = new_stage(snapshot=looking(vertex=rule), vertex=vertex)
    shape = Shape(seconds=4, resolution="720p", aspect_ratio="16:9", audio=True)
    bare = replace(await a_listed(stage), external_id=None, charge_micro_usd=None, shape=shape)
    offer = next(each for each in stage.snapshot.offers if each.provider == VERTEX)
    vertex.lists = [replace(bare, upstream=offer.upstream)]
    await watch_of(stage).once()
    spent = [entry.spent_micro_usd for entry in await charged(stage)]
    assert spent == ([VEO_MICRO_USD] if rule is OrphanRule.ALL else [])


async def test_others_who_use_the_account_are_left_alone(
    stage: Stage, kling: ListingProvider
) -> None:
    kling.lists = [replace(await a_listed(stage), external_id="their own")]
    [found] = await desk_of(stage).survey("kling")
    assert ((), 1) == (found.orphans, found.strangers)


async def test_what_has_no_price_is_told_and_looked_at_again(
    stage: Stage, kling: ListingProvider
) -> None:
    unpriced = replace(await a_listed(stage), charge_micro_usd=None)
    free = replace(unpriced, task="t-2", fate=Fate.FAILED)
    kling.lists = [unpriced, free]
    [found] = await desk_of(stage).survey()
    assert (["t-1"], "unpriced", unpriced.created_at_ms) == (
        [each.listed.task for each in found.unpriced],
        found.outcome,
        found.done_ms,
    )
    await watch_of(stage).once()
    assert [] == await charged(stage)
    [ended] = stage.observer.of(LookEnded)
    assert ("unpriced", 1, 1) == (ended.outcome, ended.orphans, ended.unpriced)


async def test_a_list_that_cannot_be_read_is_looked_at_again(
    new_stage: StageMaker, kling: ListingProvider
) -> None:
    """Half a list says nothing; the next turn begins where this one did."""
    stage = new_stage(snapshot=looking(times=replace(TIMES, every_s=0.0)), kling=kling)
    kling.lists = [await a_listed(stage)]
    kling.refusal = failing(FailureKind.THROTTLED)
    await watch_of(stage).once()
    assert ([], "throttled") == (await charged(stage), stage.observer.of(LookEnded)[0].outcome)
    kling.refusal = None
    for _ in range(2):
        await watch_of(stage).once()
    assert 1 == len(await charged(stage))
    first, again, later = kling.asked_since_s
    assert again - first < 60.0
    assert later > again + 3600.0


async def test_accounts_are_looked_at_in_turns_by_one_process_of_all(
    new_stage: StageMaker, kling: ListingProvider
) -> None:
    stages = [new_stage(snapshot=looking(), kling=kling) for _ in range(3)]
    await asyncio.gather(*(watch_of(stage).once() for stage in stages))
    assert 1 == len(kling.asked_since_s)


async def test_it_is_done_now_and_then(new_stage: StageMaker, kling: ListingProvider) -> None:
    clock = TickingClock()
    times = OrphanTimes(every_s=0.0, grace_s=0.0, back_s=60.0)
    stage = new_stage(snapshot=looking(times=times), kling=kling, clock=clock)
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch_of(stage).watch())
        await clock.ticked(3)
        watching.cancel()
    assert kling.asked_since_s


async def test_nothing_is_charged_from_a_store_that_was_lost(
    stage: Stage, kling: ListingProvider
) -> None:
    await stage.create()
    kling.lists = [await a_listed(stage)]
    await lose_store(stage)
    await watch_of(stage).once()
    [ended] = stage.observer.of(LookEnded)
    assert "RestoreNeeded" == ended.outcome
    assert 0 == ended.listed
    await restore(stage)
    [found] = await desk_of(stage).survey()
    assert 1 == len(found.orphans)


async def test_who_cannot_list_is_named_when_asked_for(
    new_stage: StageMaker, kling: ListingProvider
) -> None:
    stage = new_stage(snapshot=looking(), kling=kling)
    with pytest.raises(NotFound, match="looked at: kling"):
        await desk_of(stage).survey("vertex")
    other = new_stage(snapshot=looking(), kling=ScriptedProvider())
    with pytest.raises(NotFound, match="looked at: none"):
        await desk_of(other).survey("kling")
    assert () == await desk_of(other).survey()
    del other.adapters[KLING, "main"]
    assert [] == list(desk_of(other).listers())


async def test_a_lost_submit_that_was_assumed_charged_is_not_charged_again(
    new_stage: StageMaker,
) -> None:
    vertex = ListingStranger()
    vertex.submits = deque([failing(FailureKind.UNKNOWN_OUTCOME)])
    stage = new_stage(snapshot=looking(vertex=OrphanRule.ALL), vertex=vertex)
    stage.kling.submits.append(failing(FailureKind.AUTH))
    job = await stage.made()
    assert "unknown:assume_charged" == job.attempt.resolved_by
    offer = next(each for each in stage.snapshot.offers if each.provider == VERTEX)
    bare = replace(await a_listed(stage, ago_s=0.0), external_id=None, upstream=offer.upstream)
    vertex.lists = [bare, replace(bare, task="t-2")]
    await watch_of(stage).once()
    assert ["t-2"] == [entry.charge.task for entry in await charged(stage)]
