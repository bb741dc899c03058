"""Waiting jobs that are passed over for a while, by what this process remembers of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.gateway.gates import bound_account

if TYPE_CHECKING:
    from proxy.domain.ids import JobId, ProviderName
    from proxy.domain.job import Job
    from proxy.gateway.ports.runtime import Clock

REMEMBERED_MAX = 20_000
"""Of so many jobs it is remembered what they are for; beyond that it is learned anew."""


class Stayed:
    """Which waiting jobs could not go elsewhere a moment ago, and where that was tried."""

    def __init__(self, clock: Clock, *, most: int = REMEMBERED_MAX) -> None:
        self._clock = clock
        self._most = most
        self._jobs: dict[JobId, tuple[float, frozenset[ProviderName]]] = {}

    def note(self, job: JobId, within: frozenset[ProviderName], for_s: float) -> None:
        """Remember that a job can go to none of the providers."""
        if len(self._jobs) >= self._most:
            self._jobs.clear()
        self._jobs[job] = self._clock.monotonic_s() + for_s, within

    def would_stay(self, job: JobId, within: frozenset[ProviderName]) -> bool:
        """Say whether all of these were tried for a job, a moment ago."""
        until_s, tried = self._jobs.get(job, (0.0, frozenset()))
        return until_s > self._clock.monotonic_s() and within <= tried


class Aside:
    """What was turned away a moment ago, so that it hides nobody behind it and costs no reads.

    A job is turned away for what it is for: an offer, and the account it is bound to. All others
    that are for the same are passed over with it, once they were seen.
    """

    def __init__(self, clock: Clock, *, most: int = REMEMBERED_MAX) -> None:
        self._clock = clock
        self._most = most
        self._jobs: dict[JobId, float] = {}
        self._aims: dict[tuple[str, str | None], float] = {}
        self._known: dict[JobId, tuple[str, str | None]] = {}

    def learn(self, job: Job) -> None:
        """Remember what a job is for."""
        if len(self._known) >= self._most:
            self._known.clear()
        self._known[job.id] = (job.candidate.offer_id, bound_account(job))

    def turn_away(self, job: Job, for_s: float) -> None:
        """Pass over all that are for the same as a job that was learned."""
        self._aims[self._known[job.id]] = self._clock.monotonic_s() + for_s

    def put(self, job: JobId, for_s: float) -> None:
        """Pass over one job."""
        now_s = self._clock.monotonic_s()
        if len(self._jobs) >= self._most:
            self._jobs = {each: until_s for each, until_s in self._jobs.items() if until_s > now_s}
        self._jobs[job] = now_s + for_s

    def take_back(self, job: JobId) -> None:
        """Pass over one job no more."""
        self._jobs.pop(job, None)

    def has(self, job: JobId) -> bool:
        """Say whether a job is passed over just now."""
        aim = self._known.get(job)
        until_s = 0.0 if aim is None else self._aims.get(aim, 0.0)
        return until_s > self._clock.monotonic_s() or self.has_alone(job)

    def has_alone(self, job: JobId) -> bool:
        """Say whether it is passed over whatever it is for."""
        return self._jobs.get(job, 0.0) > self._clock.monotonic_s()
