"""Trace contexts in the form of the W3C: one trace for the whole life of a job.

Source: https://www.w3.org/TR/trace-context/, read 2026-11-29.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.domain.ids import JobId

_FORM = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
TRACE_CHARS, SPAN_CHARS = 32, 16
_SAMPLED = 1


@dataclass(frozen=True, slots=True)
class TraceContext:
    """Where a span belongs: ids in hex; `parent` is "" for the first span of a trace."""

    trace: str
    parent: str = ""
    is_sampled: bool = True


def parse_traceparent(text: str) -> TraceContext | None:
    """Read a traceparent header; None if it is none, which is as if it had not been sent."""
    found = _FORM.fullmatch(text.strip())
    if found is None or not (int(found[1], 16) and int(found[2], 16)):
        return None
    return TraceContext(found[1], found[2], is_sampled=bool(int(found[3], 16) & _SAMPLED))


def context_of(job: JobId, traceparent: str) -> TraceContext:
    """The trace of a job: its caller's, else one of its own that every process knows."""
    given = parse_traceparent(traceparent)
    return given or TraceContext(_digest(job)[:TRACE_CHARS])


def span_of(job: JobId) -> str:
    """The id of the span that is the whole job; all others are its children."""
    return _digest(job)[TRACE_CHARS : TRACE_CHARS + SPAN_CHARS]


def traceparent_of(job: JobId, traceparent: str) -> str:
    """What a provider is sent: the job's trace, its span as the parent."""
    context = context_of(job, traceparent)
    return f"00-{context.trace}-{span_of(job)}-{'01' if context.is_sampled else '00'}"


def _digest(job: JobId) -> str:
    return sha256(job.encode()).hexdigest()
