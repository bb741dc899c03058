"""Identifier types. They are strings on the wire; the types keep one from standing for another."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, NewType

if TYPE_CHECKING:
    from collections.abc import Callable

TeamId = NewType("TeamId", str)
KeyId = NewType("KeyId", str)
JobId = NewType("JobId", str)
AttemptId = NewType("AttemptId", str)
ProviderName = NewType("ProviderName", str)
ModelName = NewType("ModelName", str)
PolicyName = NewType("PolicyName", str)

JOB_ID_RANDOM_BYTES = 15
_JOB_ID = re.compile(r"video_[a-z2-7]{24}")
_ATTEMPT_ID = re.compile(r"(video_[a-z2-7]{24})-([1-9][0-9]{0,2})")


def new_job_id(random_bytes: Callable[[int], bytes]) -> JobId:
    """Make a public job id, `video_` and 24 characters of `a-z2-7` (120 random bits)."""
    raw = random_bytes(JOB_ID_RANDOM_BYTES)
    return JobId("video_" + base64.b32encode(raw).decode().lower())


def is_job_id(text: str) -> bool:
    """Say whether a text has the form of a job id; anything else need not reach the store."""
    return _JOB_ID.fullmatch(text) is not None


def attempt_id(job: JobId, number: int) -> AttemptId:
    """Name attempt `number` (from 1) of a job; providers see it as their external id."""
    return AttemptId(f"{job}-{number}")


def job_of_attempt(attempt: str) -> tuple[JobId, int]:
    """The job and the number behind an attempt's id, which may come from outside.

    Raises:
        ValueError: it has not the form of one.
    """
    found = _ATTEMPT_ID.fullmatch(attempt)
    if found is None:
        message = "not the id of an attempt"
        raise ValueError(message)
    return JobId(found[1]), int(found[2])
