"""Refusals for content, at the submit or later, make a key pause; an operator may end it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import openai
import pytest

from proxy.domain.bucket import Decision, LimitMode
from proxy.domain.errors import RateLimited
from proxy.domain.events import LimitChecked, Refused
from proxy.domain.failure import Failure, FailureKind
from proxy.domain.moderation import Moderation
from proxy.gateway.ports.provider import Failed
from proxy.http.admin.endpoints import Role
from tests.builders import a_key, a_team
from tests.fakes import failing
from tests.gateway.admin.office import opened
from tests.gateway.edge import openai_client
from tests.gateway.harness import a_video, fast_snapshot

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

RULE = Moderation(refusals=2, within_ms=600_000, cool_down_ms=600_000)
CONTENT = FailureKind.CONTENT_POLICY


def watched(
    new_stage: StageMaker,
    mode: LimitMode = LimitMode.ENFORCE,
    rule: Moderation | None = RULE,
) -> Stage:
    key = a_key(moderation=rule, limit_mode=mode)
    return new_stage(snapshot=fast_snapshot(teams=[a_team()], keys=[key]))


async def refused(stage: Stage, *, late: bool = False) -> Job:
    """A job whose content the provider refuses, with its submit or after it was accepted."""
    if late:
        failure = Failure(kind=CONTENT, message="scripted")
        stage.kling.statuses.append(Failed(failure=failure))
    else:
        stage.kling.submits.append(failing(CONTENT))
    job = await stage.made()
    assert job.error is not None
    assert "content_policy" == job.error.code
    return job


@pytest.mark.parametrize("late", [False, True])
async def test_too_many_refusals_make_the_key_pause(new_stage: StageMaker, late: bool) -> None:
    stage = watched(new_stage)
    for _ in range(RULE.refusals):
        await refused(stage, late=late)
    before = await stage.ledger()
    with pytest.raises(RateLimited) as refusal:
        await stage.create()
    assert "moderation_cooldown" == refusal.value.code
    assert refusal.value.retry_after_s is not None
    assert 595 <= refusal.value.retry_after_s <= 600
    assert before == await stage.ledger()
    assert "moderation_cooldown" == stage.observer.of(Refused)[-1].code
    told = stage.observer.of(LimitChecked)[-1]
    assert ("moderation", "enforce", Decision.REFUSED) == (
        told.limit_class,
        told.mode,
        told.decision,
    )
    quoted = await stage.videos.quote(stage.caller(), a_video())
    assert quoted.refusal is not None
    assert "moderation_cooldown" == quoted.refusal.code
    await stage.videos.budget(stage.caller())


async def test_in_shadow_it_is_only_told(new_stage: StageMaker) -> None:
    stage = watched(new_stage, LimitMode.SHADOW)
    for _ in range(RULE.refusals):
        await refused(stage)
    await stage.create()
    told = [e for e in stage.observer.of(LimitChecked) if e.limit_class == "moderation"]
    assert [("shadow", Decision.REFUSED)] == [(e.mode, e.decision) for e in told]
    assert (await stage.videos.quote(stage.caller(), a_video())).refusal is None


async def test_without_a_rule_nobody_pauses(new_stage: StageMaker) -> None:
    stage = watched(new_stage, rule=None)
    for _ in range(3):
        await refused(stage)
    await stage.create()
    assert (await stage.videos.quote(stage.caller(), a_video())).refusal is None


async def test_other_failures_do_not_count(new_stage: StageMaker) -> None:
    stage = watched(new_stage)
    for kind in (FailureKind.INVALID_INPUT, FailureKind.FAILED_UPSTREAM):
        stage.kling.submits.append(failing(kind))
    for _ in range(2):
        failure = Failure(kind=FailureKind.INVALID_INPUT, message="scripted")
        stage.kling.statuses.append(Failed(failure=failure))
        await stage.made()
    await stage.create()


async def test_a_job_of_a_key_that_is_gone_ends_all_the_same(new_stage: StageMaker) -> None:
    stage = watched(new_stage)
    view = await stage.create()
    stage.kling.submits.append(failing(CONTENT))
    stage.reload(replace(stage.snapshot, keys={}))
    async with stage.working():
        job = await stage.finished(view.job)
    assert job.error is not None
    assert "content_policy" == job.error.code


@pytest.mark.filterwarnings("ignore:The Sora API is scheduled:DeprecationWarning")
async def test_a_client_is_told_that_asking_again_is_pointless(new_stage: StageMaker) -> None:
    stage = watched(new_stage)
    for _ in range(RULE.refusals):
        await refused(stage)
    async with openai_client(stage, max_retries=2) as client:
        with pytest.raises(openai.RateLimitError) as refusal:
            await client.videos.create(prompt="a fox", model="kling-3.0")
    headers = refusal.value.response.headers
    assert ("false", "moderation_cooldown") == (headers["x-should-retry"], refusal.value.code)
    assert 595 <= int(headers["Retry-After"]) <= 600
    assert '"submit";r=18' in headers["RateLimit"]
    assert 1 == [event.code for event in stage.observer.of(Refused)].count("moderation_cooldown")


async def test_an_operator_sees_it_and_ends_it(new_stage: StageMaker) -> None:
    stage = watched(new_stage)
    async with opened(stage) as office:
        await refused(stage)
        (key,) = (await office.get("/keys"))["data"]
        assert (1, None, "enforce") == (key["refusals"], key["cooldown_until"], key["limit_mode"])
        await refused(stage)
        (key,) = (await office.get("/keys"))["data"]
        assert 2 == key["refusals"]
        assert key["cooldown_until"] is not None
        path = f"/keys/{key['id']}/end_cooldown"
        assert 403 == (await office.refused(Role.VIEWER, path))[0]
        assert 404 == (await office.refused(Role.OPERATOR, "/keys/none/end_cooldown"))[0]
        ended = await office.change(Role.OPERATOR, path)
        assert (True, None) == (ended["changed"], ended["cooldown_until"])
        assert not (await office.change(Role.OPERATOR, path))["changed"]
        await stage.create()
        (key,) = (await office.get("/keys"))["data"]
        assert (0, None) == (key["refusals"], key["cooldown_until"])
        actions = [action for action, *_ in await office.audited()]
        assert ["end_cooldown", "end_cooldown"] == actions
