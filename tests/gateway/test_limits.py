"""Each class of routes has its own tokens, in every mode; in shadow nobody is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.bucket import Decision, LimitMode
from proxy.domain.errors import BudgetExceeded, RateLimited
from proxy.domain.events import LimitChecked
from proxy.domain.policy import RouteClass
from tests.builders import a_budget, a_key, a_rate_limit, a_team
from tests.gateway.edge import openai_client
from tests.gateway.harness import KLING_MICRO_USD, a_video, fast_snapshot

if TYPE_CHECKING:
    from proxy.domain.ids import JobId
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

NEVER_US = 10**12
SUBMIT, POLL, CONTENT = RouteClass.SUBMIT, RouteClass.POLL, RouteClass.CONTENT
CLASSES = (SUBMIT, POLL, CONTENT)
ONCE = {each: a_rate_limit(capacity=1, interval_us=NEVER_US) for each in CLASSES}
TEN = {each: a_rate_limit(capacity=10, interval_us=NEVER_US) for each in CLASSES}
POLLS = ("get", "page", "budget", "models", "model", "quote", "cancel", "delete")
MODES = pytest.mark.parametrize("mode", LimitMode)


async def ask(stage: Stage, operation: str, job: JobId) -> object:
    """One request of the team's key."""
    videos, caller = stage.videos, stage.caller()
    match operation:
        case "create":
            return await stage.create()
        case "page":
            return await videos.page(caller, after=None, limit=1, is_ascending=True, status=None)
        case "budget" | "models":
            return await getattr(videos, operation)(caller)
        case "model":
            return await videos.model(caller, "kling-3.0")
        case "quote":
            return await videos.quote(caller, a_video())
        case _:
            return await getattr(videos, operation)(caller, job)


async def left(stage: Stage) -> dict[str, int]:
    """What every bucket of the team and the key holds."""
    view = await stage.videos.budget(stage.caller())
    return {bucket.name: bucket.remaining for bucket in view.state.buckets}


def decided(stage: Stage, mode: str, limit_class: RouteClass) -> list[Decision]:
    return [
        event.decision
        for event in stage.observer.of(LimitChecked)
        if (event.mode, event.limit_class) == (mode, limit_class)
    ]


@MODES
async def test_each_request_takes_a_token_of_its_class_alone(
    new_stage: StageMaker, mode: LimitMode
) -> None:
    team = a_team(limits=TEN, limit_mode=mode)
    key = a_key(limits=TEN, limit_mode=mode)
    stage = new_stage(snapshot=fast_snapshot(teams=[team], keys=[key]))
    job = await stage.made()
    before = await left(stage)
    for operation in ("create", "content", *POLLS):
        spent = SUBMIT if operation == "create" else CONTENT if operation == "content" else POLL
        await ask(stage, operation, job.id)
        after = await left(stage)  # which is itself a poll
        taken = {name: count - after[name] for name, count in before.items() if "poll" not in name}
        polled = before["poll"] - after["poll"]
        wanted = {"submit": 0, "content": 0} | ({} if spent is POLL else {spent.value: 1})
        assert wanted | {f"{name}:{key.id}": count for name, count in wanted.items()} == taken
        assert (2 if spent is POLL else 1) == polled
        before = after
        if before["poll"] < 3:
            await stage.client.call(
                ("HDEL", stage.keys.team(team.id), "b|poll", f"b|poll:{key.id}")
            )
            before = await left(stage)


@MODES
async def test_what_a_budget_refuses_takes_no_token(
    new_stage: StageMaker, mode: LimitMode
) -> None:
    budgets = [a_budget(limit_micro_usd=KLING_MICRO_USD)]
    team = a_team(limits=TEN, limit_mode=mode, budgets=budgets)
    key = a_key(limits=TEN, limit_mode=mode)
    stage = new_stage(snapshot=fast_snapshot(teams=[team], keys=[key]))
    await stage.create()
    for _ in range(2):
        with pytest.raises(BudgetExceeded):
            await stage.create()
    after = await left(stage)
    assert (9, 9) == (after["submit"], after[f"submit:{key.id}"])


@MODES
async def test_what_a_bucket_refuses_holds_no_money(
    new_stage: StageMaker, mode: LimitMode
) -> None:
    """The key's own bucket is enforced whatever the team's do."""
    team = a_team(limits=TEN, limit_mode=mode)
    key = a_key(limits=ONCE)
    stage = new_stage(snapshot=fast_snapshot(teams=[team], keys=[key]))
    await stage.create()
    for _ in range(2):
        with pytest.raises(RateLimited):
            await stage.create()
    assert (0, KLING_MICRO_USD) == await stage.money()
    assert 9 == (await left(stage))["submit"]


async def test_in_shadow_everything_is_served_and_told(new_stage: StageMaker) -> None:
    team = a_team(limits=ONCE, limit_mode=LimitMode.SHADOW)
    stage = new_stage(snapshot=fast_snapshot(teams=[team]))
    job = await stage.made()
    for operation in ("create", "content", "content", *POLLS):
        await ask(stage, operation, job.id)
    view = await stage.create()
    assert [(0, 0)] == [(each.remaining, each.retry_after_us) for each in view.buckets]
    quoted = await stage.videos.quote(stage.caller(), a_video())
    assert quoted.refusal is None
    near, refused = Decision.NEAR_LIMIT, Decision.REFUSED
    assert [near, refused, refused] == decided(stage, "shadow", SUBMIT)
    assert [near, *[refused] * len(POLLS)] == decided(stage, "shadow", POLL)
    assert [near, refused] == decided(stage, "shadow", CONTENT)
    assert not any(decided(stage, "enforce", each) for each in CLASSES)
    told = stage.observer.of(LimitChecked)
    assert {(team.id, a_key().id)} == {(event.team, event.key) for event in told}


async def test_a_key_may_be_watched_while_its_team_is_held(new_stage: StageMaker) -> None:
    team = a_team(limits={POLL: a_rate_limit(capacity=2, interval_us=NEVER_US)})
    key = a_key(limits=ONCE, limit_mode=LimitMode.SHADOW)
    stage = new_stage(snapshot=fast_snapshot(teams=[team], keys=[key]))
    for _ in range(2):
        await stage.videos.models(stage.caller())
    with pytest.raises(RateLimited) as refusal:
        await stage.videos.models(stage.caller())
    assert [True, False] == [each.retry_after_us > 0 for each in refusal.value.buckets]
    allowed, near, refused = Decision.ALLOWED, Decision.NEAR_LIMIT, Decision.REFUSED
    assert [allowed, near, refused] == decided(stage, "enforce", POLL)
    assert [near, refused, refused] == decided(stage, "shadow", POLL)


async def test_a_change_of_mode_takes_effect_at_once(new_stage: StageMaker) -> None:
    team = a_team(limits=ONCE)
    stage = new_stage(snapshot=fast_snapshot(teams=[team]))
    await stage.create()
    with pytest.raises(RateLimited):
        await stage.create()
    watched = replace(team, limit_mode=LimitMode.SHADOW)
    stage.reload(fast_snapshot(teams=[watched]))
    await stage.create()
    stage.reload(fast_snapshot(teams=[team]))
    with pytest.raises(RateLimited):
        await stage.create()


@pytest.mark.filterwarnings("ignore:The Sora API is scheduled:DeprecationWarning")
async def test_no_header_speaks_of_a_bucket_in_shadow(new_stage: StageMaker) -> None:
    team = a_team(limits=ONCE, limit_mode=LimitMode.SHADOW)
    stage = new_stage(snapshot=fast_snapshot(teams=[team]))
    async with openai_client(stage) as client:
        for _ in range(2):
            raw = await client.videos.with_raw_response.list()
            assert [] == [name for name in raw.headers if "ratelimit" in name.lower()]


async def test_a_create_that_is_answered_again_asks_no_bucket(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=fast_snapshot(teams=[a_team(limits=ONCE)]))
    for _ in range(2):
        await stage.create(idempotency_key="a")
    assert [Decision.NEAR_LIMIT] == decided(stage, "enforce", SUBMIT)
