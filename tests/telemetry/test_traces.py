"""Events become one trace for each job, whichever process saw them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from proxy.domain import events
from proxy.domain.job import JobState
from proxy.domain.trace import context_of, span_of
from proxy.telemetry.traces import Traces
from tests.http.fakes import StillClock
from tests.telemetry.samples import JOB, ONE_OF_EACH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from proxy.domain.events import Event

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GIVEN = f"00-{TRACE}-{SPAN}-01"


def spans_of(*seen: Sequence[Event]) -> list[ReadableSpan]:
    """The spans of some processes, each of which saw some events."""
    found: list[ReadableSpan] = []
    for each in seen:
        exporter = InMemorySpanExporter()
        traces = Traces(StillClock(), exporter, version="1.2.3")
        for event in each:
            traces.observe(event)
        traces.close()
        found += exporter.get_finished_spans()
    return found


def ids(span: ReadableSpan) -> tuple[str, str, str]:
    """Trace, span and parent."""
    assert span.context is not None
    parent = "" if span.parent is None else f"{span.parent.span_id:016x}"
    return f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}", parent


def traced(trace: str) -> list[Event]:
    kinds = (
        events.Admitted,
        events.Submitting,
        events.ProviderCalled,
        events.Stored,
        events.FailedOver,
        events.Ended,
    )
    return [replace(e, trace=trace) if isinstance(e, kinds) else e for e in ONE_OF_EACH]


def test_a_job_is_one_trace_over_all_processes() -> None:
    api, worker = traced("")[:3], traced("")[3:]
    found = spans_of(api, worker)
    own = context_of(JOB, "").trace
    assert {own} == {ids(span)[0] for span in found}
    (root,) = (span for span in found if span.name == "video")
    assert (own, span_of(JOB), "") == ids(root)
    others = [span for span in found if span is not root]
    assert {span_of(JOB)} == {ids(span)[2] for span in others}
    names = {span.name for span in others}
    assert {"create", "queue", "submit kling", "store", "fail over"} <= names
    assert len({ids(span)[1] for span in found}) == len(found)


def test_a_caller_s_trace_goes_on_in_ours() -> None:
    found = spans_of(traced(GIVEN))
    assert {TRACE} == {ids(span)[0] for span in found}
    (root,) = (span for span in found if span.name == "video")
    assert (TRACE, span_of(JOB), SPAN) == ids(root)


def test_what_its_caller_does_not_sample_is_not_sent() -> None:
    assert [] == spans_of(traced(GIVEN[:-1] + "0"))


def test_spans_last_as_long_as_what_they_stand_for_and_say_what_failed() -> None:
    ended = next(event for event in ONE_OF_EACH if isinstance(event, events.Ended))
    called = next(event for event in ONE_OF_EACH if isinstance(event, events.ProviderCalled))
    failed = replace(ended, state=JobState.FAILED, code="provider_failed", took_s=12.5)
    unnamed = replace(failed, code=None)
    refused = replace(called, outcome="throttled", took_s=0.5)
    video, nameless, call = spans_of([failed, unnamed, refused])
    assert video.end_time is not None
    assert video.start_time is not None
    assert 12.5 == (video.end_time - video.start_time) / 1e9
    assert (StatusCode.ERROR, "provider_failed") == (
        video.status.status_code,
        video.status.description,
    )
    assert "failed" == nameless.status.description
    assert "throttled" == call.status.description


def test_replays_and_what_is_no_step_of_a_job_make_no_span() -> None:
    admitted = next(event for event in ONE_OF_EACH if isinstance(event, events.Admitted))
    assert [] == spans_of([replace(admitted, is_replay=True), events.DecisionsLost(count=1)])
