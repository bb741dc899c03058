"""Requests that stay until a job is over, or to follow it: answers held back, and streams.

What happens to a job in this process wakes them at once. What other processes do is noticed by
one look a second at all awaited jobs together; nothing here spends a token or calls a vendor.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from typing_extensions import override

from proxy.domain.errors import RateLimited, ServerBusy, StoreUnavailable
from proxy.domain.events import Ended, Moved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from proxy.domain.events import Event
    from proxy.domain.ids import JobId, TeamId
    from proxy.gateway.ports.jobs import Glimpse, Jobs
    from proxy.gateway.ports.runtime import Clock

WAITERS_MAX = 1000
"""Most answers one process holds back; those beyond are given at once."""
STREAMS_MAX = 1000
STREAMS_PER_TEAM = 100
"""Most streams of one process, and most of a team's there; those beyond are refused."""
STREAMS_RETRY_S = 5
LOOK_EVERY_S = 1.0


class Waiter:
    """One request that waits for the end of a job; its place in the registry."""

    def __init__(self, is_gone: Callable[[], bool]) -> None:
        self._is_gone = is_gone
        self._is_woken = False
        self._rung = asyncio.Event()

    @property
    def is_gone(self) -> bool:
        """Say whether nobody would read the answer any more."""
        return self._is_gone()

    def wake(self) -> None:
        """End the wait, also one that has yet to begin."""
        self._is_woken = True
        self._rung.set()

    def stir(self) -> None:
        """Hear that the job goes on in this process."""

    def see(self, glimpse: Glimpse) -> None:
        """Hear how the job stands."""
        if glimpse.is_over:
            self.wake()

    async def wait(self, seconds: float) -> bool:
        """Wait until woken, at most so many seconds; says whether it was woken."""
        timer = asyncio.get_running_loop().call_later(seconds, self._rung.set)
        try:
            await self._rung.wait()
        finally:
            timer.cancel()
        return self._is_woken


class Follower(Waiter):
    """One request that follows a job; `mark` names what it was told last."""

    mark = ""

    @override
    def stir(self) -> None:
        self.wake()

    @override
    def see(self, glimpse: Glimpse) -> None:
        if glimpse.mark != self.mark:
            self.wake()

    @override
    async def wait(self, seconds: float) -> bool:
        is_woken = await super().wait(seconds)
        self._is_woken = False
        self._rung.clear()
        return is_woken


class Waiters:
    """Everybody in this process who waits for a job; an observer of what happens to jobs."""

    def __init__(
        self,
        *,
        waiters_max: int = WAITERS_MAX,
        streams_max: int = STREAMS_MAX,
        streams_per_team: int = STREAMS_PER_TEAM,
    ) -> None:
        self._by_job: dict[JobId, set[Waiter]] = {}
        self._count = 0
        self._streams: Counter[TeamId] = Counter()
        self._waiters_max = waiters_max
        self._streams_max = streams_max
        self._streams_per_team = streams_per_team
        self._is_draining = False
        self._some = asyncio.Event()

    def __len__(self) -> int:
        """How many wait or follow."""
        return self._count

    @property
    def streams(self) -> int:
        """How many follow a job."""
        return self._streams.total()

    def observe(self, event: Event) -> None:
        """Wake those who wait for what happened here."""
        if isinstance(event, Ended):
            self.wake(event.job)
        elif isinstance(event, Moved):
            for waiter in self._by_job.get(event.job, ()):
                waiter.stir()

    def wake(self, job: JobId) -> None:
        """Wake those who wait for a job: it is over for its client."""
        for waiter in self._by_job.get(job, ()):
            waiter.wake()

    @property
    def is_draining(self) -> bool:
        """Say whether nobody may wait any more."""
        return self._is_draining

    def drain(self) -> None:
        """Let everybody go, and take nobody in any more: the process stops."""
        self._is_draining = True
        for job in list(self._by_job):
            self.wake(job)

    @contextmanager
    def place(self, job: JobId, is_gone: Callable[[], bool]) -> Iterator[Waiter | None]:
        """Wait for a job as long as the block lasts; None when there is no room.

        Taken before the job is read, so that an end between the read and the wait is not missed.
        """
        if self._is_draining or self._count - self.streams >= self._waiters_max:
            yield None
            return
        waiter = Waiter(is_gone)
        with self._placed(job, waiter):
            yield waiter

    @contextmanager
    def follow(self, job: JobId, team: TeamId, is_gone: Callable[[], bool]) -> Iterator[Follower]:
        """Follow a job as long as the block lasts; taken before it is read, as `place` is.

        Raises:
            RateLimited: the team follows as many here as it may.
            ServerBusy: this process has no room for more, or stops.
        """
        if self._is_draining or self.streams >= self._streams_max:
            message = "this process has no room for another stream of events; try again"
            raise ServerBusy(message, retry_after_s=STREAMS_RETRY_S)
        if self._streams[team] >= self._streams_per_team:
            message = f"the team follows {self._streams_per_team} videos already; let some end"
            raise RateLimited(message, code="too_many_streams", retry_after_s=STREAMS_RETRY_S)
        follower = Follower(is_gone)
        self._streams[team] += 1
        try:
            with self._placed(job, follower):
                yield follower
        finally:
            self._streams[team] -= 1
            self._streams += Counter()  # drops the teams that follow nothing

    @contextmanager
    def _placed(self, job: JobId, waiter: Waiter) -> Iterator[None]:
        self._by_job.setdefault(job, set()).add(waiter)
        self._count += 1
        self._some.set()
        try:
            yield
        finally:
            self._leave(job, waiter)

    def _leave(self, job: JobId, waiter: Waiter) -> None:
        others = self._by_job[job]
        others.discard(waiter)
        if not others:
            del self._by_job[job]
        self._count -= 1
        if not self._count:
            self._some.clear()

    async def watch(self, jobs: Jobs, clock: Clock) -> None:
        """Look after jobs of other processes, and clients that leave, until cancelled.

        Without waiters it does nothing at all.
        """
        while True:
            await self._some.wait()
            await clock.sleep(LOOK_EVERY_S)
            self._dismiss_gone()
            await self._look(jobs)

    def _dismiss_gone(self) -> None:
        for waiters in self._by_job.values():
            for waiter in waiters:
                if waiter.is_gone:
                    waiter.wake()

    async def _look(self, jobs: Jobs) -> None:
        try:
            seen = await jobs.glimpses(tuple(self._by_job))
        except StoreUnavailable:
            return  # The next look will do; whoever runs out of patience is told then.
        for job, glimpse in seen.items():
            for waiter in self._by_job.get(job, ()):
                waiter.see(glimpse)
