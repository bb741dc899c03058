"""What every step of a job's life has in common: keys, operation ids, and reading its answer."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.domain.job import Work
from proxy.gateway.ports.jobs import AlreadyEnded, LostLease
from proxy.store.codec import STATES, flagged, reserved_attempt, resolved_attempt

if TYPE_CHECKING:
    from proxy.domain.job import Attempt, Job
    from proxy.store.connection import Reply
    from proxy.store.keys import Keys

OPERATION_BYTES = 8
STEP_KEYS = 10
"""How many `step_keys` there are; what a script takes besides comes after them."""


def new_operation(*, keeps_lease: bool = False) -> str:
    """Draw the id by which a step that is sent twice is known.

    `keeps_lease` says that the job stays in the caller's hands; the scripts read it off the id.
    """
    return ("+" if keeps_lease else "") + secrets.token_urlsafe(OPERATION_BYTES)


def step_keys(keys: Keys, job: Job) -> list[str]:
    """KEYS of begin, commit, finish, fail_over and cancel; the line is that of the attempt."""
    return [
        keys.job(job.id),
        keys.due(),
        keys.waiting(job.team, job.candidate.provider),
        keys.running(job.team),
        keys.team(job.team),
        keys.organisation(),
        keys.ledger(),
        keys.job_list(job.team),
        keys.lines(),
        keys.deadlines(),
    ]


def stored(after: Job, reply: Reply) -> Job:
    """The job a step left behind: `after`, with what the script decided.

    Raises:
        LostLease: the script found another fence, or the job gone.
        AlreadyEnded: the job had ended before.
    """
    status, *head = reply
    if status == b"over":
        message = f"{after.id} had ended before"
        raise AlreadyEnded(message)
    if status != b"ok":
        message = f"{after.id} is in other hands"
        raise LostLease(message)
    state, fence, number, flags, ended_ms, resolution, following, submitted = head
    attempt = after.attempt
    if resolution is not None:
        attempt = resolved_attempt(attempt, resolution.decode())
    at_ms = (submitted or b"").partition(b"|")[0]
    attempt = replace(attempt, submitted_at_ms=int(at_ms) if at_ms else None)
    job = replace(
        after,
        state=STATES[state.decode()],
        fence=int(fence),
        attempts=(*after.attempts[:-1], attempt),
        ended_at_ms=int(ended_ms) if ended_ms else None,
    )
    if int(number) > attempt.number:
        job = _queued_again(job, reserved_attempt(int(number), following.decode()))
    return flagged(job, (flags or b"").decode())


def _queued_again(job: Job, attempt: Attempt) -> Job:
    """A job with its next attempt: nothing of its former end, had it ended, remains."""
    return replace(
        job,
        attempts=(*job.attempts, attempt),
        work=Work(),
        error=None,
        stopped_by=None,
        artifact=None,
        artifact_expires_at_ms=None,
    )
