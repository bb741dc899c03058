"""Letters as administrators see them: what nobody took, what waits, and telling it again."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from typing_extensions import override

from proxy.domain.notice import NoticeKind
from proxy.domain.policy import Webhook
from proxy.domain.video_event import ENDS, message_id
from proxy.gateway.deliveries import Deliveries
from proxy.gateway.ports.notices import KnownReceiver, Reply
from proxy.http.admin.endpoints import Role
from proxy.store.outbox import REST_S, RedisOutbox
from tests.builders import MARKETING, a_team
from tests.gateway.admin.office import REASON
from tests.gateway.harness import a_video, fast_engine, fast_snapshot
from tests.gateway.newsroom import ScriptedSender
from tests.job_builders import a_job_id

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from proxy.gateway.ports.notices import Letter
    from tests.gateway.admin.office import Office
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

URL = "https://hooks.example/in?token=1"
OWN, FINANCE = "own", "finance"


class Postman(ScriptedSender):
    """Takes letters to whoever they are for."""

    @override
    async def send(self, letter: Letter, *, within_s: float) -> Reply | None:
        self.sent.append(letter)
        return self.replies.popleft() if self.replies else Reply(status=204)


@pytest.fixture
def stage(new_stage: StageMaker) -> Stage:
    """A team with a receiver of its own, at which patience ends with the first failure."""
    own = Webhook(id=OWN, events=frozenset(ENDS))
    team = replace(a_team(), webhooks=(own,), signs_webhook_urls=True)
    engine = replace(fast_engine(), notify_after_s=())
    stage = new_stage(snapshot=fast_snapshot(teams=[team], engine=engine))
    stage.addresses.known = (
        KnownReceiver(
            id=OWN, team=MARKETING, origin="https://team.example", kinds=("video.failed",)
        ),
        KnownReceiver(id=FINANCE, team="", origin="https://finance.example", kinds=(*NoticeKind,)),
    )
    return stage


async def deliver(stage: Stage, *replies: Reply) -> list[Letter]:
    """Send what is due; what was sent."""
    postman = Postman()
    postman.replies.extend(replies)
    deliveries = Deliveries(stage.runtime, RedisOutbox(stage.client, stage.keys), postman)
    async with asyncio.TaskGroup() as group:
        await deliveries.begin(group)
    return postman.sent


async def made(stage: Stage, *replies: Reply, url: str | None = None) -> Job:
    job = await stage.made(replace(a_video(), webhook_url=url))
    await deliver(stage, *replies)
    return job


async def letters(office: Office, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await office.get(f"/webhooks{query}"))["data"]
    return found


async def test_what_nobody_took_is_listed(office: Office) -> None:
    taken = await made(office.stage)
    failed = await made(office.stage, Reply(status=500, excerpt="no"))
    [letter] = await letters(office)
    assert (message_id(failed.id), "video.completed", OWN, MARKETING, "given_up") == (
        letter["id"],
        letter["type"],
        letter["receiver"],
        letter["team"],
        letter["state"],
    )
    assert ("https://team.example", "no", 1, None) == (
        letter["origin"],
        letter["answer"],
        letter["tries"],
        letter["next_at"],
    )
    assert [("given_up", 500, None)] == [
        (each["outcome"], each["status"], each["fault"]) for each in letter["log"]
    ]
    assert ["delivered"] == [each["state"] for each in await letters(office, f"?job={taken.id}")]
    for query, count in (("?team=marketing", 1), ("?team=sales", 0), ("?receiver=own", 1)):
        assert count == len(await letters(office, query))


async def test_what_waits_is_listed(office: Office) -> None:
    job = await office.stage.made(replace(a_video(), webhook_url=URL))
    waiting = await letters(office, "?state=waiting")
    assert {"https://team.example", "https://hooks.example"} == {
        letter["origin"] for letter in waiting
    }
    assert {message_id(job.id)} == {letter["id"] for letter in waiting}
    assert all(letter["next_at"] and letter["state"] == "waiting" for letter in waiting)
    assert 1 == len(await letters(office, "?state=waiting&receiver=own"))
    page = await office.get("/webhooks?state=waiting&limit=1")
    assert (1, True) == (len(page["data"]), page["has_more"])
    assert [] == await letters(office)


async def test_a_long_list_is_read_by_pages(office: Office) -> None:
    stage = office.stage
    for number in range(210):
        name = f"msg_{number}:old"
        await stage.client.call(("ZADD", stage.keys.undelivered(), 1000 + number, name))
        fields = ("kind", "video.failed", "at", 7, "s", "g", "team", "sales" if number else "one")
        await stage.client.call(("HSET", stage.keys.letter(name), *fields))
        await stage.client.call(("PEXPIRE", stage.keys.letter(name), 60_000))
    await stage.client.call(("DEL", stage.keys.letter("msg_5:old")))
    page = await office.get("/webhooks?limit=3")
    assert (["msg_209", "msg_208", "msg_207"], True) == (
        [letter["id"] for letter in page["data"]],
        page["has_more"],
    )
    assert ["msg_0"] == [letter["id"] for letter in await letters(office, "?team=one")]
    assert 209 == len(await letters(office, "?limit=1000"))


@pytest.mark.parametrize(
    ("query", "param"),
    [("?state=lost", "state"), ("?limit=0", "limit"), ("?sort=up", "sort")],
)
async def test_what_is_not_known_is_named(office: Office, query: str, param: str) -> None:
    status, body = await office.ask(Role.VIEWER, "GET", f"/webhooks{query}")
    assert (400, param) == (status, body["error"]["param"])


async def test_receivers_tell_how_they_stand(office: Office) -> None:
    await made(office.stage, Reply(status=429, retry_after_s=77.0), url=URL)
    await office.stage.made(replace(a_video(), webhook_url=URL))
    found = {each["id"]: each for each in (await office.get("/webhooks/receivers"))["data"]}
    assert {OWN, FINANCE} < set(found)
    [stranger] = set(found) - {OWN, FINANCE}
    own = found[OWN]
    assert ("marketing", "https://team.example", ["video.failed"], True) == (
        own["team"],
        own["origin"],
        own["on"],
        own["configured"],
    )
    assert (None, None, [], False, 1) == (
        found[stranger]["team"],
        found[stranger]["origin"],
        found[stranger]["on"],
        found[stranger]["configured"],
        found[stranger]["waiting"],
    )
    assert None is found[FINANCE]["team"]
    latest = [each for name in (OWN, stranger) for each in found[name]["latest"]]
    assert {429, 204} == {each["status"] for each in latest}
    assert REST_S > 0


async def test_a_taken_end_is_told_again_as_it_was(office: Office) -> None:
    job = await made(office.stage, url=URL)
    done = await office.change(Role.OPERATOR, "/webhooks/replay", job=job.id)
    assert {"object": "webhook.replay", "letters": 2, "has_more": False} == done
    sent = await deliver(office.stage)
    assert {"", URL} == {letter.url for letter in sent}
    assert {(message_id(job.id), 1)} == {(letter.notice, letter.tries) for letter in sent}
    body = json.loads(sent[0].body)
    assert ("video.completed", 1, job.id) == (body["type"], body["sequence"], body["data"]["id"])
    assert job.ended_at_ms is not None
    assert job.ended_at_ms // 1000 == body["created_at"]
    assert [("replay", job.id, "", "2")] == await office.audited()
    entry = (await office.get("/audit"))["data"][0]
    assert (REASON, "operator") == (entry["reason"], entry["role"])


async def test_whoever_wants_to_know_by_now_is_told_too(office: Office) -> None:
    stage = office.stage
    job = await made(stage)
    await stage.client.call(("DEL", stage.keys.letter(f"{message_id(job.id)}:{OWN}")))
    new = Webhook(id="new", events=frozenset(ENDS))
    team = replace(stage.snapshot.teams[MARKETING], webhooks=(new,))
    stage.reload(replace(stage.snapshot, teams={MARKETING: team}))
    await office.change(Role.OPERATOR, "/webhooks/replay", job=job.id)
    [letter] = await deliver(stage)
    assert ("new", 0) == (letter.receiver, json.loads(letter.body)["sequence"])


async def test_what_a_receiver_has_not_taken_is_sent_when_it_is_well_again(
    office: Office,
) -> None:
    jobs = [await made(office.stage, Reply(status=410)), await made(office.stage)]
    assert ["silenced", "withdrawn"] == sorted(each["state"] for each in await letters(office))
    done = await office.change(Role.OPERATOR, "/webhooks/replay", receiver=OWN, key="once")
    assert 2 == done["letters"]
    sent = await deliver(office.stage)
    assert {message_id(job.id) for job in jobs} == {letter.notice for letter in sent}
    assert [] == await letters(office)
    again = await office.change(Role.OPERATOR, "/webhooks/replay", receiver=OWN, key="once")
    assert (done, []) == (again, await deliver(office.stage)), "once for its key"
    assert [("replay", "receiver:own", "", "2")] == await office.audited()


async def test_a_replay_ends_a_rest_and_spares_the_others_that_are_silent(office: Office) -> None:
    stage = office.stage
    outbox = RedisOutbox(stage.client, stage.keys)
    await made(stage, Reply(status=410))
    await outbox.silence("other", stage.snapshot.digest)
    await stage.client.call(("SET", stage.keys.rest(OWN), "9 9999999999999", "PX", 60_000))
    await office.change(Role.OPERATOR, "/webhooks/replay", receiver=OWN)
    assert {"other"} == await outbox.silenced(stage.snapshot.digest)
    assert 1 == len(await deliver(stage))


async def test_what_cannot_be_told_again_is_refused(office: Office) -> None:
    stage = office.stage
    path = "/webhooks/replay"
    view = await stage.create()
    assert (409, "conflict", None) == await office.refused(Role.OPERATOR, path, job=view.job.id)
    unknown = a_job_id(99)
    for missing in (unknown, "nonsense"):
        assert (404, "video_not_found", "video_id") == await office.refused(
            Role.OPERATOR, path, job=missing
        )
        assert 404 == (await office.ask(Role.VIEWER, "GET", f"/webhooks?job={missing}"))[0]
    assert (404, "not_found", "receiver") == await office.refused(
        Role.OPERATOR, path, receiver=OWN
    )
    for both in ({}, {"job": unknown, "receiver": OWN}):
        assert (400, "invalid_request", "job") == await office.refused(Role.OPERATOR, path, **both)
    for role in (Role.VIEWER, Role.FINANCE):
        assert 403 == (await office.refused(role, path, job=view.job.id))[0]
    assert [] == await office.audited()


async def test_an_end_that_nobody_asked_about_cannot_be_told(office: Office) -> None:
    stage = office.stage
    team = replace(stage.snapshot.teams[MARKETING], webhooks=())
    stage.reload(replace(stage.snapshot, teams={MARKETING: team}))
    job = await made(stage)
    refused = await office.refused(Role.OPERATOR, "/webhooks/replay", job=job.id)
    assert (409, "conflict", None) == refused


async def test_an_untaken_letter_is_told_although_nobody_would_be_now(office: Office) -> None:
    stage = office.stage
    job = await made(stage, Reply(status=500))
    team = replace(stage.snapshot.teams[MARKETING], webhooks=())
    stage.reload(replace(stage.snapshot, teams={MARKETING: team}))
    await office.change(Role.OPERATOR, "/webhooks/replay", job=job.id)
    assert [OWN] == [letter.receiver for letter in await deliver(stage)]


async def test_a_cancelled_job_that_goes_on_inside_is_told_as_it_is(office: Office) -> None:
    stage = office.stage
    view = await stage.create()
    async with stage.working():
        stage.kling.hold_submit = asyncio.Event()
        running = await stage.create()
        while not stage.kling.orders:
            await asyncio.sleep(0.003)
        await stage.videos.cancel(stage.caller(), running.job.id)
        await office.change(Role.OPERATOR, "/webhooks/replay", job=running.job.id)
        stage.kling.hold_submit.set()
        await stage.finished(running.job)
        await stage.finished(view.job)
    bodies = [json.loads(letter.body) for letter in await deliver(stage)]
    about = [body["data"] for body in bodies if body["data"]["id"] == running.job.id]
    assert ["cancelled"] == [data["error"]["code"] for data in about]


async def test_a_team_sees_the_letters_about_its_own_video(office: Office) -> None:
    stage = office.stage
    job = await made(stage, url=URL)
    view = await stage.videos.letters(stage.caller(), job.id)
    assert 2 == len(view.letters)
    assert {OWN, FINANCE} == set(view.known)
    assert ["poll"] == [bucket.name for bucket in view.buckets]
    quiet = await stage.create()
    assert [] == list((await stage.videos.letters(stage.caller(), quiet.job.id)).letters)
