"""Whoever wants to know of a job's end has a letter from the very script that ended it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from proxy.domain.ids import TeamId
from proxy.domain.job import JobError, JobState, public_status
from proxy.domain.video_event import end_data, event_of, message_id
from proxy.gateway.ports.jobs import Cancelled, NextAttempt, Release, Settle
from proxy.gateway.ports.notices import Addressee, Announcement
from proxy.store.jobs import RedisJobs
from proxy.store.outbox import LETTER_LIFE_S
from proxy.store.work import RedisWork
from tests.builders import MARKETING
from tests.job_builders import a_job, a_job_id, a_mandate
from tests.store.stores import Store, a_balance, a_command, an_artifact, retention_s
from tests.store.test_fail_over import following
from tests.store.test_outbox import taken

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from tests.store.losing import Losing

URL = "https://hooks.example/in?token=1"
EVERYBODY = (Addressee(receiver="aa"), Addressee(receiver="bb", url=URL))
SETTLE = Settle(charged_micro_usd=300_000, by="test")


@dataclass
class Herald:
    """Tells everybody of everything."""

    addressees: tuple[Addressee, ...] = EVERYBODY

    def of(self, job: Job, *, charged_micro_usd: int | None) -> Announcement | None:
        if not self.addressees:
            return None
        return Announcement(
            message=message_id(job.id),
            kind=event_of(public_status(job)).value,
            team=job.team,
            data=end_data(job, charged_micro_usd=charged_micro_usd),
            addressees=self.addressees,
        )


def telling(store: Store, herald: Herald | None = None) -> Store:
    """The store, whose scripts tell of every end."""
    client, keys, herald = store.client, store.keys, herald or Herald()
    return replace(
        store,
        jobs=RedisJobs(client, keys, retention_s=retention_s, announcer=herald),
        work=RedisWork(
            client, keys, retention_s=retention_s, observer=store.observer, announcer=herald
        ),
    )


@pytest.fixture(name="store")
def _telling(store: Store) -> Store:
    return telling(store)


def completed(job: Job) -> Job:
    return replace(job, state=JobState.COMPLETED, artifact=an_artifact())


def failed(job: Job) -> Job:
    return replace(job, state=JobState.FAILED, error=JobError(code="provider_failed", message="x"))


async def storing(store: Store, job: Job | None = None) -> Job:
    before = await store.running(job)
    return await store.work.commit(before, replace(before, state=JobState.STORING), due_in_s=60)


async def letters(store: Store) -> dict[str, dict[str, Any]]:
    """Bodies of all letters that are due, by receiver."""
    found = {}
    for receiver in (await store.outbox.due(9))[0]:
        for name in await store.outbox.letters(receiver, 9):
            letter = await taken(store, name)
            body = json.loads(letter.body)
            found[letter.receiver] = {**body, "to": letter.url, "team": letter.team}
    return found


async def test_a_made_video_is_told_to_everybody(store: Store) -> None:
    job = await storing(store)
    ended = await store.work.finish(job, completed(job), SETTLE)
    found = await letters(store)
    assert {"aa": "", "bb": URL} == {name: body["to"] for name, body in found.items()}
    body = found["aa"]
    assert (message_id(job.id), "video.completed", 1, MARKETING) == (
        body["id"],
        body["type"],
        body["sequence"],
        body["team"],
    )
    assert ended.ended_at_ms is not None
    assert ended.ended_at_ms // 1000 == body["created_at"]
    assert "0.300000" == body["data"]["greenlight"]["cost_usd"]["charged"]
    assert b"aa bb" == await store.client.read(("HGET", store.keys.job(job.id), "y"))
    life_s = await store.client.read(("TTL", store.keys.letter(f"{body['id']}:aa")))
    assert LETTER_LIFE_S - 60 < life_s <= LETTER_LIFE_S


async def test_the_sequence_is_the_team_s_own(store: Store) -> None:
    for number, team in enumerate((MARKETING, MARKETING, TeamId("other"))):
        new = a_job(id=a_job_id(number), attempts=(), team=team)
        job = await storing(store, await store.admitted(a_command(job=new, balances=())))
        await store.work.finish(job, completed(job), SETTLE)
        [(_, body), _] = (await letters(store)).items()
        assert (number + 1, 1)[team == "other"] == body["sequence"]


async def test_a_failure_is_told_with_its_reason(store: Store) -> None:
    job = await store.running()
    await store.work.finish(job, failed(job), Release(by="test"))
    body = (await letters(store))["aa"]
    assert ("video.failed", "provider_failed") == (body["type"], body["data"]["error"]["code"])


async def test_one_that_goes_on_is_not_told(store: Store) -> None:
    job = await store.running()
    queued = await store.work.fail_over(job, failed(job), SETTLE, following(), wait_s=0)
    assert isinstance(queued, type(job))
    assert JobState.QUEUED is queued.state
    assert {} == await letters(store)
    running = await store.running(queued)
    nothing = NextAttempt(bids=(), balances=())
    await store.work.fail_over(running, failed(running), SETTLE, nothing, wait_s=0)
    cost = (await letters(store))["aa"]["data"]["greenlight"]["cost_usd"]
    assert {"reserved": "0.000000", "charged": "0.600000"} == cost


@pytest.mark.parametrize("forgets", [True, False])
async def test_a_cancel_tells_when_it_is_over_for_the_client(store: Store, forgets: bool) -> None:
    waits = await store.admitted(a_command(1))
    await store.jobs.cancel(waits, is_forgotten=forgets)
    body = (await letters(store))["aa"]
    assert ("video.failed", "cancelled", "0.000000") == (
        body["type"],
        body["data"]["error"]["code"],
        body["data"]["greenlight"]["cost_usd"]["charged"],
    )
    await store.jobs.cancel(waits, is_forgotten=True)
    assert {} == await letters(store)


async def test_a_cancel_of_a_running_job_tells_at_once_and_its_end_nothing_more(
    store: Store,
) -> None:
    job = await store.running()
    await store.jobs.cancel(job, is_forgotten=False)
    body = (await letters(store))["aa"]
    assert ("cancelled", None) == (
        body["data"]["error"]["code"],
        body["data"]["greenlight"]["cost_usd"]["charged"],
    )
    await store.jobs.cancel(job, is_forgotten=True)
    ended = await store.work.finish(job, failed(job), SETTLE)
    assert JobState.CANCELLED is ended.state
    assert {} == await letters(store)
    other = await store.running(await store.admitted(a_command(1)))
    await store.jobs.cancel(other, is_forgotten=False)
    assert 2 == len(await letters(store))
    await store.work.fail_over(other, failed(other), SETTLE, following(), wait_s=0)
    assert {} == await letters(store)


async def test_persons_tell_too(store: Store) -> None:
    job = await store.running()
    await store.work.finish(job, failed(job), SETTLE, mandate=a_mandate("1"))
    waits = await store.admitted(a_command(1))
    await store.jobs.cancel(waits, is_forgotten=False, mandate=a_mandate("2"))
    assert {"aa", "bb"} == set(await letters(store))
    assert 2 == len([entry async for entry in store.ledger.audit()])


async def test_whom_nobody_asked_for_costs_nothing(store: Store) -> None:
    quiet = telling(store, Herald(()))
    job = await storing(quiet)
    await quiet.work.finish(job, completed(job), SETTLE)
    names = {name.decode() for name in await store.client.read(("HKEYS", store.keys.job(job.id)))}
    assert "y" not in names
    assert 0 == await store.client.read(("EXISTS", store.keys.outbox()))
    assert 0 == await store.client.read(("HEXISTS", store.keys.team(MARKETING), "w"))


async def test_a_job_that_had_ended_is_not_told_again(store: Store) -> None:
    job = await storing(store)
    await store.work.finish(job, completed(job), SETTLE)
    assert {"aa", "bb"} == set(await letters(store))
    for again in (job, replace(job, fence=job.fence - 1)):
        with pytest.raises(Exception, match=r"ended before|other hands"):
            await store.work.finish(again, failed(job), SETTLE)
    assert {} == await letters(store)


@pytest.mark.loses("finish", "cancel", "fail_over")
async def test_lost_replies_tell_once(losing: Losing) -> None:
    losing._far = telling(losing._far)
    store = losing.store
    job = await storing(store, await store.admitted(a_command(0)))
    await losing.once(partial(finish, job=job))
    job = await store.admitted(a_command(1))
    await store.jobs.mark_fetched(job)
    await losing.once(partial(cancel, job=replace(job, is_fetched=True)))
    job = await store.running(await store.admitted(a_command(2)))
    await losing.once(partial(end_for_want_of_another, job=job))
    assert 3 == await store.client.read(("ZCARD", store.keys.box("aa")))
    sequence = await store.client.read(("HGET", store.keys.team(MARKETING), "w"))
    assert b"3" == sequence


async def finish(far: Store, *, job: Job) -> Job:
    return await far.work.finish(job, completed(job), SETTLE)


async def cancel(far: Store, *, job: Job) -> Cancelled:
    return await far.jobs.cancel(job, is_forgotten=False)


async def end_for_want_of_another(far: Store, *, job: Job) -> object:
    nothing = NextAttempt(bids=(), balances=())
    return await far.work.fail_over(job, failed(job), SETTLE, nothing, wait_s=0)


async def test_a_balance_named_like_the_sequence_is_no_money(store: Store) -> None:
    """The fixture proves the ledger afterwards."""
    job = await storing(store, await store.admitted(a_command(balances=(a_balance(),))))
    await store.work.finish(job, completed(job), SETTLE)
    assert () == (await store.ledger.verify()).violations
