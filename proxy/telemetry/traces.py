"""Events as spans of OpenTelemetry: one trace for each job, put together by all processes.

The trace and the span of a job follow from its id (or its caller's traceparent), so that whoever
sees a step of it adds a span to the same trace without asking anybody. Loaded only if traces are
configured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from typing_extensions import override

from proxy.domain import events
from proxy.domain.job import JobState
from proxy.domain.trace import context_of, span_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace.export import SpanExporter

    from proxy.domain.events import Event
    from proxy.gateway.ports.runtime import Clock

    Facts = Mapping[str, str | int | float | bool]
    _Step = (
        events.Admitted
        | events.Submitting
        | events.ProviderCalled
        | events.Stored
        | events.FailedOver
    )

NS = 1_000_000_000
OK = "ok"
Attributes = dict[str, "str | int | float | bool"]


class _Ids(IdGenerator):
    """Random ids, but for the span that is a whole job."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()
        self.trace: int | None = None
        self.span: int | None = None

    @override
    def generate_span_id(self) -> int:
        return self._random.generate_span_id() if self.span is None else self.span

    @override
    def generate_trace_id(self) -> int:
        return self._random.generate_trace_id() if self.trace is None else self.trace


class Traces:
    """An observer that makes spans; they are sent beside the event loop, in batches.

    Attributes follow OpenTelemetry's conventions for generative AI where these have a word
    (`gen_ai.provider.name`, `gen_ai.request.model`, `gen_ai.operation.name`), and `greenlight.*`
    for the rest. No prompt, key or URL is among them.
    Source: https://opentelemetry.io/docs/specs/semconv/gen-ai/, read 2026-11-29.
    """

    def __init__(self, clock: Clock, exporter: SpanExporter, *, version: str) -> None:
        self._clock = clock
        self._ids = _Ids()
        resource = Resource.create({"service.name": "greenlight", "service.version": version})
        self._provider = TracerProvider(resource=resource, id_generator=self._ids)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("greenlight", version)

    def observe(self, event: Event) -> None:
        """Make a span of what took time, and of the whole job once it has ended."""
        match event:
            case events.Admitted(is_replay=False):
                self._step(event, "create", 0.0, _admitted(event))
            case events.Submitting():
                facts: Attributes = {"greenlight.attempt": event.attempt, **_place(event)}
                self._step(event, "queue", event.queued_s, facts)
            case events.ProviderCalled():
                self._called(event)
            case events.Stored():
                facts = {"greenlight.artifact.bytes": event.size_bytes, **_offer(event)}
                self._step(event, "store", event.took_s, facts)
            case events.FailedOver():
                facts = {"greenlight.from": event.before, "greenlight.to": event.after}
                facts["greenlight.reason"] = event.reason
                self._step(event, "fail over", 0.0, facts)
            case events.Ended():
                self._ended(event)
            case _:
                return

    def close(self) -> None:
        """Send what waits."""
        self._provider.shutdown()

    def _called(self, event: events.ProviderCalled) -> None:
        facts: Attributes = {
            "gen_ai.operation.name": event.operation,
            "greenlight.account": event.account,
            "greenlight.outcome": event.outcome,
            **_offer(event),
        }
        name = f"{event.operation} {event.provider}"
        self._step(
            event,
            name,
            event.took_s,
            facts,
            kind=SpanKind.CLIENT,
            error="" if event.outcome == OK else event.outcome,
        )

    def _ended(self, event: events.Ended) -> None:
        facts: Attributes = {
            "greenlight.job": event.job,
            "greenlight.team": event.team,
            "greenlight.state": event.state.value,
            "greenlight.polls": event.polls,
            "greenlight.video.seconds": event.seconds,
            **_offer(event),
        }
        given = context_of(event.job, event.trace)
        parent = self._context(given.trace, given.parent, is_sampled=given.is_sampled)
        self._ids.trace, self._ids.span = int(given.trace, 16), int(span_of(event.job), 16)
        try:
            is_failed = event.state is JobState.FAILED
            self._span(
                "video",
                parent,
                event.took_s,
                facts,
                kind=SpanKind.SERVER,
                error=(event.code or "failed") if is_failed else "",
            )
        finally:
            self._ids.trace = self._ids.span = None

    def _step(
        self,
        event: _Step,
        name: str,
        took_s: float,
        facts: Facts,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        error: str = "",
    ) -> None:
        """A span of a job that ends now."""
        given = context_of(event.job, event.trace)
        parent = self._context(given.trace, span_of(event.job), is_sampled=given.is_sampled)
        known = {"greenlight.job": event.job, **facts}
        self._span(name, parent, took_s, known, kind=kind, error=error)

    def _span(
        self,
        name: str,
        parent: Context | None,
        took_s: float,
        facts: Facts,
        *,
        kind: SpanKind,
        error: str,
    ) -> None:
        ended_ns = int(self._clock.now_s() * NS)
        span = self._tracer.start_span(
            name,
            parent,
            kind=kind,
            attributes=dict(facts),
            start_time=ended_ns - int(took_s * NS),
        )
        if error:
            span.set_status(Status(StatusCode.ERROR, error))
        span.end(ended_ns)

    def _context(self, trace: str, span: str, *, is_sampled: bool) -> Context | None:
        """The context of a parent; None for the first span of a trace."""
        if not span:
            return None
        flags = TraceFlags(TraceFlags.SAMPLED if is_sampled else TraceFlags.DEFAULT)
        known = SpanContext(int(trace, 16), int(span, 16), is_remote=True, trace_flags=flags)
        return set_span_in_context(NonRecordingSpan(known))


def _admitted(event: events.Admitted) -> Attributes:
    return {
        "greenlight.team": event.team,
        "greenlight.policy": event.policy,
        "greenlight.reserved_usd": event.reserved_micro_usd / 1_000_000,
        **_offer(event),
    }


def _offer(
    event: events.Admitted | events.ProviderCalled | events.Stored | events.Ended,
) -> Attributes:
    return {"gen_ai.provider.name": event.provider, "gen_ai.request.model": event.model}


def _place(event: events.Submitting) -> Attributes:
    return {
        "gen_ai.provider.name": event.provider,
        "gen_ai.request.model": event.model,
        "greenlight.account": event.account,
    }
