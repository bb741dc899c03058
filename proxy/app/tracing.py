"""Traces, if they are wanted: the only place that loads OpenTelemetry."""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from proxy.config.settings import ServerSettings
    from proxy.gateway.ports.runtime import Clock, Observer

MISSING = "tracing.endpoint needs OpenTelemetry: pip install greenlight-proxy[tracing]"
EXPORT_S = 2
"""How long a collector may take; spans that it does not take are dropped, nothing waits for it."""


def tracing(stack: AsyncExitStack, server: ServerSettings, clock: Clock) -> tuple[Observer, ...]:
    """The observer that makes spans; none without an endpoint. What waits is sent at the end.

    Raises:
        ValueError: the extra is not installed.
    """
    endpoint = server.tracing_endpoint
    if endpoint is None:
        return ()
    if find_spec("opentelemetry") is None:
        raise ValueError(MISSING)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - an extra
        OTLPSpanExporter,
    )

    from proxy.telemetry.traces import Traces  # noqa: PLC0415 - loads the extra

    exporter = OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_S)
    traces = Traces(clock, exporter, version=version("greenlight-proxy"))
    stack.callback(traces.close)
    return (traces,)
