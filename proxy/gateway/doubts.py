"""Creates that may have been admitted without our hearing of it: counted once that is known.

Their callers were told that the store does not answer, and find the job when they ask again; but
nobody else would ever tell of the money that was reserved.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from proxy.domain.errors import StoreUnavailable
from proxy.domain.events import Admitted

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from proxy.gateway.ports.jobs import Jobs
    from proxy.gateway.ports.runtime import Clock, Observer

LOOK_EVERY_S = 1.0
SETTLED_S = 30.0
"""After so long no store takes up a create any more that it was sent."""
DOUBTS_MAX = 10_000


class Doubts:
    """Jobs that may be in the store, by when the store will have made up its mind."""

    def __init__(self) -> None:
        self._doubts: deque[tuple[float, Job]] = deque(maxlen=DOUBTS_MAX)

    def __len__(self) -> int:
        """How many are in doubt."""
        return len(self._doubts)

    def add(self, job: Job, now_s: float) -> None:
        """Note a job whose admission got no answer; `now_s` is monotonic."""
        self._doubts.append((now_s + SETTLED_S, job))

    async def watch(self, jobs: Jobs, observer: Observer, clock: Clock) -> None:
        """Look after them until cancelled; without any it does nothing at all."""
        while True:
            await clock.sleep(LOOK_EVERY_S)
            await self.settle(jobs, observer, clock.monotonic_s())

    async def settle(self, jobs: Jobs, observer: Observer, now_s: float) -> None:
        """Tell of those that were admitted after all; a store that is away is asked later."""
        while self._doubts and self._doubts[0][0] <= now_s:
            try:
                found = await jobs.load(self._doubts[0][1].id)
            except StoreUnavailable:
                return
            self._doubts.popleft()
            if found is not None:
                observer.observe(admission_of(found))


def admission_of(job: Job, *, is_replay: bool = False) -> Admitted:
    """The event of an admission: with what was reserved then, whatever became of the job since."""
    first = job.attempts[0]
    candidate = job.plan.candidates[first.candidate]
    return Admitted(
        job=job.id,
        team=job.team,
        key=job.key,
        policy=job.plan.policy,
        provider=candidate.provider,
        model=candidate.model,
        reserved_micro_usd=0 if is_replay else first.reserved_micro_usd,
        is_replay=is_replay,
        trace=job.trace,
    )
