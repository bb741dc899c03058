"""The team API over a stage, and the official client that speaks to it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import openai
from aiohttp.test_utils import TestServer

from proxy.gateway.callbacks import Callbacks
from proxy.http.apps import public_app
from proxy.http.links import Links
from proxy.http.services import Services
from tests.builders import PRINTED_KEY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.gateway.harness import Stage

SECRET = b"0123456789abcdef0123456789abcdef"


@asynccontextmanager
async def serving(stage: Stage) -> AsyncIterator[str]:
    """Serve a stage's use cases; yields the base address, which ends in /v1."""
    app = public_app(
        Services(
            videos=stage.videos,
            authenticate=stage.videos.authenticate,
            callbacks=Callbacks(stage.runtime, SECRET),
        ),
        links=Links(secret=SECRET),
        clock=stage.runtime.clock,
        observer=stage.observer,
        random_bytes=lambda count: b"\x07" * count,
    )
    async with TestServer(app) as server:
        yield str(server.make_url("/v1"))


@asynccontextmanager
async def openai_client(
    stage: Stage, *, max_retries: int = 0
) -> AsyncIterator[openai.AsyncOpenAI]:
    """Serve a stage's use cases, and connect the openai client of its team's key."""
    async with (
        serving(stage) as base_url,
        openai.AsyncOpenAI(
            base_url=base_url, api_key=PRINTED_KEY, max_retries=max_retries
        ) as client,
    ):
        yield client
