"""Calls to providers, timed and observed in one place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar, assert_never

from proxy.domain.errors import ProviderError
from proxy.domain.events import ProviderCalled
from proxy.domain.failure import Failure, FailureKind
from proxy.domain.health import SUBMIT
from proxy.domain.source import Way
from proxy.domain.trace import traceparent_of
from proxy.domain.video import VIDEO_TYPE, Order, OrderInput, OrderSource
from proxy.gateway import sources
from proxy.gateway.inputs import read_input

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from proxy.domain.job import Job
    from proxy.domain.video import InputFile
    from proxy.gateway.runtime import Runtime

OK = "ok"

_T = TypeVar("_T")


async def call(runtime: Runtime, job: Job, operation: str, made: Awaitable[_T]) -> _T:
    """Await a provider call and observe how it went. Raises ProviderError."""
    asked = _Call(runtime, job, operation, runtime.clock.monotonic_s(), runtime.balances.now_ms())
    try:
        answer = await made
    except ProviderError as error:
        asked.ended(error.failure)
        raise
    asked.ended(None)
    return answer


@dataclass(frozen=True, slots=True)
class _Call:
    """One call under way, since when by two clocks: one that never steps back, the store's."""

    runtime: Runtime
    job: Job
    operation: str
    started_s: float
    begun_ms: int

    def ended(self, failure: Failure | None) -> None:
        """Observe how it went, and let the circuit breakers hear of it."""
        self._observe(failure)
        if self.operation == SUBMIT:
            self.runtime.health.submitted(self.job, failure)
        else:
            self.runtime.health.called(self.job, self.operation, self.begun_ms, failure)

    def _observe(self, failure: Failure | None) -> None:
        runtime, job = self.runtime, self.job
        runtime.observer.observe(
            ProviderCalled(
                job=job.id,
                provider=job.candidate.provider,
                account=job.attempt.account or "",
                model=job.candidate.model,
                operation=self.operation,
                outcome=OK if failure is None else failure.kind.value,
                took_s=runtime.clock.monotonic_s() - self.started_s,
                upstream_code=failure.upstream_code if failure else None,
                is_classified=failure.is_classified if failure else True,
                trace=job.trace,
            )
        )


def order_for(runtime: Runtime, job: Job) -> Order:
    """What the current candidate is asked to make.

    Raises:
        ProviderError: the video that it starts from cannot be given to it any more.
    """
    candidate = job.candidate
    request = job.request

    def handle(file: InputFile) -> OrderInput:
        def open_input() -> AsyncIterator[bytes]:
            return read_input(runtime, job, file.sha256)

        return OrderInput(media_type=file.media_type, size_bytes=file.size_bytes, open=open_input)

    first, last = request.input_reference, request.last_frame
    return Order(
        prompt=request.prompt,
        upstream=candidate.upstream,
        shape=candidate.shape,
        first_frame=None if first is None else handle(first),
        last_frame=None if last is None else handle(last),
        reference_images=tuple(handle(file) for file in request.reference_images),
        negative_prompt=request.negative_prompt,
        seed=request.seed,
        source=_source_for(runtime, job),
        traceparent=traceparent_of(job.id, job.trace) if runtime.is_traced else "",
    )


def _source_for(runtime: Runtime, job: Job) -> OrderSource | None:
    """The video the order starts from, as the current candidate is given it."""
    source, way = job.request.source, job.candidate.way
    if source is None or way is None:
        return None
    begun = OrderSource(verb=source.verb, seconds=source.seconds)
    match way:
        case Way.ORIGIN:
            return replace(begun, operation=source.operation)
        case Way.BYTES:
            file = OrderInput(
                media_type=VIDEO_TYPE,
                size_bytes=source.size_bytes,
                open=lambda: sources.chunks(runtime, job),
            )
            return replace(begun, file=file)
        case Way.LINK:
            url = runtime.link_to_source(job.id)
            if url is None:
                message = "not asked: it would fetch the video from public_url, which is not set"
                raise ProviderError(Failure(kind=FailureKind.SOURCE_GONE, message=message))
            return replace(begun, url=url)
        case _:
            assert_never(way)
