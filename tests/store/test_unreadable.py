"""A record that cannot be read is set aside; all other jobs go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.events import RecordSetAside
from proxy.store.codec import Unreadable, job_of
from proxy.store.connection import ReplyError
from proxy.store.packing import PACKING, pack
from proxy.store.records import SET_ASIDE_S
from proxy.store.script import Script
from tests.builders import KLING, MARKETING
from tests.job_builders import a_job
from tests.store.stores import Store, a_command

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.domain.ids import JobId
    from proxy.domain.job import Job
    from proxy.store.connection import Argument

pytestmark = pytest.mark.breaks("records of jobs")

DAMAGES: Mapping[str, tuple[Argument, ...]] = {
    "packed by a newer version": ("HSET", "d", b"9" + b"whatever a newer version writes"),
    "packed bytes that are none": ("HSET", "d", PACKING + b"\xff\xff\xff"),
    "packed bytes that end early": ("HSET", "d", pack(a_job())[:40]),
    "nothing packed": ("HDEL", "d"),
    "no state": ("HDEL", "s"),
    "a state of a newer version": ("HSET", "s", "?"),
    "no attempt": ("HSET", "n", "0"),
    "an attempt that was never reserved": ("HSET", "n", "2"),
    "an attempt of no candidate": ("HSET", "a1", "7|1|1|T|x"),
    "work of a newer version": ("HSET", "w", '{"new": 1}'),
    "a field name that is no text": ("HSET", b"\xff", "1", "d", "9"),
}
fields = st.dictionaries(
    st.sampled_from(["d", "s", "f", "n", "a1", "o1", "r1", "w", "e", "t", "x"]),
    st.binary(max_size=40) | st.sampled_from([b"1", b"q", pack(a_job()), b"[]", b"{}", b"0|1|1|"]),
)


async def damage(store: Store, job: Job, what: tuple[Argument, ...]) -> None:
    name, *rest = what
    await store.client.call((name, store.keys.job(job.id), *rest))


async def aside(store: Store) -> list[JobId]:
    return [event.job for event in store.observer.of(RecordSetAside)]


async def is_put_off(store: Store, queue: str, job: Job) -> bool:
    """Say whether a job still stands in its queue, and was put off within the last minute."""
    at_ms = float(await store.client.read(("ZSCORE", queue, job.id)))
    left_s = (at_ms - await store.accounts.now_ms()) / 1000
    return SET_ASIDE_S - 60 < left_s <= SET_ASIDE_S


@pytest.mark.parametrize("what", DAMAGES.values(), ids=DAMAGES)
async def test_a_queued_job_that_cannot_be_read_holds_up_nobody(
    store: Store, what: tuple[Argument, ...]
) -> None:
    bad, good = [await store.admitted(a_command(number)) for number in range(2)]
    await damage(store, bad, what)
    assert [good] == await store.waiting(10)
    assert [bad.id] == await aside(store)
    assert await is_put_off(store, store.keys.waiting(MARKETING, KLING), bad)


@pytest.mark.parametrize("what", DAMAGES.values(), ids=DAMAGES)
async def test_a_due_job_that_cannot_be_read_holds_up_nobody(
    store: Store, what: tuple[Argument, ...]
) -> None:
    bad, good = [
        await store.running(await store.admitted(a_command(number))) for number in range(2)
    ]
    await damage(store, bad, what)
    claimed = await store.work.claim([bad.id, good.id], lease_s=30)
    assert [good.id] == [job.id for job in claimed]
    assert [bad.id] == await aside(store)
    assert await is_put_off(store, store.keys.due(), bad)


async def test_it_is_not_looked_at_again_at_once(store: Store) -> None:
    job = await store.admitted()
    await damage(store, job, DAMAGES["nothing packed"])
    for _ in range(3):
        assert [] == await store.waiting(10)
    assert [job.id] == await aside(store)


async def test_it_goes_on_when_it_can_be_read_again(store: Store) -> None:
    job = await store.running()
    await damage(store, job, ("HSET", "d", b"9"))
    assert [] == await store.work.claim([job.id], lease_s=30)
    await damage(store, job, ("HSET", "d", pack(job)))
    await store.client.call(("ZADD", store.keys.due(), 0, job.id))
    [claimed] = await store.work.claim([job.id], lease_s=30)
    assert job.state is claimed.state


async def test_what_is_no_record_at_all_is_set_aside(store: Store) -> None:
    job = await store.running()
    await store.client.call(("DEL", store.keys.job(job.id)))
    await store.client.call(("SET", store.keys.job(job.id), "no hash", "PX", 60_000))
    assert [] == await store.work.claim([job.id], lease_s=30)
    assert [job.id] == await aside(store)


async def test_one_that_is_gone_leaves_the_queue_unsaid(store: Store) -> None:
    job = await store.running()
    await store.client.call(("DEL", store.keys.job(job.id)))
    assert [] == await store.work.claim([job.id], lease_s=30)
    assert ([], None) == await store.work.due(10)
    assert [] == await aside(store)


async def test_one_that_was_taken_up_meanwhile_is_left_alone(store: Store) -> None:
    """A worker of a newer version can read it, and has begun it."""
    job = await store.admitted()
    await store.begun(job)
    queue = store.keys.waiting(MARKETING, KLING)
    assert 0 == await Script.load("put_off").run(store.client, [queue], [job.id, 1000])
    assert await store.client.read(("ZSCORE", queue, job.id)) is None


async def test_another_error_of_the_store_is_a_bug(store: Store) -> None:
    job = await store.running()
    await store.client.call(("DEL", store.keys.due()))
    await store.client.call(("SET", store.keys.due(), "no queue", "PX", 60_000))
    with pytest.raises(ReplyError):
        await store.work.claim([job.id], lease_s=30)


@given(fields)
def test_any_fields_make_a_job_or_are_unreadable(found: Mapping[str, bytes]) -> None:
    try:
        job = job_of(a_job().id, found)
    except Unreadable:
        return
    assert job.attempt.candidate < len(job.plan.candidates)
