"""Where a job may still go: the candidates of its plan that nothing was sent to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.conditions import Closure

if TYPE_CHECKING:
    from proxy.domain.conditions import Conditions
    from proxy.domain.job import Job
    from proxy.domain.plan import Candidate
    from proxy.domain.policy import Snapshot

Place = tuple[int, "Candidate"]
"""A candidate with its number in the plan."""


def sent_attempts(job: Job) -> int:
    """How many attempts were sent to a provider; one that moved on while it waited was not."""
    return sum(attempt.submitted_at_ms is not None for attempt in job.attempts)


def remaining(
    job: Job, snapshot: Snapshot, conditions: Conditions, now_s: float
) -> tuple[Place, ...]:
    """The candidates that are left, in the plan's order, those that are unhealthy last.

    One that the job only waited for, or that was passed over, is left. What is drained, gone,
    retired or no longer configured is not.
    """
    sent = {attempt.candidate for attempt in job.attempts if attempt.submitted_at_ms is not None}
    over = sent | {job.attempt.candidate}
    places = [
        (number, candidate)
        for number, candidate in enumerate(job.plan.candidates)
        if number not in over and _is_routable(candidate, snapshot, conditions, now_s)
    ]
    return tuple(sorted(places, key=lambda place: place[1].offer_id in conditions.closed))


def later(
    job: Job, places: tuple[Place, ...], conditions: Conditions, *, or_unhealthy: bool
) -> tuple[Place, ...]:
    """Those of the places that a waiting job may move on to: never back, so that it arrives."""
    return tuple(
        (number, candidate)
        for number, candidate in places
        if number > job.attempt.candidate
        and (or_unhealthy or candidate.offer_id not in conditions.closed)
    )


def _is_routable(
    candidate: Candidate, snapshot: Snapshot, conditions: Conditions, now_s: float
) -> bool:
    provider = snapshot.providers.get(candidate.provider)
    offer = snapshot.offer(candidate.offer_id)
    if provider is None or not provider.is_configured or offer is None:
        return False
    closed = conditions.closed.get(offer.id)
    if closed is not None and closed.why is not Closure.UNHEALTHY:
        return False
    return not offer.lifecycle.is_retired(now_s)
