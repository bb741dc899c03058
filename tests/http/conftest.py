from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from typing_extensions import override

from proxy.http.apps import public_app, runner
from proxy.http.links import Links
from proxy.http.openapi import document
from proxy.http.routes import routes
from proxy.http.services import Services
from tests.builders import PRINTED_KEY
from tests.fakes import RecordingObserver
from tests.http.described import Description
from tests.http.fakes import RecordingVideos, StillClock
from tests.http.heard import RecordingCallbacks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    Client = TestClient[web.Request, web.Application]


class ServerAsShipped(TestServer):
    """A test server with our own runner; aiohttp's cancels handlers of clients that leave."""

    @override
    async def _make_runner(self, **_: object) -> web.AppRunner:
        return runner(self.app)


@pytest.fixture
def videos() -> RecordingVideos:
    return RecordingVideos()


@pytest.fixture
def callbacks() -> RecordingCallbacks:
    return RecordingCallbacks()


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def observer() -> RecordingObserver:
    return RecordingObserver()


@pytest.fixture
def links() -> Links:
    return Links(secret=b"0123456789abcdef0123456789abcdef")


@pytest.fixture(scope="session")
def description() -> Description:
    """What /openapi.json says."""
    links = Links(secret=bytes(16))
    table = routes(RecordingVideos(), RecordingCallbacks(), links=links, clock=StillClock())
    return Description(document((route.endpoint for route in table), server_url=""))


@pytest.fixture
async def client(
    videos: RecordingVideos,
    callbacks: RecordingCallbacks,
    clock: StillClock,
    observer: RecordingObserver,
    links: Links,
    description: Description,
) -> AsyncIterator[Client]:
    """A client of the team API that carries the team's key, and gets only what is described."""
    app = public_app(
        Services(videos=videos, authenticate=videos.authenticate, callbacks=callbacks),
        links=links,
        clock=clock,
        observer=observer,
        random_bytes=lambda count: b"\x07" * count,
    )
    description.problems.clear()
    app.on_response_prepare.append(description.watch)
    headers = {"Authorization": f"Bearer {PRINTED_KEY}"}
    async with TestClient(ServerAsShipped(app), headers=headers) as connected:
        yield connected
    assert [] == description.problems
