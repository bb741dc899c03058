"""What a process still knows while the store is away: own buckets, jobs lately read, keys denied.

Money is not among it: without the store nothing is admitted, cancelled or settled.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from proxy.domain.bucket import share, spend_all
from proxy.domain.errors import KEY_REVOKED, Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.bucket import Bucket, BucketState
    from proxy.domain.ids import JobId, KeyId, TeamId
    from proxy.domain.job import Job
    from proxy.gateway.live import Live
    from proxy.gateway.ports.runtime import Clock
    from proxy.gateway.views import Caller

BUCKETS_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A job as it last stood in the store, and how long ago that was."""

    job: Job
    age_s: float


class Standby:
    """Kept up while the store answers, asked when it does not. `siblings` share one deployment."""

    def __init__(self, live: Live, clock: Clock, *, siblings: int = 1) -> None:
        self._live = live
        self._clock = clock
        self._siblings = siblings
        self._tats: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._jobs: OrderedDict[JobId, tuple[Job, float]] = OrderedDict()
        self._denied: set[tuple[TeamId, KeyId]] = set()
        self._learned: set[TeamId] = set()

    def spend(self, owner: str, buckets: Sequence[Bucket]) -> tuple[BucketState, ...]:
        """Take a token of each of this process's own buckets, or none.

        Each is a share of the one in the store, and full when it is asked for the first time.
        `owner` tells the buckets of a name apart.
        """
        parts = self._live.snapshot.outage.replicas * self._siblings
        own = [replace(bucket, limit=share(bucket.limit, parts)) for bucket in buckets]
        places = [(owner, bucket.name) for bucket in buckets]
        now_us = round(self._clock.monotonic_s() * 1_000_000)
        states, after_us = spend_all(own, [self._tats.get(place, 0) for place in places], now_us)
        for place, tat_us in zip(places, after_us, strict=True):
            self._tats[place] = tat_us
            self._tats.move_to_end(place)
        while len(self._tats) > BUCKETS_MAX:
            self._tats.popitem(last=False)
        return states

    def check(self, caller: Caller) -> None:
        """Refuse a key that was revoked as far as is known. Raises Unauthenticated."""
        if (caller.team.id, caller.key.id) in self._denied:
            raise Unauthenticated(KEY_REVOKED)

    def learn_revoked(self, team: TeamId, keys: frozenset[KeyId]) -> None:
        """Note every key of a team that is revoked by now."""
        self._learned.add(team)
        for key in keys:
            self.deny(team, key)

    def deny(self, team: TeamId, key: KeyId) -> None:
        """Note that a key is revoked, which is for good."""
        self._denied.add((team, key))

    def note(self, job: Job) -> None:
        """Remember a job that a client has read, as it stands in the store."""
        most = self._live.snapshot.outage.remember
        if most and job.is_fetched and not job.is_deleted:
            self._remember(job)
            while len(self._jobs) > most:
                self._jobs.popitem(last=False)
        else:
            self.forget(job.id)

    def follow(self, job: Job) -> None:
        """Note how a job stands now, if it is remembered."""
        if job.id not in self._jobs:
            return
        if job.is_deleted:
            self.forget(job.id)
        else:
            self._remember(job)

    def forget(self, job_id: JobId) -> None:
        """Know nothing of a job any more."""
        self._jobs.pop(job_id, None)

    def known_to(self, caller: Caller, job_id: JobId) -> Known | None:
        """A job of the caller's team that was lately read here; None if nobody may say so.

        Nothing is told to a team of which it was never known which keys are revoked.
        """
        known = self.known(job_id)
        if known is None or known.job.team != caller.team.id:
            return None
        return known if caller.team.id in self._learned else None

    def known(self, job_id: JobId) -> Known | None:
        """A job that was lately read here, whosever it is."""
        job, seen_s = self._jobs.get(job_id, (None, 0.0))
        age_s = self._clock.monotonic_s() - seen_s
        if job is None or age_s > self._live.snapshot.outage.remember_for_s:
            return None
        return Known(job=job, age_s=age_s)

    def _remember(self, job: Job) -> None:
        before, _ = self._jobs.get(job.id, (None, 0.0))
        # An answer that was long under way must not bring an ended job back.
        if before is not None and before.state.is_terminal and not job.state.is_terminal:
            return
        self._jobs[job.id] = (job, self._clock.monotonic_s())
        self._jobs.move_to_end(job.id)
