"""A stream of news that a test writes, as the use case would give it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from proxy.domain.job import Job
    from proxy.gateway.following import Reader
    from proxy.gateway.views import JobView


@dataclass
class ScriptedFollowing:
    """Tells what is put into a queue: a job as it stands, "" for nothing new, None for the end."""

    view: JobView
    script: asyncio.Queue[Job | str | None]
    reader: Reader

    async def news(self) -> AsyncIterator[JobView | None]:
        """What is in the queue, each time that the reader has taken what came before."""
        while (job := await self.script.get()) is not None:
            while self.reader.is_behind() and not self.reader.is_gone():
                await asyncio.sleep(0.005)
            yield None if isinstance(job, str) else replace(self.view, job=job)
