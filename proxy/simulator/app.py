"""Put the simulator together and run it: the table of vendors, the mounts, the server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from proxy.simulator import control, links
from proxy.simulator.settings import SimulatorSettings
from proxy.simulator.vendor import Vendor
from proxy.simulator.vendors.kling.routes import VENDOR as KLING
from proxy.simulator.vendors.openai.routes import VENDOR as OPENAI
from proxy.simulator.vendors.runway.routes import VENDOR as RUNWAY
from proxy.simulator.vendors.vertex.routes import VENDOR as VERTEX
from proxy.simulator.world import World

VENDORS: tuple[Vendor, ...] = (KLING, VERTEX, RUNWAY, OPENAI)

# Kling takes images of 50 MB, which are 67 MB in Base64.
_BODY_BYTES_MAX = 100 * 1024**2
_SHUTDOWN_S = 1.0


@dataclass(frozen=True)
class RunningSimulator:
    """A listening simulator. `url` has no path; a vendor's base URL is `{url}/{name}`."""

    url: str


def build_app(settings: SimulatorSettings) -> web.Application:
    """Return the whole simulator as one application, its state empty."""
    names = tuple(vendor.name for vendor in VENDORS)
    world = World(settings, names)
    app = web.Application(client_max_size=_BODY_BYTES_MAX)
    app.add_routes(control.routes(world, names))
    app.add_routes(links.routes(world))
    for vendor in VENDORS:
        app.add_subapp(f"/{vendor.name}", vendor.build(world))

    async def end_hangs(_: web.Application) -> None:
        world.closing.set()

    async def call_back(_: web.Application) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            calling = group.create_task(world.callbacks.run())
            yield
            calling.cancel()

    app.on_shutdown.append(end_hangs)
    app.cleanup_ctx.append(call_back)
    return app


@asynccontextmanager
async def running(
    settings: SimulatorSettings, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[RunningSimulator]:
    """Serve a new simulator while the context is open; port 0 takes a free one.

    Raises:
        OSError: The address is taken or not ours.
    """
    runner = web.AppRunner(build_app(settings), access_log=None, shutdown_timeout=_SHUTDOWN_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        address = runner.addresses[0]
        shown = f"[{address[0]}]" if ":" in address[0] else address[0]
        yield RunningSimulator(f"http://{shown}:{address[1]}")
    finally:
        await runner.cleanup()
