"""The worker: finds what is due, leases it, and runs one step of each job at a time."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from proxy.domain.errors import StoreUnavailable
from proxy.domain.events import WorkerTurned
from proxy.domain.job import JobState
from proxy.gateway.courtesy import Courtesy, together
from proxy.gateway.dispatch import Dispatch
from proxy.gateway.fetch import Fetch
from proxy.gateway.outcome import Outcome
from proxy.gateway.poll import Poll
from proxy.gateway.ports.jobs import LostLease
from proxy.gateway.queue import Queue
from proxy.gateway.unknown import Unknown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from proxy.domain.ids import JobId
    from proxy.domain.job import Job
    from proxy.gateway.live import Current
    from proxy.gateway.runtime import Runtime

_T = TypeVar("_T")

CLAIM_MAX = 50
CLOCK_CHECK_S = 30.0
"""How often the machine's clock is compared with the store's."""


class Worker:
    """Runs jobs until it is cancelled. Any number of workers may share a store.

    Args:
        runtime: the ports.
        woken: waits until `runtime.wake` was called, at most so many seconds.
        report: told of an exception no step expected; the job's lease brings it back.
    """

    def __init__(
        self,
        runtime: Runtime,
        *,
        woken: Callable[[float], Awaitable[None]],
        report: Callable[[str, Exception], None],
    ) -> None:
        outcome = Outcome(runtime)
        fetch = Fetch(runtime, outcome)
        self._runtime = runtime
        self._woken = woken
        self._report = report
        self._dispatch = Dispatch(runtime, outcome)
        self._courtesy = Courtesy(runtime.clock)
        self._poll = Poll(runtime, outcome, fetch, self._courtesy)
        self._unknown = Unknown(runtime, outcome, self._poll)
        self._queue = Queue(runtime, self._dispatch, outcome)
        self._busy: set[str] = set()
        self._clock_due_s = 0.0
        self._is_draining = False

    async def run(self) -> None:
        """Work until drained or cancelled.

        Cancelled steps leave their jobs leased; another worker takes them up when the lease ends.
        """
        async with asyncio.TaskGroup() as group:
            while not self._is_draining:
                idle_s = await self._guard("turn", self._turn(group))
                await self._woken(self._pause_s(idle_s))

    def drain(self) -> None:
        """Start nothing more; `run` returns when the steps under way have ended."""
        self._is_draining = True
        self._runtime.wake()

    def _pause_s(self, idle_s: float | None) -> float:
        tick_s = self._runtime.live.snapshot.engine.tick_s
        return tick_s if idle_s is None else min(idle_s, tick_s)

    async def _turn(self, group: asyncio.TaskGroup) -> float | None:
        """Start what can be started now; returns seconds until something more is due."""
        self._runtime.observer.observe(WorkerTurned(busy=len(self._busy)))
        await self._follow_clock()
        # An older copy of the store would have what was queued in it bought again.
        await self._runtime.openings.ensure_whole()
        due_s = await self._follow_due(group)
        waits_s = await self._dispatch_waiting(group)
        return min((each_s for each_s in (due_s, waits_s) if each_s is not None), default=None)

    async def _follow_clock(self) -> None:
        """Judge deadlines by the store's clock, whatever this machine's own says."""
        runtime = self._runtime
        now_s = runtime.clock.monotonic_s()
        if now_s >= self._clock_due_s:
            runtime.balances.follow(await runtime.accounts.now_ms())
            self._clock_due_s = now_s + CLOCK_CHECK_S

    async def _follow_due(self, group: asyncio.TaskGroup) -> float | None:
        engine = self._runtime.live.snapshot.engine
        room = min(engine.concurrency - len(self._busy), CLAIM_MAX)
        if room <= 0:
            return None
        # A job of ours whose lease ran out, the store having been away, is still ours to end.
        ids, idle_s = await self._runtime.work.due(room + len(self._busy))
        free = [job for job in ids if job not in self._busy][:room]
        claimed = await self._runtime.work.claim(free, lease_s=engine.lease_s) if free else []
        self._follow(group, claimed)
        return 0.0 if claimed else idle_s

    def _follow(self, group: asyncio.TaskGroup, claimed: Sequence[Job]) -> None:
        current = self._runtime.live.current
        most = current.snapshot.engine.account_concurrency
        chosen, others = self._courtesy.choose(claimed, most)
        for job in others:
            self._start(group, job, partial(self._poll.put_off, job, current.snapshot))
        groups, alone = together(chosen, current)
        for job in alone:
            self._courtesy.enter(job)
            self._start(group, job, partial(self._advance, job), is_asking=True)
        for jobs in groups:
            for job in jobs:
                self._courtesy.enter(job)
                self._busy.add(job.id)
            group.create_task(self._ask_together(group, jobs, current))

    async def _ask_together(
        self, group: asyncio.TaskGroup, jobs: Sequence[Job], current: Current
    ) -> None:
        """Ask about several jobs at once; then each goes its own way.

        What breaks the step of all may be the fault of one, so each is then asked about alone.
        """
        steps: dict[JobId, Callable[[], Awaitable[None]]] = {}
        try:
            left = await self._guard(jobs[0].id, self._poll.step_together(jobs, current))
            if left is None:
                left = [(job, partial(self._advance, job)) for job in jobs]
            steps = {job.id: step for job, step in left}
        finally:
            for job in jobs:
                if job.id not in steps:
                    self._end(job, is_asking=True)
        for job in jobs:
            if job.id in steps:
                self._start(group, job, steps[job.id], is_asking=True)

    async def _dispatch_waiting(self, group: asyncio.TaskGroup) -> float | None:
        """Begin what has its turn; returns seconds until a provider can take the next one."""
        current = self._runtime.live.current
        concurrency = current.snapshot.engine.concurrency
        # The last quarter is for jobs under way: slow submits must not keep them from their end.
        room = concurrency - concurrency // 4
        if len(self._busy) >= room:
            return None
        turns = await self._queue.turns(current.snapshot, most=room - len(self._busy))
        while len(self._busy) < room and not self._is_draining:
            turn = turns.next()
            if turn is None:
                break
            begun = await self._guard(turn.job, self._queue.begin(turn, turns, current))
            if begun is not None:
                self._start(group, begun, partial(self._dispatch.submit, begun, current))
        if self._queue.goes_on(turns):
            return 0.0
        if not self._is_draining:
            await self._guard("queue", self._queue.replan(current.snapshot))
        return self._queue.wait_s

    def _start(
        self,
        group: asyncio.TaskGroup,
        job: Job,
        step: Callable[[], Awaitable[None]],
        *,
        is_asking: bool = False,
    ) -> None:
        self._busy.add(job.id)
        group.create_task(self._run_step(job, step, is_asking=is_asking))

    async def _run_step(
        self, job: Job, step: Callable[[], Awaitable[None]], *, is_asking: bool
    ) -> None:
        try:
            await self._guard(job.id, step())
        finally:
            self._end(job, is_asking=is_asking)

    def _end(self, job: Job, *, is_asking: bool) -> None:
        if is_asking:
            self._courtesy.leave(job)
        self._busy.discard(job.id)
        self._runtime.wake()

    async def _advance(self, job: Job) -> None:
        current = self._runtime.live.current
        match job.state:
            case JobState.SUBMITTING:
                await self._unknown.recover(job, current)
            case JobState.RUNNING | JobState.STORING:
                await self._poll.step(job, current)
            case JobState.UNKNOWN:
                await self._unknown.step(job, current)
            case _:
                message = f"{job.state} jobs are never due"
                raise AssertionError(message)

    async def _guard(self, what: str, step: Awaitable[_T]) -> _T | None:
        """Keep one job's trouble from the others: the poller's own exception boundary."""
        try:
            return await step
        except LostLease:
            return None
        except StoreUnavailable as error:
            self._report(what, error)
            return None
        except Exception as error:  # noqa: BLE001 - the boundary; the lease brings the job back
            self._report(what, error)
            return None
