"""Requests that hold their answer until a job is over, or until their patience is.

A job that ends in this process wakes its waiters at once. What other processes end is noticed by
one look a second at all awaited jobs together; nothing here spends a token or calls a vendor.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from proxy.domain.errors import StoreUnavailable
from proxy.domain.events import Ended

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from proxy.domain.events import Event
    from proxy.domain.ids import JobId
    from proxy.gateway.ports.jobs import Jobs
    from proxy.gateway.ports.runtime import Clock

WAITERS_MAX = 1000
"""Most requests one process holds; those beyond are answered at once."""
LOOK_EVERY_S = 1.0


class Waiter:
    """One request that waits; its place in the registry."""

    def __init__(self, is_gone: Callable[[], bool]) -> None:
        self._is_gone = is_gone
        self._woken = asyncio.Event()

    @property
    def is_gone(self) -> bool:
        """Say whether nobody would read the answer any more."""
        return self._is_gone()

    def wake(self) -> None:
        """End the wait, also one that has yet to begin."""
        self._woken.set()

    async def wait(self, seconds: float) -> None:
        """Wait until woken, at most so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return


class Waiters:
    """Everybody in this process who waits for a job; an observer of their ends."""

    def __init__(self, *, waiters_max: int = WAITERS_MAX) -> None:
        self._by_job: dict[JobId, set[Waiter]] = {}
        self._count = 0
        self._waiters_max = waiters_max
        self._is_draining = False
        self._some = asyncio.Event()

    def __len__(self) -> int:
        """How many wait."""
        return self._count

    def observe(self, event: Event) -> None:
        """Wake those who wait for a job that ended here."""
        if isinstance(event, Ended):
            self.wake(event.job)

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
        if self._is_draining or self._count >= self._waiters_max:
            yield None
            return
        waiter = Waiter(is_gone)
        self._by_job.setdefault(job, set()).add(waiter)
        self._count += 1
        self._some.set()
        try:
            yield waiter
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
        """Look after jobs that other processes end, and clients that leave, until cancelled.

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
            over = await jobs.over(tuple(self._by_job))
        except StoreUnavailable:
            return  # The next look will do; whoever runs out of patience is told then.
        for job in over:
            self.wake(job)
