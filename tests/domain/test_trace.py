"""Trace contexts: read strictly, and the same for a job wherever it is seen."""

from __future__ import annotations

import pytest

from proxy.domain.ids import JobId
from proxy.domain.trace import (
    TraceContext,
    context_of,
    parse_traceparent,
    span_of,
    traceparent_of,
)

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GIVEN = f"00-{TRACE}-{SPAN}-01"
JOB = JobId("video_1")


def test_a_traceparent_is_read() -> None:
    assert TraceContext(TRACE, SPAN) == parse_traceparent(f" {GIVEN} ")
    assert TraceContext(TRACE, SPAN, is_sampled=False) == parse_traceparent(GIVEN[:-1] + "0")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        GIVEN.upper(),
        f"01-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"{GIVEN}-more",
    ],
)
def test_what_is_none_is_as_if_it_had_not_been_sent(text: str) -> None:
    assert parse_traceparent(text) is None
    assert context_of(JOB, text) == context_of(JOB, "")


def test_a_job_has_its_caller_s_trace_or_its_own() -> None:
    assert TraceContext(TRACE, SPAN) == context_of(JOB, GIVEN)
    own = context_of(JOB, "")
    assert ("", True, 32) == (own.parent, own.is_sampled, len(own.trace))
    assert own == context_of(JOB, "")
    assert own.trace != context_of(JobId("video_2"), "").trace
    assert span_of(JOB) not in own.trace


def test_a_provider_is_sent_the_trace_and_the_job_s_span() -> None:
    assert f"00-{TRACE}-{span_of(JOB)}-01" == traceparent_of(JOB, GIVEN)
    assert traceparent_of(JOB, GIVEN[:-1] + "0").endswith("-00")
    assert parse_traceparent(traceparent_of(JOB, "")) is not None
