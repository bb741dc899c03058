"""What a queued job is told to wait for: read from the store, in one round trip more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.bucket import RateLimit
from proxy.domain.conditions import Closure
from proxy.domain.events import ProviderCalled
from proxy.domain.ids import attempt_id
from proxy.domain.job import JobState, Work
from proxy.domain.render_times import SAMPLES_MIN
from proxy.domain.wait import Wait, WaitsFor
from proxy.gateway.admin.jobs import JobDesk
from proxy.gateway.ports.jobs import Gate, NotBegun
from proxy.gateway.views import Caller
from proxy.gateway.waits import FRESH_S, Waits
from proxy.store.ledger import RedisLedger
from proxy.store.samples import RedisSamples
from proxy.store.search import RedisJobSearch
from tests.builders import KLING, MARKETING, VERTEX, a_key, a_team, an_account
from tests.gateway.clocks import SteppedClock
from tests.gateway.crowds import created
from tests.gateway.harness import a_video, fast_provider, fast_snapshot
from tests.gateway.outages import Loss
from tests.job_builders import a_job_id, a_mandate

if TYPE_CHECKING:
    from proxy.domain.ids import ProviderName, TeamId
    from proxy.domain.job import Job
    from proxy.domain.policy import Snapshot
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

GATE = Gate(doors=(), digest="")
RENDER_S = 120
"""What a render takes by the catalog of `tests.builders`."""


def of_slots(slots: int, *, running: int = 100, submit: RateLimit | None = None) -> Snapshot:
    kling = fast_provider(KLING, accounts=[an_account(slots=slots, submit=submit)])
    return fast_snapshot(providers=[kling], teams=[a_team(running=running)])


async def take(stage: Stage, count: int) -> None:
    """Hold so many of Kling's slots."""
    for number in range(count):
        taken = await stage.runtime.slots.take(
            KLING,
            "main",
            attempt_id(a_job_id(number), 1),
            slots=99,
            submit=None,
            lease_s=60,
            gate=GATE,
        )
        assert taken.is_taken


async def told(stage: Stage, job: Job) -> Wait | None:
    """What is told about a job by who knows nothing from before."""
    stage.runtime = replace(stage.runtime, waits=Waits())
    return (await stage.videos.get(stage.caller(), job.id)).wait


async def in_line(stage: Stage, job: Job, at_ms: int) -> None:
    """Put a job at a place of its own in its line."""
    line = stage.keys.waiting(job.team, job.candidate.provider)
    await stage.client.call(("ZADD", line, at_ms, job.id))


async def test_a_create_and_a_retrieve_tell_the_place_and_a_guess(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=of_slots(4))
    await take(stage, 4)
    views = [await stage.create(replace(a_video(), prompt=f"fox {n}")) for n in range(3)]
    for place, view in enumerate(views):
        assert view.wait is not None
        assert WaitsFor.SLOT is view.wait.waits_for
        await in_line(stage, view.job, place)
    assert [
        Wait(position=place, waits_for=WaitsFor.SLOT, starts_in_s=place * RENDER_S // 4)
        for place in (1, 2, 3)
    ] == [await told(stage, view.job) for view in views]
    assert [] == stage.observer.of(ProviderCalled)


async def test_with_room_a_create_is_about_to_start(stage: Stage) -> None:
    view = await stage.create()
    assert Wait(position=1, waits_for=WaitsFor.TURN, starts_in_s=0) == view.wait


async def test_lists_of_a_team_and_of_administrators_tell_it_too(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=of_slots(0))
    first, second = await created(stage, 2)
    await stage.videos.cancel(stage.caller(), first.id)
    page = await stage.videos.page(
        stage.caller(), after=None, limit=9, is_ascending=True, status=None
    )
    assert {second.id: Wait(position=1, waits_for=WaitsFor.SLOT)} == page.waits
    desk = JobDesk(stage.runtime, RedisJobSearch(stage.client, stage.keys))
    assert page.waits == await desk.waits(page.jobs)


async def test_what_was_learned_counts_more_than_the_catalog(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=of_slots(2))
    await take(stage, 2)
    (job,) = await created(stage, 1)
    samples = RedisSamples(stage.client, stage.keys.renders())
    await samples.exchange({job.candidate.offer_id: [20_000] * SAMPLES_MIN})
    await stage.render_times.exchange(samples)
    assert Wait(position=1, waits_for=WaitsFor.SLOT, starts_in_s=10) == await told(stage, job)


async def test_a_provider_of_which_nothing_is_known_tells_no_time(stage: Stage) -> None:
    view = await stage.create()
    stage.reload(replace(of_slots(1), offers=()))
    await take(stage, 1)
    assert Wait(position=1, waits_for=WaitsFor.SLOT) == await told(stage, view.job)


async def test_a_team_that_runs_all_it_may_waits_for_itself(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=of_slots(9, running=1))
    await stage.client.call(("SADD", stage.keys.running(MARKETING), a_job_id(9)))
    (job,) = await created(stage, 1)
    assert Wait(position=1, waits_for=WaitsFor.RUNNING, starts_in_s=RENDER_S) == await told(
        stage, job
    )


@pytest.mark.parametrize("is_bounded", [True, False])
async def test_an_account_s_rate_bounds_all_or_nothing(
    new_stage: StageMaker, *, is_bounded: bool
) -> None:
    slow = RateLimit(capacity=1, interval_us=50_000_000)
    accounts = [an_account(submit=slow), an_account("free", submit=None)]
    kling = fast_provider(KLING, accounts=accounts[: 1 if is_bounded else 2])
    stage = new_stage(snapshot=fast_snapshot(providers=[kling]))
    await stage.runtime.slots.take(
        KLING, "main", attempt_id(a_job_id(9), 1), slots=9, submit=slow, lease_s=60, gate=GATE
    )
    (job,) = await created(stage, 1)
    wait = await told(stage, job)
    assert wait is not None
    expected = (WaitsFor.RATE, 50) if is_bounded else (WaitsFor.TURN, 0)
    assert expected == (wait.waits_for, wait.starts_in_s)


async def test_a_job_that_is_put_off_waits_for_its_time(stage: Stage) -> None:
    (job,) = await created(stage, 1)
    begun = await stage.runtime.work.begin(job, account="main", running_max=9, lease_s=5.0)
    assert not isinstance(begun, NotBegun)
    work = Work(throttled_since_ms=1)
    again = replace(begun, state=JobState.QUEUED, work=work)
    await stage.runtime.work.commit(begun, again, due_in_s=44.0)
    assert Wait(position=1, waits_for=WaitsFor.PAUSE, starts_in_s=45) == await told(stage, job)


@pytest.mark.parametrize(
    ("team", "provider", "frozen"),
    [(MARKETING, None, "team"), (None, None, "all"), (None, KLING, "provider")],
)
async def test_a_held_job_says_what_is_frozen(
    stage: Stage, team: TeamId | None, provider: ProviderName | None, frozen: str
) -> None:
    (job,) = await created(stage, 1)
    ledger = RedisLedger(stage.client, stage.keys)
    await ledger.freeze(a_mandate("1"), team=team, provider=provider)
    await ledger.freeze(a_mandate("2"), provider=VERTEX)
    assert Wait(position=1, waits_for=WaitsFor.THAW, frozen=frozen) == await told(stage, job)


async def test_a_job_whose_offer_is_closed_says_why(stage: Stage) -> None:
    (job,) = await created(stage, 1)
    offer = stage.snapshot.offer(job.candidate.offer_id)
    assert offer is not None
    stage.closures.close(offer, Closure.DRAINED)
    assert Wait(position=1, waits_for=WaitsFor.OPENING, closed="drained") == await told(stage, job)


async def test_other_teams_are_ahead_by_their_weight(new_stage: StageMaker) -> None:
    others = type(MARKETING)("others")
    key = a_key(printed="gl_zzzzzzzz_" + "s" * 43, team=others)
    teams = [a_team(), replace(a_team(id=others), weight=3)]
    kling = fast_provider(KLING, accounts=[an_account(slots=1)])
    stage = new_stage(snapshot=fast_snapshot(providers=[kling], teams=teams, keys=[a_key(), key]))
    await take(stage, 1)
    caller = Caller(key=key, team=stage.snapshot.teams[others])
    for number in range(5):
        await stage.videos.create(
            caller, a_video(), fingerprint=f"{number:064}", idempotency_key=None, sdk_try=0
        )
    jobs = await created(stage, 2)
    for place, job in enumerate(jobs):
        await in_line(stage, job, place)
    # Three of theirs have their turn before the second of ours.
    guesses = [await told(stage, job) for job in jobs]
    assert [RENDER_S, 5 * RENDER_S] == [guess.starts_in_s for guess in guesses if guess]


async def test_how_all_lines_stand_is_read_once_a_second(new_stage: StageMaker) -> None:
    clock = SteppedClock()
    stage = new_stage(clock=clock)
    jobs = await created(stage, 2)
    script = stage.lossy()
    clock.advance(2 * FRESH_S)
    caller = stage.caller()
    for job in jobs:
        await stage.videos.get(caller, job.id)
    # All are asked before any has answered: one round trip.
    assert ["look", "look", "look", "overview", "stands"] == sorted(script.calls[:5])
    assert ["stands"] == script.calls[5:]
    clock.advance(2 * FRESH_S)
    await stage.videos.get(caller, jobs[0].id)
    assert 2 == script.calls.count("overview")
    stage.reload(fast_snapshot())
    await stage.videos.get(caller, jobs[0].id)
    assert 3 == script.calls.count("overview")


async def test_a_job_that_runs_or_has_left_its_line_tells_nothing(stage: Stage) -> None:
    running, cancelled = await created(stage, 2)
    script = stage.lossy()
    await stage.runtime.work.begin(running, account="main", running_max=9, lease_s=5.0)
    await stage.videos.cancel(stage.caller(), cancelled.id)
    for job in (running, cancelled):
        assert await told(stage, job) is None
    assert 0 == script.calls.count("stands")
    assert {} == await stage.runtime.waits.of(stage.runtime, (running,))


async def test_a_store_that_goes_away_in_between_hides_no_job(stage: Stage) -> None:
    (job,) = await created(stage, 1)
    stage.lossy().lose("stands", Loss.QUESTION, Loss.QUESTION)
    assert await told(stage, job) is None
    view = await stage.create()
    assert view.wait is None
    assert await told(stage, view.job) is not None
