"""Reading jobs that stand in a queue: one that cannot be read holds up nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.events import RecordSetAside
from proxy.store.codec import Unreadable, fields_of, job_of
from proxy.store.connection import ReplyError
from proxy.store.script import Script

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from proxy.domain.ids import JobId
    from proxy.domain.job import Job
    from proxy.gateway.ports.runtime import Observer
    from proxy.store.client import Client
    from proxy.store.connection import Argument, Reply

SET_ASIDE_S = 300.0
"""How long a record that cannot be read is left alone, before it is looked at again."""


class Records:
    """Jobs from their fields; one that cannot be read is put off in its queue, and told."""

    def __init__(self, client: Client, observer: Observer) -> None:
        self._client = client
        self._observer = observer
        self._put_off = Script.load("put_off")

    async def readable(self, job: JobId, asked: Awaitable[Reply], queue: str) -> Job | None:
        """A job from its fields; None when it is gone, or cannot be read and was set aside."""
        try:
            fields = fields_of(await asked)
            return job_of(job, fields) if fields else None
        except Unreadable:
            pass
        except ReplyError as error:
            if "WRONGTYPE" not in str(error):
                raise
        await self.put_off(queue, job)
        self._observer.observe(RecordSetAside(job=job))
        return None

    async def put_off(self, queue: str, job: JobId) -> None:
        """Leave a job alone for a while, if it still stands in that queue."""
        arguments: list[Argument] = [job, round(SET_ASIDE_S * 1000)]
        await self._put_off.run(self._client, [queue], arguments)
