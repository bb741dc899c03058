"""Jobs as the fields of their hash, and back. docs/store.md lists the fields."""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from proxy.domain.ids import KeyId, TeamId
from proxy.domain.job import Attempt, Job, JobError, JobState, Resolution, StoppedBy, Work
from proxy.domain.video import Artifact
from proxy.store.packing import json_text, padded, trimmed, unpack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.domain.ids import JobId

STATE_LETTERS: Mapping[JobState, str] = MappingProxyType(
    {
        JobState.QUEUED: "q",
        JobState.SUBMITTING: "b",
        JobState.RUNNING: "r",
        JobState.STORING: "s",
        JobState.UNKNOWN: "u",
        JobState.COMPLETED: "c",
        JobState.FAILED: "f",
        JobState.CANCELLED: "x",
    }
)
STATES = MappingProxyType({letter: state for state, letter in STATE_LETTERS.items()})
WORK_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "p": "polls",
        "g": "progress",
        "s": "submit_retries",
        "t": "throttled_since_ms",
        "m": "malformed",
        "d": "downloads",
        "l": "look_ups",
        "f": "look_up_failures",
        "u": "unknown_since_ms",
        "i": "was_unknown_in",
        "c": "charge_micro_usd",
        "x": "cancels",
        "w": "is_cancel_free",
        "k": "looked_at_ms",
    }
)
CANCEL_FLAG = "c"
DELETED_FLAG = "d"
END_FIELDS = 4
ATTEMPT_FIELDS = 3
ARTIFACT_FIELDS = 3
SHA256_CHARS = 64
VIDEO = "video/mp4"
"""The media type of an artifact that names none."""


class Unreadable(Exception):
    """A job's record is damaged, or a newer version wrote it; the text quotes nothing of it."""


DAMAGE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, zlib.error)
"""What reading a record raises when it is not what we wrote; UnicodeError is a ValueError."""


def fields_of(reply: object) -> dict[str, bytes]:
    """Read a reply of HGETALL (names and values in turn)."""
    assert isinstance(reply, list)
    pairs = zip(reply[::2], reply[1::2], strict=True)
    return {name.decode(errors="replace"): value for name, value in pairs}


def job_of(job: JobId, fields: Mapping[str, bytes]) -> Job:
    """Build a job from the fields of its hash. Raises Unreadable."""
    try:
        return _job_of(job, fields)
    except DAMAGE as error:
        message = f"the record of {job} cannot be read ({type(error).__name__})"
        raise Unreadable(message) from error


def _job_of(job: JobId, fields: Mapping[str, bytes]) -> Job:
    team, key, created_ms, deadline_ms, fingerprint, digest, request, plan, *more = unpack(
        fields["d"]
    )
    cost_center, trace = more
    attempts = tuple(_attempt(fields, number) for number in range(1, int(fields["n"]) + 1))
    if not attempts or max(attempt.candidate for attempt in attempts) >= len(plan.candidates):
        message = "its attempts are none of its plan"
        raise ValueError(message)
    ended = Job(
        id=job,
        team=TeamId(team),
        key=KeyId(key),
        created_at_ms=int(created_ms),
        deadline_at_ms=int(deadline_ms),
        request=request,
        fingerprint=fingerprint,
        snapshot_digest=digest,
        plan=plan,
        cost_center=cost_center,
        trace=trace,
        state=STATES[fields["s"].decode()],
        fence=int(fields["f"]),
        attempts=attempts,
        work=work_of(fields.get("w")),
        is_fetched="q" in fields,
        ended_at_ms=int(fields["t"]) if "t" in fields else None,
    )
    return flagged(_with_end(ended, fields.get("e")), fields.get("x", b"").decode())


def flagged(job: Job, flags: str) -> Job:
    """A job with the flags the store has for it; a cancelled one keeps no artifact and no stop."""
    if flags:
        job = replace(
            job,
            cancel_requested=CANCEL_FLAG in flags,
            is_deleted=DELETED_FLAG in flags,
        )
    if job.state is JobState.CANCELLED:
        return replace(job, artifact=None, artifact_expires_at_ms=None, stopped_by=None)
    return job


def work_text(work: Work) -> str:
    """What the worker remembers, as JSON without defaults; "" when there is nothing."""
    values = {short: getattr(work, name) for short, name in WORK_FIELDS.items()}
    known = {short: value for short, value in values.items() if value not in (None, 0)}
    if work.charge_micro_usd == 0:  # a provider that reports "nothing" has reported something
        known["c"] = 0
    return json_text(known) if known else ""


def attempt_text(attempt: Attempt) -> str:
    """An attempt's field after the submit time: a bar, then account, operation and error."""
    error = [attempt.error.code, attempt.error.message] if attempt.error else None
    return "|" + json_text(trimmed([attempt.account, attempt.operation, error]))


def submitted_text(attempt: Attempt) -> str:
    """An attempt's whole field: the submit time in ms (or nothing) and `attempt_text`."""
    at_ms = attempt.submitted_at_ms
    return ("" if at_ms is None else str(at_ms)) + attempt_text(attempt)


def end_text(job: Job) -> str:
    """How a job ended (error, what stopped it, artifact); "" when nothing of it is known."""
    artifact = job.artifact
    values = trimmed(
        [
            [job.error.code, job.error.message] if job.error else None,
            job.stopped_by,
            _artifact_fields(artifact) if artifact else None,
            job.artifact_expires_at_ms,
        ]
    )
    return json_text(values) if values else ""


def _artifact_fields(artifact: Artifact) -> list[object]:
    """An artifact: its SHA-256 in base64, its size, and its type unless that is the usual one."""
    digest = b64encode(bytes.fromhex(artifact.sha256)).decode().rstrip("=")
    media_type = None if artifact.media_type == VIDEO else artifact.media_type
    return trimmed([digest, artifact.size_bytes, media_type])


def _artifact(fields: list[Any]) -> Artifact:
    digest, size_bytes, media_type = padded(fields, ARTIFACT_FIELDS)
    if len(digest) != SHA256_CHARS:  # in hexadecimal digits it was kept before
        digest = b64decode(digest + "=").hex()
    return Artifact(sha256=digest, size_bytes=size_bytes, media_type=media_type or VIDEO)


def reserved_attempt(number: int, text: str) -> Attempt:
    """An open attempt from its reservation: candidate, micro-USD, Unix ms, balances if held."""
    candidate, micro_usd, at_ms, _ = text.split("|", 3)
    return Attempt(
        number=number,
        candidate=int(candidate),
        reserved_micro_usd=int(micro_usd),
        reserved_at_ms=int(at_ms),
    )


def resolved_attempt(attempt: Attempt, text: str) -> Attempt:
    """An attempt with its resolution: "s|charged|overage|by" or "r|0|0|by"."""
    kind, charged, overage, by = text.split("|", 3)
    return replace(
        attempt,
        resolution=Resolution.SETTLED if kind == "s" else Resolution.RELEASED,
        charged_micro_usd=int(charged),
        overage_micro_usd=int(overage),
        resolved_by=by,
    )


def _attempt(fields: Mapping[str, bytes], number: int) -> Attempt:
    attempt = reserved_attempt(number, fields[f"a{number}"].decode())
    at_ms, _, text = fields.get(f"o{number}", b"").partition(b"|")
    account, operation, error = padded(json.loads(text) if text else [], ATTEMPT_FIELDS)
    attempt = replace(
        attempt,
        account=account,
        submitted_at_ms=int(at_ms) if at_ms else None,
        operation=operation,
        error=JobError(code=error[0], message=error[1]) if error else None,
    )
    resolution = fields.get(f"r{number}")
    return resolved_attempt(attempt, resolution.decode()) if resolution else attempt


def work_of(text: bytes | None) -> Work:
    """Read what `work_text` wrote."""
    if not text:
        return Work()
    values: dict[str, Any] = {
        WORK_FIELDS[short]: value for short, value in json.loads(text).items()
    }
    if "was_unknown_in" in values:
        values["was_unknown_in"] = JobState(values["was_unknown_in"])
    return Work(**values)


def _with_end(job: Job, text: bytes | None) -> Job:
    if not text:
        return job
    error, stopped_by, artifact, expires_at_ms = padded(json.loads(text), END_FIELDS)
    return replace(
        job,
        error=JobError(code=error[0], message=error[1]) if error else None,
        stopped_by=StoppedBy(stopped_by) if stopped_by else None,
        artifact=_artifact(artifact) if artifact else None,
        artifact_expires_at_ms=expires_at_ms,
    )
