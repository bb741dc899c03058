"""Every create that is planned leaves a decision; it is written down beside the requests."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from proxy.domain.conditions import Conditions
from proxy.domain.decision import ACCEPTED, Decision, is_reproduced
from proxy.domain.errors import (
    BudgetExceeded,
    IdempotencyConflict,
    NoRoute,
    NotFound,
    StoreUnavailable,
)
from proxy.domain.events import DecisionsLost
from proxy.domain.ids import JobId, ModelName, PolicyName
from proxy.gateway.decisions import (
    WAITING_MAX,
    Case,
    DecisionDesk,
    Decisions,
    Premises,
)
from proxy.gateway.ports.decisions import DecisionQuery
from proxy.gateway.views import Caller
from proxy.store.decisions import RedisDecisionLog
from tests.builders import NOW_S, a_budget, a_key, a_team
from tests.fakes import RecordingObserver
from tests.gateway.harness import a_video, fast_snapshot
from tests.gateway.test_render_times import CountingClock
from tests.job_builders import a_plan, a_request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage


def log_of(stage: Stage) -> RedisDecisionLog:
    return RedisDecisionLog(stage.client, stage.keys)


async def written(stage: Stage) -> list[Decision]:
    await stage.runtime.decisions.write(log_of(stage), stage.runtime.live)
    return [decision async for decision in log_of(stage).read()]


def a_decision(number: int, outcome: str = "no_route") -> Decision:
    team = a_team()
    case = Case(
        id=JobId(f"video_{number}"),
        caller=Caller(key=a_key(), team=team),
        request=a_request(),
        snapshot=fast_snapshot(),
        premises=Premises(at_s=NOW_S, conditions=Conditions()),
    )
    return case.refused(a_plan(), outcome)


async def test_an_accepted_create_is_on_record_and_can_be_made_again(stage: Stage) -> None:
    job = (await stage.create()).job
    await stage.create(idempotency_key="k")
    await stage.create(idempotency_key="k")
    found = await written(stage)
    assert [(ACCEPTED, 0), (ACCEPTED, 0)] == [(each.outcome, each.chosen) for each in found]
    assert (job.id, job.team, job.key, job.plan, job.snapshot_digest) == (
        found[0].id,
        found[0].team,
        found[0].key,
        found[0].plan,
        found[0].snapshot_digest,
    )
    assert all(is_reproduced(each, stage.snapshot) for each in found)
    assert [] == [each for each in await written(stage) if each not in found]


async def test_refusals_are_on_record_with_what_was_considered(new_stage: StageMaker) -> None:
    team = a_team(budgets=[a_budget(limit_micro_usd=1)])
    stage = new_stage(snapshot=fast_snapshot(teams=[team]))
    with pytest.raises(BudgetExceeded):
        await stage.create()
    with pytest.raises(NoRoute):
        await stage.create(replace(a_video(), max_cost_micro_usd=1))
    over, routeless = await written(stage)
    assert ("budget_exceeded", None) == (over.outcome, over.chosen)
    assert over.plan.candidates
    assert ("no_route", None, ()) == (
        routeless.outcome,
        routeless.chosen,
        routeless.plan.candidates,
    )
    assert "over_max_cost" in {skipped.code for skipped in routeless.plan.skipped}
    assert PolicyName(team.use.default) == routeless.plan.policy


async def test_a_conflict_of_keys_is_no_decision(stage: Stage) -> None:
    await stage.create(idempotency_key="k")
    with pytest.raises(IdempotencyConflict):
        await stage.create(replace(a_video(), prompt="another"), idempotency_key="k")
    assert 1 == len(await written(stage))


async def test_without_the_store_decisions_wait_and_at_last_the_oldest_are_lost(
    stage: Stage,
) -> None:
    observer = RecordingObserver()
    book = Decisions(observer)
    for number in range(WAITING_MAX + 2):
        book.note(a_decision(number))
    assert [1, 1] == [event.count for event in observer.events if isinstance(event, DecisionsLost)]
    log = log_of(stage)
    await book.write(Away(stage.client, stage.keys), stage.runtime.live)
    await book.write(log, stage.runtime.live)
    first = await anext(aiter(log.read()))
    assert "video_2" == first.id


class Away(RedisDecisionLog):
    """A record whose store does not answer."""

    @override
    async def append(self, decisions: Sequence[Decision], *, keep: int) -> None:
        message = "away"
        raise StoreUnavailable(message, retry_after_s=1)


async def test_a_batch_whose_answer_was_lost_is_on_record_once(stage: Stage) -> None:
    class Silent(RedisDecisionLog):
        @override
        async def append(self, decisions: Sequence[Decision], *, keep: int) -> None:
            await super().append(decisions, keep=keep)
            message = "no answer"
            raise StoreUnavailable(message, retry_after_s=1)

    book = Decisions(RecordingObserver())
    book.note(a_decision(1))
    book.note(a_decision(2))
    await book.write(Silent(stage.client, stage.keys), stage.runtime.live)
    book.note(a_decision(3))
    await book.write(log_of(stage), stage.runtime.live)
    found = [each.id async for each in log_of(stage).read()]
    assert ["video_1", "video_2", "video_3"] == found


async def test_what_is_pushed_out_while_a_batch_is_written_is_not_dropped_twice(
    stage: Stage,
) -> None:
    book = Decisions(RecordingObserver())
    for number in range(WAITING_MAX):
        book.note(a_decision(number))

    class Busy(RedisDecisionLog):
        is_first = True

        @override
        async def append(self, decisions: Sequence[Decision], *, keep: int) -> None:
            await super().append(decisions, keep=keep)
            if self.is_first:
                self.is_first = False
                for number in range(250):
                    book.note(a_decision(WAITING_MAX + number))

    await book.write(Busy(stage.client, stage.keys), stage.runtime.live)
    found = [each.id async for each in log_of(stage).read(is_latest_first=True)]
    assert f"video_{WAITING_MAX + 249}" == found[0]
    assert len(set(found)) == len(found)


async def test_what_was_decided_last_is_written_down_at_the_end(stage: Stage) -> None:
    book = Decisions(RecordingObserver())
    book.note(a_decision(1))
    with suppress(asyncio.CancelledError):
        await book.share(log_of(stage), stage.runtime.live, CountingClock(1))
    assert ["video_1"] == [each.id async for each in log_of(stage).read()]
    book.note(a_decision(2))
    with suppress(asyncio.CancelledError):
        await book.share(log_of(stage), stage.runtime.live, CountingClock(2))
    assert ["video_1", "video_2"] == [each.id async for each in log_of(stage).read()]


async def test_the_desk_finds_decisions_by_what_they_say(stage: Stage) -> None:
    await stage.create()
    with pytest.raises(NoRoute):
        await stage.create(replace(a_video(), max_cost_micro_usd=1))
    accepted, refused = await written(stage)
    desk = DecisionDesk(log_of(stage), stage.runtime.live)

    async def outcomes(query: DecisionQuery) -> list[str]:
        return [each.outcome for each in (await desk.find(query))[0]]

    assert [refused.outcome, accepted.outcome] == await outcomes(DecisionQuery())
    assert [ACCEPTED] == await outcomes(DecisionQuery(outcome=ACCEPTED))
    assert [ACCEPTED] == await outcomes(DecisionQuery(provider="kling", model="kling-3.0"))
    assert [] == await outcomes(DecisionQuery(team="sales"))
    assert ([refused], True) == await desk.find(DecisionQuery(limit=1))


async def test_the_desk_finds_who_asked_for_a_model_also_by_an_alias(
    new_stage: StageMaker,
) -> None:
    aliased = replace(fast_snapshot(), aliases={"kling": ModelName("kling-3.0")})
    stage = new_stage(snapshot=aliased)
    for model in ("kling", "kling-3.0", "veo-3.1-fast", None):
        await stage.create(replace(a_video(), model=model))
    await written(stage)
    desk = DecisionDesk(log_of(stage), stage.runtime.live)

    async def asked(model: str) -> list[str | None]:
        found, _ = await desk.find(DecisionQuery(requested_model=model))
        return [each.plan.requested_model for each in found]

    assert ["kling-3.0", "kling"] == await asked("kling") == await asked("kling-3.0")
    assert ["veo-3.1-fast"] == await asked("veo-3.1-fast")
    assert [] == await asked("sora-2")


async def test_a_drill_goes_through_a_record_of_any_length(stage: Stage) -> None:
    decided = a_decision(0, ACCEPTED)
    each = [replace(decided, id=f"video_{n}", chosen=0) for n in range(450)]
    await log_of(stage).append(each, keep=10_000)
    desk = DecisionDesk(log_of(stage), stage.runtime.live)
    found = await desk.retire(str(decided.plan.candidates[0].model), None, None)
    assert (450, 450) == (found.videos, found.concerned)


async def test_a_drill_needs_a_model_there_is(stage: Stage) -> None:
    await stage.create()
    await written(stage)
    desk = DecisionDesk(log_of(stage), stage.runtime.live)
    found = await desk.retire("kling-3.0", None, None)
    assert (ModelName("kling-3.0"), 1, 1) == (found.model, found.videos, found.concerned)
    assert [("vertex", "veo-3.1-fast")] == [move.after for move in found.moves]
    with pytest.raises(NotFound, match="no model 'dall-e'; known: "):
        await desk.retire("dall-e", None, None)
