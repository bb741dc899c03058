"""Lines: who waits for which provider, in which order, and whose turn it is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.job import JobState
from proxy.domain.turn import TURN
from proxy.gateway.ports.jobs import NotBegun
from proxy.gateway.ports.lines import JobStand, Line
from tests.builders import KLING, MARKETING, VERTEX
from tests.job_builders import a_job, a_job_id, a_mandate
from tests.store.stores import KEY, a_command

if TYPE_CHECKING:
    from proxy.domain.ids import ProviderName, TeamId
    from proxy.domain.job import Job
    from proxy.gateway.ports.lines import LineState
    from tests.store.stores import Store

LINE = Line(team=MARKETING, provider=KLING)
OTHERS = Line(team=type(MARKETING)("others"), provider=KLING)


async def admitted(store: Store, number: int, team: TeamId = MARKETING) -> Job:
    job = a_job(id=a_job_id(number), team=team, key=KEY, attempts=())
    return await store.admitted(a_command(job=job, balances=()))


async def read(store: Store, line: Line = LINE, *, limit: int = 10) -> LineState:
    [state] = await store.lines.read({line: limit})
    return state


async def deadlines(store: Store) -> int:
    return int(await store.client.read(("ZCARD", store.keys.deadlines())))


async def test_a_line_has_who_may_be_dispatched_the_longest_waiting_first(store: Store) -> None:
    jobs = [await admitted(store, number) for number in (2, 1, 0)]
    for place, job in enumerate(jobs):
        line = store.keys.waiting(MARKETING, KLING)
        await store.client.call(("ZADD", line, place + 5, job.id))
    state = await read(store)
    assert [(job.id, place + 5) for place, job in enumerate(jobs)] == [
        (place.job, place.since_ms) for place in state.places
    ]
    begun = await store.begun(jobs[0])
    await store.work.commit(begun, replace(begun, state=JobState.QUEUED), due_in_s=60)
    assert [job.id for job in jobs[1:]] == [place.job for place in (await read(store)).places]
    assert {LINE: 3} == await store.lines.counts()


async def test_a_long_line_says_that_there_are_more(store: Store) -> None:
    for number in range(3):
        await admitted(store, number)
    seen = [await read(store, limit=limit) for limit in (2, 4)]
    assert [(2, True), (3, False)] == [(len(each.places), each.has_more) for each in seen]


async def test_who_leaves_his_line_is_counted_no_more(store: Store) -> None:
    begun, cancelled, waiting = [await admitted(store, number) for number in range(3)]
    await admitted(store, 3, OTHERS.team)
    assert {LINE: 3, OTHERS: 1} == await store.lines.counts()
    begun = await store.begun(begun)
    await store.jobs.cancel(cancelled, is_forgotten=False)
    assert ({LINE: 1, OTHERS: 1}, 2) == (await store.lines.counts(), await deadlines(store))
    await store.begun(waiting)
    assert ({OTHERS: 1}, 1) == (await store.lines.counts(), await deadlines(store))
    await store.work.commit(begun, replace(begun, state=JobState.QUEUED), due_in_s=60)
    assert ({LINE: 1, OTHERS: 1}, 2) == (await store.lines.counts(), await deadlines(store))


async def test_a_line_tells_what_its_team_runs_and_whether_it_is_held(store: Store) -> None:
    running, _ = [await admitted(store, number) for number in range(2)]
    await store.running(running)
    state = await read(store)
    assert (1, False) == (state.running, state.is_held)


@pytest.mark.parametrize(
    ("team", "provider", "is_held"),
    [
        (MARKETING, None, True),
        (OTHERS.team, None, False),
        (None, KLING, True),
        (None, VERTEX, False),
        (None, None, True),
    ],
)
async def test_a_freeze_holds_the_lines_it_is_about(
    store: Store, team: TeamId | None, provider: ProviderName | None, is_held: bool
) -> None:
    await admitted(store, 0)
    await store.ledger.freeze(a_mandate(), team=team, provider=provider)
    assert is_held is (await read(store)).is_held


async def test_a_turn_moves_its_line_on(store: Store) -> None:
    jobs = [await admitted(store, number) for number in range(3)]
    assert 0 == (await read(store)).time
    for job, cost in zip(jobs, (5, 7), strict=False):
        await store.work.begin(job, account="main", running_max=9, lease_s=30, cost=cost)
    assert 12 == (await read(store)).time


async def test_a_line_is_never_behind_its_provider(store: Store) -> None:
    """Who comes back after a rest has saved nothing up."""
    for number in range(3):
        await store.begun(await admitted(store, number))
    await admitted(store, 3, OTHERS.team)
    await admitted(store, 4)
    times = [each.time for each in await store.lines.read({OTHERS: 1, LINE: 1})]
    assert [2 * TURN, 3 * TURN] == times


async def test_providers_have_times_of_their_own(store: Store) -> None:
    await store.begun(await admitted(store, 0))
    moved = replace(a_job(id=a_job_id(1), attempts=()))
    plan = replace(moved.plan, candidates=moved.plan.candidates[::-1])
    await store.admitted(a_command(job=replace(moved, plan=plan)))
    assert 0 == (await read(store, Line(team=MARKETING, provider=VERTEX))).time


async def test_a_job_that_is_not_begun_takes_no_turn(store: Store) -> None:
    jobs = [await admitted(store, number) for number in range(2)]
    await store.begun(jobs[0])
    full = await store.work.begin(jobs[1], account="main", running_max=1, lease_s=30)
    assert NotBegun.TEAM_FULL is full
    assert TURN == (await read(store)).time


async def test_a_job_is_late_from_its_deadline_on(store: Store) -> None:
    early, late = [await admitted(store, number) for number in range(2)]
    line = store.keys.deadlines()
    await store.client.call(("ZADD", line, early.deadline_at_ms - 1, early.id))
    now_ms = early.deadline_at_ms
    assert [] == await store.lines.late(now_ms - 2, limit=9)
    assert [early.id] == await store.lines.late(now_ms - 1, limit=9)
    assert [early.id, late.id] == await store.lines.late(now_ms, limit=9)
    assert [early.id] == await store.lines.late(now_ms, limit=1)


async def test_a_job_that_was_cancelled_under_way_is_late_when_it_comes_back(
    store: Store,
) -> None:
    begun = await store.begun(await admitted(store, 0))
    await store.jobs.cancel(begun, is_forgotten=False)
    await store.work.commit(begun, replace(begun, state=JobState.QUEUED), due_in_s=60)
    assert [begun.id] == await store.lines.late(await store.accounts.now_ms(), limit=9)


async def test_only_who_waits_there_is_loaded(store: Store) -> None:
    job, other = [await admitted(store, number) for number in range(2)]
    assert job == await store.lines.load(job.id, LINE)
    assert job == await store.lines.load(job.id)
    assert await store.lines.load(job.id, Line(team=MARKETING, provider=VERTEX)) is None
    await store.begun(other)
    assert await store.lines.load(other.id, LINE) is None


@pytest.mark.breaks("a record")
async def test_one_that_is_gone_holds_up_nobody(store: Store) -> None:
    gone, job = [await admitted(store, number) for number in range(2)]
    await store.client.call(("DEL", store.keys.job(gone.id)))
    assert await store.lines.load(gone.id, LINE) is None
    assert [job.id] == [place.job for place in (await read(store)).places]
    await store.client.call(("FLUSHALL",))


async def test_all_lines_are_seen_at_a_glance(store: Store) -> None:
    begun, *_ = [await admitted(store, number) for number in range(2)]
    await store.begun(begun)
    await admitted(store, 2, OTHERS.team)
    await store.ledger.freeze(a_mandate(), provider=VERTEX)
    seen = await store.lines.overview()
    assert {LINE: 1, OTHERS: 1} == seen.counts
    assert ({LINE: TURN}, {KLING: 0}) == (seen.line_times, seen.provider_times)
    assert not seen.frozen
    assert {VERTEX} == seen.frozen_providers
    await store.begun(await admitted(store, 3))
    seen = await store.lines.overview()
    assert [2 * TURN, TURN] == [seen.time(line) for line in (LINE, OTHERS)]


async def test_a_job_knows_its_place(store: Store) -> None:
    jobs = [await admitted(store, number) for number in range(3)]
    for place, job in enumerate(jobs):
        line = store.keys.waiting(MARKETING, KLING)
        await store.client.call(("ZADD", line, place + 5, job.id))
    await store.running(jobs[0])
    await store.ledger.freeze(a_mandate(), team=MARKETING)
    stands = await store.lines.stands(jobs)
    assert [
        None,
        JobStand(position=1, since_ms=6, running=1, is_frozen=True),
        JobStand(position=2, since_ms=7, running=1, is_frozen=True),
    ] == stands
