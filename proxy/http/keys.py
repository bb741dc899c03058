"""Typed keys of what a request carries through the middlewares."""

from pathlib import Path

from aiohttp import web

from proxy.gateway.views import Caller

REQUEST_ID = web.RequestKey("request_id", str)
CALLER = web.RequestKey("caller", Caller)
STREAM = web.RequestKey("stream", web.StreamResponse)
"""The response a handler has begun to stream: once prepared, no error body may follow it."""
RATES = web.RequestKey("rates", dict[str, str])
"""Headers that tell of the bucket an administrator's request was counted in."""
SPOOL_DIR = web.AppKey("spool_dir", Path)
"""Where large uploads wait, without a name; the system's temporary folder if it is not set."""
