"""The immutable part of a job as one packed field: positional JSON, deflated with a dictionary.

The first byte is the version, which names the dictionary: neither changes once data exists, a
better one gets the next number (`tools/packing_words.py` makes it). The fingerprint follows as it
is, since nothing makes it smaller. Positions may only be added at the end.
"""

from __future__ import annotations

import json
import zlib
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from proxy.domain.ids import JobId, ModelName, PolicyName, ProviderName
from proxy.domain.plan import Candidate, Plan, Skipped, Switch
from proxy.domain.source import Source, Verb, Way
from proxy.domain.video import InputFile, Shape, Substitute, VideoJob

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.job import Job

PACKING = b"2"
FIRST = b"1"
"""The version that had the fingerprint at a position of its own."""
FIRST_FINGERPRINT = 4
FINGERPRINT_BYTES = 32
LEVEL = 6
WINDOW_BITS = -13
MEMORY_LEVEL = 6
"""A window of 8 KiB holds the words and any job; a larger one costs time to set up."""
UNPACKED_MAX = 512
"""Jobs kept unpacked: a client polls one job often, and this part of it never changes."""

JOB_FIELDS = 9
REQUEST_FIELDS = 18
CANDIDATE_FIELDS = 12
SKIPPED_FIELDS = 5
PLAN_FIELDS = 6


def pack(job: Job) -> bytes:
    """Pack what never changes about a job: who asked for what, and the plan."""
    immutable: list[object] = [
        job.team,
        job.key,
        job.created_at_ms,
        job.deadline_at_ms,
        job.snapshot_digest,
        _request_fields(job.request),
        _plan_fields(job.plan),
        job.cost_center or None,
        job.trace or None,
    ]
    fingerprint = bytes.fromhex(job.fingerprint)
    assert len(fingerprint) == FINGERPRINT_BYTES, "SHA-256"
    deflate = zlib.compressobj(
        LEVEL, zlib.DEFLATED, WINDOW_BITS, MEMORY_LEVEL, zlib.Z_DEFAULT_STRATEGY, _words(PACKING)
    )
    text = json_text(trimmed(immutable)).encode()
    return PACKING + fingerprint + deflate.compress(text) + deflate.flush()


@lru_cache(maxsize=UNPACKED_MAX)
def unpack(packed: bytes) -> tuple[str, str, int, int, str, str, VideoJob, Plan, str, str]:
    """Read it: team, key, created, deadline, fingerprint, digest, request, plan, and two more.

    These are the cost centre and the traceparent, "" where there is none.

    Raises:
        ValueError, LookupError, TypeError, zlib.error: damaged, or packed by a newer version.
    """
    fingerprint, values = _opened(packed)
    *plain, request, plan, cost_center, trace = padded(values, JOB_FIELDS)
    team, key, created_ms, deadline_ms, digest = plain
    return (
        team, key, created_ms, deadline_ms, fingerprint, digest,
        _request(request), _plan(plan), cost_center or "", trace or "",
    )  # fmt: skip


def json_text(value: object) -> str:
    """Compact JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def trimmed(values: list[object]) -> list[object]:
    """Positions without the empty ones at the end."""
    while values and values[-1] is None:
        values.pop()
    return values


def padded(values: Sequence[Any], length: int) -> list[Any]:
    """Positions with None for those left out at the end."""
    return [*values, *[None] * (length - len(values))]


def _opened(packed: bytes) -> tuple[str, list[Any]]:
    """The fingerprint, and the positions without it."""
    version = packed[:1]
    if version == PACKING:
        start = 1 + FINGERPRINT_BYTES
        return packed[1:start].hex(), _inflated(version, packed[start:])
    if version == FIRST:
        values = _inflated(version, packed[1:])
        return values.pop(FIRST_FINGERPRINT), values
    message = "packed in a way that this version does not know"
    raise ValueError(message)


def _inflated(version: bytes, deflated: bytes) -> list[Any]:
    inflate = zlib.decompressobj(WINDOW_BITS, _words(version))
    values: list[Any] = json.loads(inflate.decompress(deflated))
    return values


@cache
def _words(version: bytes) -> bytes:
    return (files("proxy.store") / f"packing-{version.decode()}.txt").read_bytes()


def _request_fields(request: VideoJob) -> list[object]:
    return trimmed(
        [
            request.prompt,
            request.model,
            request.policy,
            request.seconds,
            request.resolution,
            request.aspect_ratio,
            request.audio,
            _file_fields(request.input_reference),
            dict(request.metadata) or None,
            request.max_cost_micro_usd,
            request.deadline_s,
            request.substitute,
            _file_fields(request.last_frame),
            [_file_fields(file) for file in request.reference_images] or None,
            request.negative_prompt,
            request.seed,
            request.webhook_url,
            _source_fields(request.source),
        ]
    )


def _request(fields: list[Any]) -> VideoJob:
    values = padded(fields, REQUEST_FIELDS)
    metadata, substitute = values[8], values[11]
    return VideoJob(
        prompt=values[0],
        model=values[1],
        policy=values[2],
        seconds=values[3],
        resolution=values[4],
        aspect_ratio=values[5],
        audio=values[6],
        input_reference=_file(values[7]),
        last_frame=_file(values[12]),
        reference_images=tuple(file for file in map(_file, values[13] or ()) if file is not None),
        negative_prompt=values[14],
        seed=values[15],
        metadata=metadata or {},
        max_cost_micro_usd=values[9],
        deadline_s=values[10],
        substitute=Substitute(substitute) if substitute else None,
        webhook_url=values[16],
        source=_source(values[17]),
    )


def _source_fields(source: Source | None) -> list[object] | None:
    if source is None:
        return None
    return [
        source.id,
        source.verb,
        source.seconds,
        source.resolution,
        source.aspect_ratio,
        source.size_bytes,
        source.sha256,
        source.model,
        source.provider,
        source.upstream,
        source.account,
        source.operation,
    ]


def _source(fields: list[Any] | None) -> Source | None:
    if not fields:
        return None
    return Source(
        id=JobId(fields[0]),
        verb=Verb(fields[1]),
        seconds=fields[2],
        resolution=fields[3],
        aspect_ratio=fields[4],
        size_bytes=fields[5],
        sha256=fields[6],
        model=ModelName(fields[7]),
        provider=ProviderName(fields[8]),
        upstream=fields[9],
        account=fields[10],
        operation=fields[11],
    )


def _file_fields(file: InputFile | None) -> list[object] | None:
    return [file.sha256, file.size_bytes, file.media_type] if file else None


def _file(fields: list[Any] | None) -> InputFile | None:
    if not fields:
        return None
    return InputFile(sha256=fields[0], size_bytes=fields[1], media_type=fields[2])


def _plan_fields(plan: Plan) -> list[object]:
    switch = plan.switch
    fields: list[object] = [
        plan.policy,
        plan.requested_model,
        plan.substitute,
        [
            trimmed(
                [
                    candidate.provider,
                    candidate.model,
                    candidate.upstream,
                    candidate.shape.seconds,
                    candidate.shape.resolution,
                    candidate.shape.aspect_ratio,
                    int(candidate.shape.audio),
                    candidate.quote_micro_usd,
                    candidate.price_id,
                    candidate.reason,
                    candidate.score,
                    candidate.way,
                ]
            )
            for candidate in plan.candidates
        ],
        [
            trimmed([skip.provider, skip.model, skip.code, skip.detail, skip.quote_micro_usd])
            for skip in plan.skipped
        ],
        [switch.asked, switch.above_percent, switch.budget] if switch else None,
    ]
    return trimmed(fields)


def _plan(fields: list[Any]) -> Plan:
    policy, requested_model, substitute, candidates, skipped, switch = padded(fields, PLAN_FIELDS)
    return Plan(
        policy=PolicyName(policy),
        requested_model=requested_model,
        substitute=Substitute(substitute),
        candidates=tuple(_candidate(item) for item in candidates),
        skipped=tuple(_skipped(item) for item in skipped),
        switch=_switch(switch),
    )


def _switch(item: list[Any] | None) -> Switch | None:
    if not item:
        return None
    return Switch(asked=PolicyName(item[0]), above_percent=item[1], budget=item[2])


def _skipped(item: list[Any]) -> Skipped:
    provider, model, code, detail, quote_micro_usd = padded(item, SKIPPED_FIELDS)
    return Skipped(
        provider=ProviderName(provider),
        model=ModelName(model),
        code=code,
        detail=detail,
        quote_micro_usd=quote_micro_usd,
    )


def _candidate(fields: list[Any]) -> Candidate:
    item = padded(fields, CANDIDATE_FIELDS)
    return Candidate(
        provider=ProviderName(item[0]),
        model=ModelName(item[1]),
        upstream=item[2],
        shape=Shape(
            seconds=item[3], resolution=item[4], aspect_ratio=item[5], audio=bool(item[6])
        ),
        quote_micro_usd=item[7],
        price_id=item[8],
        reason=item[9],
        score=item[10],
        way=Way(item[11]) if item[11] else None,
    )
