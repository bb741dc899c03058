"""Who is told of a job's end: the team's receivers by event, and the URL of its create."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from proxy.domain.errors import InvalidRequest, WebhookUrlRefused
from proxy.domain.failure import FailureKind
from proxy.domain.ids import TeamId
from proxy.domain.policy import Webhook
from proxy.domain.video_event import ENDS, VideoEvent, origin_receiver_id
from proxy.store.outbox import RedisOutbox
from tests.builders import MARKETING, a_team
from tests.fakes import failing
from tests.gateway.harness import a_video, fast_snapshot

if TYPE_CHECKING:
    from proxy.domain.policy import Snapshot, Team
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

URL = "https://hooks.example/in"
OWN = origin_receiver_id(URL, MARKETING)


def told(*webhooks: Webhook, signs: bool = True) -> Snapshot:
    team: Team = replace(a_team(), webhooks=webhooks, signs_webhook_urls=signs)
    return fast_snapshot(teams=[team])


BOTH = Webhook(id="both", events=frozenset(ENDS))
FAILURES = Webhook(id="failures", events=frozenset({VideoEvent.FAILED}))


async def letters(stage: Stage) -> dict[str, dict[str, Any]]:
    """Bodies of the letters that wait, by receiver; they are due again at once."""
    outbox = RedisOutbox(stage.client, stage.keys)
    found = {}
    for receiver in (await outbox.due(9))[0]:
        for name in await outbox.letters(receiver, 9):
            letter = await outbox.take(name, lease_s=0, patience_s=60)
            assert letter is not None
            found[receiver] = {**json.loads(letter.body), "to": letter.url}
    return found


async def test_a_made_video_is_told_to_those_who_asked(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=told(BOTH, FAILURES))
    job = await stage.made(replace(a_video(), webhook_url=URL))
    found = await letters(stage)
    assert {"both": "", OWN: URL} == {name: body["to"] for name, body in found.items()}
    assert {"video.completed"} == {body["type"] for body in found.values()}
    charged = found["both"]["data"]["greenlight"]["cost_usd"]["charged"]
    assert (job.id, "0.336000") == (found["both"]["data"]["id"], charged)


async def test_a_failure_that_ends_a_job_is_told_once(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=told(BOTH, FAILURES))
    stage.kling.submits.append(failing(FailureKind.AUTH))
    stage.vertex.submits.append(failing(FailureKind.AUTH))
    await stage.made()
    found = await letters(stage)
    assert {"both", "failures"} == set(found)
    assert "provider_auth" == found["both"]["data"]["error"]["code"]
    assert 2 == found["both"]["data"]["greenlight"]["attempts"]


async def test_a_content_refusal_and_a_cancel_are_told(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=told(FAILURES))
    stage.kling.submits.append(failing(FailureKind.CONTENT_POLICY))
    await stage.made()
    assert "content_policy" == (await letters(stage))["failures"]["data"]["error"]["code"]
    stage = new_stage(snapshot=told(BOTH))
    view = await stage.create()
    await stage.videos.cancel(stage.caller(), view.job.id)
    assert "cancelled" == (await letters(stage))["both"]["data"]["error"]["code"]


async def test_who_asked_for_nothing_is_told_nothing(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=told(FAILURES))
    await stage.made()
    assert {} == await letters(stage)


async def test_a_team_that_left_the_configuration_has_its_url_told(new_stage: StageMaker) -> None:
    """Nothing can be signed for it any more: it will stand among what was not delivered."""
    stage = new_stage(snapshot=told(BOTH))
    view = await stage.create(replace(a_video(), webhook_url=URL))
    other = TeamId("other")
    stage.reload(replace(stage.snapshot, teams={other: a_team(id=other)}))
    async with stage.working():
        await stage.finished(view.job)
    assert {OWN} == set(await letters(stage))


async def test_a_url_without_a_secret_to_sign_is_refused_by_name(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=told(signs=False))
    request = replace(a_video(), webhook_url=URL)
    for asked in (
        stage.create(request),
        stage.videos.check(stage.caller(), request),
        stage.videos.quote(stage.caller(), request),
    ):
        with pytest.raises(InvalidRequest, match="webhook_secret") as refused:
            await asked
        assert "webhook_url" == refused.value.param
    assert 0 == (await stage.open_jobs())[0]


async def test_a_url_that_leads_nowhere_is_refused(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=told())
    stage.addresses.faults["http://10.0.0.1/"] = "its host is not a public one"
    with pytest.raises(WebhookUrlRefused, match="not a public one") as refused:
        await stage.create(replace(a_video(), webhook_url="http://10.0.0.1/"))
    assert ("webhook_url_refused", "webhook_url") == (refused.value.code, refused.value.param)
    assert 0 == (await stage.open_jobs())[0]
