"""Typed builders of requests, plans, attempts and jobs in the world of `tests.builders`."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from proxy.domain.failure import Failure, FailureKind
from proxy.domain.ids import JobId, KeyId, ModelName, PolicyName, ProviderName, TeamId
from proxy.domain.job import Attempt, Job, JobState
from proxy.domain.plan import Candidate, Plan
from proxy.domain.video import Shape, Substitute, VideoJob
from proxy.gateway.ports.ledger import Mandate
from tests.builders import KLING, MARKETING, NOW_MS, VERTEX, a_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def a_request(
    prompt: str = "a red fox in the snow",
    *,
    model: str | None = None,
    policy: str | None = None,
    seconds: int | None = None,
    resolution: str | None = None,
    metadata: Mapping[str, str] | None = None,
    max_cost_micro_usd: int | None = None,
    substitute: Substitute | None = None,
) -> VideoJob:
    """A create request; `dataclasses.replace` sets the rarer fields."""
    return VideoJob(
        prompt=prompt,
        model=model,
        policy=policy,
        seconds=seconds,
        resolution=resolution,
        metadata=MappingProxyType(dict(metadata or {})),
        max_cost_micro_usd=max_cost_micro_usd,
        substitute=substitute,
    )


def fingerprint_of(request: VideoJob) -> str:
    """What tells a request from others."""
    return hashlib.sha256(repr(request).encode()).hexdigest()


def a_shape(*, seconds: int = 4, resolution: str = "720p", audio: bool = False) -> Shape:
    return Shape(seconds=seconds, resolution=resolution, aspect_ratio="16:9", audio=audio)


def a_candidate(
    provider: ProviderName = KLING,
    model: str = "kling-3.0",
    *,
    quote_micro_usd: int = 336_000,
    shape: Shape | None = None,
) -> Candidate:
    return Candidate(
        provider=provider,
        model=ModelName(model),
        upstream=f"{model}-upstream",
        shape=shape or a_shape(),
        quote_micro_usd=quote_micro_usd,
        price_id="720p-any@2026-11-22",
        reason=f"price {quote_micro_usd / 1e6:.6f}",
    )


def a_plan(*candidates: Candidate) -> Plan:
    """A plan of the candidates given, else of Kling first and Vertex second."""
    second = a_candidate(VERTEX, "veo-3.1-fast", quote_micro_usd=400_000)
    return Plan(
        policy=PolicyName("cheapest"),
        requested_model=None,
        substitute=Substitute.POLICY,
        candidates=candidates or (a_candidate(), second),
        skipped=(),
    )


def an_attempt(
    number: int = 1, *, candidate: int = 0, reserved_micro_usd: int = 336_000
) -> Attempt:
    """An attempt as the store writes it: reserved, nothing submitted yet."""
    return Attempt(
        number=number,
        candidate=candidate,
        reserved_micro_usd=reserved_micro_usd,
        reserved_at_ms=NOW_MS,
    )


def a_job_id(number: int = 0) -> JobId:
    """The number-th of a row of distinct, well-formed job ids."""
    alphabet = "abcdefghijklmnopqrstuvwxyz234567"
    digits = []
    for _ in range(24):
        number, digit = divmod(number, 32)
        digits.append(alphabet[digit])
    return JobId("video_" + "".join(reversed(digits)))


def a_job(
    *,
    id: JobId | None = None,  # noqa: A002 - the field's name
    team: TeamId = MARKETING,
    key: KeyId | None = None,
    request: VideoJob | None = None,
    plan: Plan | None = None,
    attempts: Sequence[Attempt] | None = None,
    created_at_ms: int = NOW_MS,
) -> Job:
    """A queued job with one open attempt; `attempts=()` is one that is about to be admitted."""
    return Job(
        id=id or a_job_id(),
        team=team,
        key=key or a_key().id,
        created_at_ms=created_at_ms,
        deadline_at_ms=created_at_ms + 3_600_000,
        request=request or a_request(),
        fingerprint=hashlib.sha256(b"a request").hexdigest(),
        snapshot_digest="0123456789abcdef",
        plan=plan or a_plan(),
        attempts=(an_attempt(),) if attempts is None else tuple(attempts),
    )


def a_running_job(job: Job | None = None) -> Job:
    """A job whose current attempt the provider has accepted."""
    queued = job or a_job()
    accepted = replace(
        queued.attempt,
        account="main",
        submitted_at_ms=NOW_MS + 1000,
        operation={"task_id": "t-1"},
    )
    return replace(
        queued,
        state=JobState.RUNNING,
        fence=queued.fence + 1,
        attempts=(*queued.attempts[:-1], accepted),
    )


def a_failure(
    kind: FailureKind = FailureKind.UNAVAILABLE, *, message: str = "503 from the provider"
) -> Failure:
    return Failure(kind=kind, message=message)


def a_mandate(operation: str = "op-1", *, reason: str = "invoice 11") -> Mandate:
    """What a person of finance may do, and why."""
    return Mandate(operation=operation, actor="fin1 (abcd2345)", role="finance", reason=reason)
