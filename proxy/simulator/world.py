"""The state that all vendors of one simulator share, and the faults any of them can show."""

import asyncio
import socket
import struct
import uuid
from collections.abc import Collection

from aiohttp import web

from proxy.simulator.callbacks import Callbacks, Recipient
from proxy.simulator.calls import Call, CallLog
from proxy.simulator.scenarios import Scenarios
from proxy.simulator.settings import SimulatorSettings
from proxy.simulator.tasks import TaskBook

_GONE_CHECK_S = 0.05
# SO_LINGER with a zero timeout makes close() send RST instead of FIN.
_LINGER_RESET = struct.pack("ii", 1, 0)

CALL = web.RequestKey("call", Call)


class NoAnswer(Exception):
    """The caller gets no answer: the connection is gone or is to be closed."""


class World:
    """Tasks, calls and scenarios of one simulator."""

    def __init__(self, settings: SimulatorSettings, vendors: Collection[str]) -> None:
        self.settings = settings
        self.tasks = TaskBook(settings.now, settings.render_s)
        self.calls = CallLog()
        self.scenarios = Scenarios(vendors)
        self.callbacks = Callbacks(
            self.tasks, self.calls, now_s=self.now_s, new_uuid=self.new_uuid
        )
        # Where a vendor's registered webhook leads, by vendor.
        self.webhooks: dict[str, Recipient] = {}
        # What else vendors keep for their callers, by vendor and id.
        self.kept: dict[tuple[str, str], dict[str, object]] = {}
        self.closing = asyncio.Event()
        self.link_key = settings.rng.randbytes(32)

    def now_s(self) -> float:
        """Return seconds since the epoch."""
        return self.settings.now()

    def new_uuid(self) -> uuid.UUID:
        """Return a random UUID."""
        return uuid.UUID(int=self.settings.rng.getrandbits(128), version=4)

    async def pause(self, seconds: float) -> None:
        """Wait, but no longer than until the server closes."""
        try:
            await asyncio.wait_for(self.closing.wait(), seconds)
        except TimeoutError:
            return

    async def hang(self, request: web.Request) -> NoAnswer:
        """Wait until the client goes away or the server closes; the caller raises the result."""
        while not self.closing.is_set() and not is_gone(request):
            await self.pause(_GONE_CHECK_S)
        return NoAnswer()


def is_gone(request: web.Request) -> bool:
    """Say whether the client has closed its connection."""
    return request.transport is None or request.transport.is_closing()


def reset(request: web.Request) -> NoAnswer:
    """Reset the client's connection; the caller raises the result."""
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
        transport.abort()
    return NoAnswer()
