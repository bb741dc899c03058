"""Records and places of jobs that their team keeps no longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.store.expiry import AT_ONCE, Expiry
from tests.builders import MARKETING
from tests.job_builders import a_job, a_job_id
from tests.store.stores import RETENTION_S, Store, a_command

if TYPE_CHECKING:
    from tests.store.losing import Losing


@pytest.mark.loses("expire")
@pytest.mark.breaks("a record")
async def test_expire(losing: Losing) -> None:
    job = await losing.store.cancelled(await losing.store.admitted(), is_forgotten=False)
    before_ms = await losing.store.accounts.now_ms() + 1
    expired = await losing.once(
        lambda far: Expiry(far.client, far.keys, retention_s=lambda _: 0).one(
            job.team, job.id, before_ms
        )
    )
    assert (1, None) == (expired, await losing.store.jobs.load(job.id))


async def test_old_places_leave_the_list_however_many(store: Store) -> None:
    old = await store.admitted(
        a_command(job=a_job(id=a_job_id(999), attempts=(), created_at_ms=1_000))
    )
    places = [part for number in range(2 * AT_ONCE) for part in (number, a_job_id(number))]
    await store.client.call(("ZADD", store.keys.job_list(MARKETING), *places))
    assert 2 * AT_ONCE == await store.jobs.expire(
        await store.accounts.now_ms() + 2000 * RETENTION_S
    )
    page = await store.jobs.page(MARKETING, after=None, limit=9, is_ascending=False)
    assert (old,) == page.jobs
