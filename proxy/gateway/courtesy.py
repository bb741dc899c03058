"""How much one account is asked at a time, and whether it wants to be left alone for a while.

Kept by each worker for itself: what one process learns of a Retry-After, the others learn by their
own next call.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from proxy.domain.job import JobState
from proxy.gateway.ports.provider import AnswersTogether

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.ids import ProviderName
    from proxy.domain.job import Job
    from proxy.gateway.live import Current
    from proxy.gateway.ports.provider import VideoProvider
    from proxy.gateway.ports.runtime import Clock

    Place = tuple[ProviderName, str]


def place_of(job: Job) -> Place:
    """The provider account of a job's current attempt."""
    return job.candidate.provider, job.attempt.account or ""


class Courtesy:
    """Counts the jobs a worker asks about per account, and remembers who asked for a rest."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._under_way: Counter[Place] = Counter()
        self._rests_until_s: dict[Place, float] = {}

    def enter(self, job: Job) -> None:
        """Note that a job's account is being asked."""
        self._under_way[place_of(job)] += 1

    def leave(self, job: Job) -> None:
        """Note that it no longer is."""
        self._under_way[place_of(job)] -= 1

    def rest(self, place: Place, seconds: float) -> None:
        """Leave an account alone for so long: it answered 429."""
        until_s = self._clock.monotonic_s() + seconds
        self._rests_until_s[place] = max(until_s, self._rests_until_s.get(place, 0.0))

    def rests_s(self, place: Place) -> float:
        """For how long an account is still to be left alone."""
        return max(0.0, self._rests_until_s.get(place, 0.0) - self._clock.monotonic_s())

    def choose(self, claimed: Sequence[Job], most: int) -> tuple[list[Job], list[Job]]:
        """Part claimed jobs into those that may take their step now and those that must wait.

        A submit whose worker died asks nobody, so it never waits.
        """
        chosen: list[Job] = []
        others: list[Job] = []
        taken = Counter(self._under_way)
        for job in claimed:
            place = place_of(job)
            is_free = taken[place] < most and not self.rests_s(place)
            if is_free or job.state is JobState.SUBMITTING:
                taken[place] += 1
                chosen.append(job)
            else:
                others.append(job)
        return chosen, others


def together(jobs: Sequence[Job], current: Current) -> tuple[list[list[Job]], list[Job]]:
    """Part jobs into groups that one call can ask about, and those to be asked about alone."""
    known: dict[Place, list[Job]] = {}
    groups: list[list[Job]] = []
    alone: list[Job] = []
    for job in jobs:
        if job.state is JobState.RUNNING:
            known.setdefault(place_of(job), []).append(job)
        else:
            alone.append(job)
    for place, running in known.items():
        size = _together_max(current.providers.get(*place))
        groups += [running[start : start + size] for start in range(0, len(running), size)]
    alone += [group[0] for group in groups if len(group) == 1]
    return [group for group in groups if len(group) > 1], alone


def _together_max(adapter: VideoProvider | None) -> int:
    if adapter is None:
        return 1
    return adapter.together_max if isinstance(adapter, AnswersTogether) else 1
