"""Several processes as one: a shared listener, one store, one admin listener, one exit."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import tempfile
import time
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.app.child import Order
from proxy.app.children import Child, ask_all
from proxy.app.chores import kept
from proxy.app.clock import SystemClock
from proxy.app.forward import forwarding_routes
from proxy.app.listeners import bound_socket, listen, origin
from proxy.app.options import Addresses
from proxy.app.reading import read_config
from proxy.app.stopping import PROCESSES
from proxy.app.store_check import START_S as STORE_START_S
from proxy.app.watch import marks_of, watch_files
from proxy.config.problem import ConfigError
from proxy.http.apps import admin_app
from proxy.telemetry.json_lines import log_as_json_lines
from proxy.telemetry.logs import Logs
from proxy.telemetry.merge import merge

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Sequence

    from aiohttp import web

    from proxy.app.chores import Chore
    from proxy.app.options import ServeOptions
    from proxy.app.stopping import Stop
    from proxy.app.store import OpenStore
    from proxy.config.load import Loaded

START_S = STORE_START_S + 30.0
LOOK_S = 0.05
OK = 200

_LOGGER = logging.getLogger("greenlight.supervisor")


async def supervise(options: ServeOptions, loaded: Loaded, store: OpenStore, stop: Stop) -> int:
    """Run `options.workers` processes until SIGTERM or SIGINT; returns the exit code.

    Raises:
        OSError: an address is in use.
        TimeoutError: the processes do not come up.
    """
    log_as_json_lines(sys.stderr)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.ask)
    await store.ready()
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="greenlight-")))
        public = bound_socket(loaded.server.listen) if options.role.serves else None
        if public is not None:
            stack.callback(public.close)
        controls = [folder / f"{number}.sock" for number in range(options.workers)]
        children = [
            Child(_order(options, store, public, control), control, clock) for control in controls
        ]
        fleet = Fleet(options, loaded, children)
        loop.add_signal_handler(signal.SIGHUP, fleet.forward_reload)
        await stack.enter_async_context(fleet.running(store, clock, stop))
        admin_url = await listen(stack, fleet.app(clock), loaded.server.admin_listen)
        await fleet.started(clock, stop.asked)
        if options.announce is not None and not stop.asked.is_set():
            base_url = origin(*public.getsockname()[:2]) + "/v1" if public else ""
            options.announce(Addresses(base_url=base_url, admin_url=admin_url))
        await stop.asked.wait()
        fleet.is_draining = True
    return 0


def _order(
    options: ServeOptions, store: OpenStore, public: socket.socket | None, control: Path
) -> Order:
    return Order(
        config=str(options.config.absolute()),
        policies=str(options.policies.absolute()) if options.policies else None,
        role=options.role.value,
        store_url=store.url,
        public_fd=None if public is None else public.fileno(),
        control=str(control),
        siblings=options.workers,
    )


class Fleet:
    """The processes seen as one: readiness of all, metrics added up, one admin API."""

    def __init__(self, options: ServeOptions, loaded: Loaded, children: Sequence[Child]) -> None:
        self._options = options
        self._loaded = loaded
        self._children = children
        self.is_draining = False

    @asynccontextmanager
    async def running(
        self, store: OpenStore, clock: SystemClock, stop: Stop
    ) -> AsyncIterator[None]:
        """Keep every process and the store alive until the block ends; then let them finish."""
        try:
            async with asyncio.TaskGroup() as group:
                chores: list[tuple[str, Chore]] = [
                    *(("process", child.run) for child in self._children),
                    ("store", lambda: store.watch(clock, self.say_store)),
                    ("files", lambda: watch_files(self.look, self.reload, clock)),
                ]
                keep = partial(kept, clock=clock, observer=Logs())
                tasks = [group.create_task(keep(name, chore)) for name, chore in chores]
                try:
                    yield
                finally:
                    within_s = stop.left_s(PROCESSES)
                    await asyncio.gather(*(child.stop(within_s) for child in self._children))
                    for task in tasks:
                        task.cancel()
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None

    def app(self, clock: SystemClock) -> web.Application:
        """The admin listener of all processes together."""
        return admin_app(
            table=forwarding_routes(self._children),
            snapshot=lambda: self._loaded.snapshot,
            readiness=self.readiness,
            metrics=self.metrics,
            clock=clock,
            observer=Logs(),
            random_bytes=os.urandom,
        )

    async def readiness(self) -> Sequence[str]:
        """What keeps any of the processes from serving."""
        if self.is_draining:
            return ("the process is stopping",)
        problems: dict[str, None] = {}
        for status, body in await ask_all(self._children, "/readyz"):
            if status == 0:
                problems["a process does not answer"] = None
            elif status != OK:
                problems.update(dict.fromkeys(json.loads(body)["problems"]))
        return tuple(problems)

    async def metrics(self) -> tuple[bytes, str]:
        """Every process's metrics, added up."""
        answers = await ask_all(self._children, "/metrics")
        return merge([body for status, body in answers if status == OK])

    async def started(self, clock: SystemClock, stop: asyncio.Event) -> None:
        """Wait until every process is ready, or there is to be none. Raises TimeoutError."""
        until_s = clock.monotonic_s() + START_S
        while (problems := await self.readiness()) and not stop.is_set():
            if clock.monotonic_s() >= until_s:
                message = f"not ready within {START_S:g} s: {', '.join(problems)}"
                raise TimeoutError(message)
            await clock.sleep(LOOK_S)

    def forward_reload(self) -> None:
        """Have every process read its configuration again."""
        for child in self._children:
            child.send(signal.SIGHUP)

    def look(self) -> dict[str, tuple[int, int, int]]:
        """What would show an edit; the processes look for themselves."""
        return marks_of(self._options.config, self._loaded.policies)

    async def reload(self) -> None:
        """Take over edited admin tokens; the processes say what is wrong with an edit."""
        try:
            self._loaded = await asyncio.to_thread(
                read_config,
                self._options,
                time.time(),  # noqa: TID251 - the day, not a duration
            )
        except ConfigError:
            _LOGGER.warning("the edited configuration is not used: see the processes' lines")

    def say_store(self, is_ready: bool) -> None:  # noqa: FBT001 - the store's callback
        """Log that the embedded store went or came back."""
        level = logging.WARNING if is_ready else logging.ERROR
        _LOGGER.log(level, "the embedded store is %s", "back" if is_ready else "lost")
