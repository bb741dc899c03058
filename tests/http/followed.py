"""What the fake use cases tell of a video beside itself: news as a test writes them, letters."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from proxy.domain.video_event import message_id
from proxy.gateway.ports.letters import Fate, LetterState, Text, Try
from proxy.gateway.ports.notices import KnownReceiver, Outcome
from proxy.gateway.views import LettersView
from tests.builders import NOW_MS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from proxy.domain.bucket import BucketState
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


class Stream(Protocol):
    """Where the news come from, and how many follow them."""

    news: asyncio.Queue[Job | str | None]
    waiting: int


@asynccontextmanager
async def followed(
    stream: Stream, view: JobView, reader: Reader
) -> AsyncIterator[ScriptedFollowing]:
    """Follow a stream while the block lasts."""
    stream.waiting += 1
    try:
        yield ScriptedFollowing(view, stream.news, reader)
    finally:
        stream.waiting -= 1


def a_letters_view(job: Job, bucket: BucketState) -> LettersView:
    """One letter about a job's end that was taken at the second try, and one that waits."""
    text = Text(
        message=message_id(job.id),
        receiver="aa",
        kind="video.completed",
        body=None,
        at_ms=NOW_MS,
        sequence=7,
        team=job.team,
    )
    log = (
        Try(at_ms=NOW_MS + 6000, outcome=Outcome.DELIVERED, status=204, fault="", took_ms=12),
        Try(at_ms=NOW_MS + 999, outcome=Outcome.FAILED, status=None, fault="timeout", took_ms=9),
    )
    taken = LetterState(text=text, fate=Fate.DELIVERED, tries=2, log=log)
    waits = LetterState(
        text=replace(text, receiver="bb", body="{}", url="https://Hooks.example:8443/in?token=1"),
        fate=Fate.WAITING,
        tries=1,
        excerpt="no such tenant",
        next_at_ms=NOW_MS + 300_000,
    )
    known = KnownReceiver(
        id="aa", team=job.team, origin="https://team.example", kinds=("video.completed",)
    )
    return LettersView(letters=(taken, waits), known={"aa": known}, buckets=(bucket,))
