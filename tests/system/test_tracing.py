"""Spans of a real job arrive at a real collector, in its caller's trace; providers are told it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from proxy.domain.ids import JobId
from proxy.domain.trace import span_of
from tests.system.deployment import wait_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.system.deployment import Deployment

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector:
    """Takes spans as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        self.names: dict[str, list[str]] = {}
        self.endpoint = ""

    async def take(self, request: web.Request) -> web.Response:
        batch = ExportTraceServiceRequest.FromString(await request.read())
        for resource in batch.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.names.setdefault(span.trace_id.hex(), []).append(span.name)
        return web.Response()


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    collector = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        collector.endpoint = f"http://{host}:{port}/v1/traces"
        yield collector
    finally:
        await runner.cleanup()


async def test_a_job_is_one_trace_from_its_caller_to_its_provider(deployment: Deployment) -> None:
    async with collecting() as collector:
        deployment.more = {"tracing": {"endpoint": collector.endpoint}}
        await asyncio.to_thread(deployment.start, OTEL_BSP_SCHEDULE_DELAY="100")
        status, video, _ = await deployment.api(
            "POST",
            "/videos",
            json_body={"prompt": "a boat", "model": "kling-3.0", "seconds": 4},
            headers={"traceparent": f"00-{TRACE}-{SPAN}-01"},
        )
        assert 200 == status
        await deployment.finished(video["id"])
        wanted = {"create", "queue", "submit kling", "status kling", "store", "video"}

        async def have_arrived() -> bool:
            return wanted <= set(collector.names.get(TRACE, ()))

        await wait_until(have_arrived, "every span")
        (submit,) = [
            call
            for call in (await deployment.simulated("calls"))["calls"]
            if call["operation"] == "submit"
        ]
        assert f"00-{TRACE}-{span_of(JobId(video['id']))}-01" == submit["traceparent"]
        await asyncio.to_thread(deployment.stop)
