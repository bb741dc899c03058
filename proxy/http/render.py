"""Jobs as OpenAI's Video object, with what Greenlight adds in `greenlight`."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from typing import TYPE_CHECKING

from proxy.domain.ids import attempt_id
from proxy.domain.job import PublicStatus, Resolution, public_error, public_status
from proxy.domain.money import format_usd
from proxy.domain.source import Verb
from proxy.domain.video import frame_size_px
from proxy.http.waits import queue_body

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp import web

    from proxy.domain.job import Attempt, Job, JobError
    from proxy.domain.plan import Candidate, Plan, Skipped
    from proxy.domain.policy import Offer
    from proxy.domain.source import Source
    from proxy.domain.video import Shape
    from proxy.domain.wait import Wait
    from proxy.gateway.ports.runtime import Clock
    from proxy.http.links import Links

DONE_PERCENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where and when an answer is given: what links and ages in it depend on."""

    links: Links
    origin: str
    now_s: float


def scene_of(request: web.Request, links: Links, clock: Clock) -> Scene:
    """Where and when a request is answered."""
    return Scene(links=links, origin=f"{request.scheme}://{request.host}", now_s=clock.now_s())


def video(
    job: Job, scene: Scene, *, wait: Wait | None = None, is_stale: bool = False
) -> dict[str, object]:
    """The Video object of a job."""
    candidate, source = current_candidate(job), job.request.source
    status = public_status(job)
    is_completed = status is PublicStatus.COMPLETED
    expires_at_ms = job.artifact_expires_at_ms if is_completed else None
    return {
        "id": job.id,
        "object": "video",
        "model": candidate.model,
        "status": status.value,
        "progress": DONE_PERCENT if is_completed else job.work.progress,
        "created_at": job.created_at_ms // 1000,
        "completed_at": _unix_s(job.ended_at_ms) if is_completed else None,
        "expires_at": _unix_s(expires_at_ms),
        "prompt": job.request.prompt,
        "seconds": str(job.seconds),
        "size": size(candidate.shape),
        "remixed_from_video_id": source.id if source and source.verb is Verb.REMIX else None,
        "error": _error(public_error(job)),
        "greenlight": {
            "policy": job.plan.policy,
            "policy_switch": policy_switch(job.plan),
            "provider": candidate.provider,
            "model": candidate.model,
            "requested_model": job.plan.requested_model,
            "cost_usd": {
                "reserved": format_usd(job.reserved_micro_usd),
                "charged": format_usd(job.charged_micro_usd) if job.is_settled else None,
            },
            "attempts": [_attempt(attempt, job) for attempt in job.attempts],
            "route": route(job),
            "stopped_by": job.stopped_by.value if job.stopped_by else None,
            "queue": queue_body(job, wait) if status is PublicStatus.QUEUED else None,
            "artifact": _artifact(job, scene) if is_completed else None,
            "metadata": dict(job.request.metadata),
            "source": _source(source, candidate),
            **({"stale": True} if is_stale else {}),
        },
    }


def _source(source: Source | None, candidate: Candidate) -> dict[str, object] | None:
    """Which video it is made from, and how the current candidate is given it."""
    if source is None:
        return None
    assert candidate.way is not None
    return {"id": source.id, "verb": source.verb.value, "how": candidate.way.value}


def stale_headers(stale_s: float | None) -> dict[str, str]:
    """How long ago it was so, in whole seconds; nothing where it is so now."""
    return {} if stale_s is None else {"Greenlight-Stale": str(int(stale_s))}


def policy_switch(plan: Plan) -> dict[str, object] | None:
    """Which policy was asked for, and why another ranked; None when it did itself.

    Without `budget_used` it found no offer, and its fallback did.
    """
    if plan.switch is None:
        return None
    percent = plan.switch.above_percent
    return {
        "asked": plan.switch.asked,
        "budget_used": None if percent is None else f">{percent}%",
        "budget": plan.switch.budget,
    }


def current_candidate(job: Job) -> Candidate:
    """The candidate of the current attempt, or the first one before there is any."""
    return job.candidate if job.attempts else job.plan.candidates[0]


def size(shape: Shape) -> str:
    """A shape's frame as "1280x720"."""
    return _size(shape.resolution, shape.aspect_ratio)


@lru_cache(maxsize=256)
def _size(resolution: str, aspect_ratio: str) -> str:
    return "{}x{}".format(*frame_size_px(resolution, aspect_ratio))


def route(job: Job) -> list[dict[str, object]]:
    """The routing decision: candidates in order, each with its fate, then what was skipped."""
    tried = [attempt.candidate for attempt in job.attempts]
    candidates = [
        {**candidate_entry(candidate, rank), "outcome": _fate(rank - 1, tried)}
        for rank, candidate in enumerate(job.plan.candidates, 1)
    ]
    return [*candidates, *skipped_entries(job.plan.skipped)]


def skipped_entries(skipped: Sequence[Skipped]) -> list[dict[str, object]]:
    """What was considered and left out, and why."""
    return [*map(_skipped_entry, skipped)]


def _fate(place: int, tried: Sequence[int]) -> str:
    """What became of the candidate at a place, given those that were tried, in order."""
    if not tried or place > tried[-1]:
        return "open"
    if place == tried[-1]:
        return "chosen"
    return "failed" if place in tried else "passed_over"


def candidate_entry(candidate: Candidate, rank: int) -> dict[str, object]:
    """One candidate with its price at the job's shape; the first one's rank is 1."""
    return {
        "rank": rank,
        "provider": candidate.provider,
        "model": candidate.model,
        "seconds": str(candidate.shape.seconds),
        "size": size(candidate.shape),
        "audio": candidate.shape.audio,
        "price_usd": format_usd(candidate.quote_micro_usd),
        "score": candidate.score,
        "skipped": False,
        "reason": candidate.reason,
    }


def _skipped_entry(skipped: Skipped) -> dict[str, object]:
    known = skipped.quote_micro_usd is not None
    return {
        "provider": skipped.provider,
        "model": skipped.model,
        "price_usd": format_usd(skipped.quote_micro_usd or 0) if known else None,
        "skipped": True,
        "code": skipped.code,
        "detail": skipped.detail,
    }


def _attempt(attempt: Attempt, job: Job) -> dict[str, object]:
    candidate = job.plan.candidates[attempt.candidate]
    is_open = attempt.resolution is Resolution.OPEN
    return {
        "id": attempt_id(job.id, attempt.number),
        "number": attempt.number,
        "provider": candidate.provider,
        "model": candidate.model,
        "cost_usd": {
            "reserved": format_usd(attempt.reserved_micro_usd),
            "charged": None if is_open else format_usd(attempt.charged_micro_usd or 0),
        },
        "money": attempt.resolution.value,
        "reserved_at": attempt.reserved_at_ms // 1000,
        "submitted_at": _unix_s(attempt.submitted_at_ms),
        "error": _error(attempt.error),
    }


def _artifact(job: Job, scene: Scene) -> dict[str, object] | None:
    expires_ms = job.artifact_expires_at_ms
    until_s = None if expires_ms is None else expires_ms / 1000
    if job.artifact is None or (until_s is not None and until_s <= scene.now_s):
        return None
    link = scene.links.sign(job.id, origin=scene.origin, now_s=scene.now_s, until_s=until_s)
    return {
        "url": link.url,
        "sha256": job.artifact.sha256,
        "bytes": job.artifact.size_bytes,
        "expires_at": link.expires_at_s,
    }


def _error(error: JobError | None) -> dict[str, object] | None:
    return None if error is None else {"code": error.code, "message": error.message}


def _unix_s(at_ms: int | None) -> int | None:
    return None if at_ms is None else at_ms // 1000


def aging_headers(offer: Offer | None, now_s: float) -> dict[str, str]:
    """Deprecation and Sunset of the offer that serves a job.

    Source: RFC 9745 (Deprecation, a structured date) and RFC 8594 (Sunset, an HTTP date).
    """
    if offer is None or not offer.lifecycle.is_deprecated(now_s):
        return {}
    sunset_s = offer.lifecycle.sunset_s
    since_s = offer.lifecycle.deprecated_at_s
    # Nobody announced it, but its end is known: deprecated from that day at the latest.
    known_s = sunset_s if since_s is None else since_s
    assert known_s is not None
    sunset = {} if sunset_s is None else {"Sunset": formatdate(sunset_s, usegmt=True)}
    return {"Deprecation": f"@{int(known_s)}", **sunset}
