"""Starts, asks, restarts and stops the processes of a supervisor."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING

import aiohttp

from proxy.store.pdeathsig import dies_with

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from proxy.app.child import Order
    from proxy.gateway.ports.runtime import Clock

RESTART_S = 1.0
ASK_S = 2.0
_LOGGER = logging.getLogger("greenlight.supervisor")


class Child:
    """One process, started again whenever it ends; asked through its unix socket."""

    def __init__(self, order: Order, control: Path, clock: Clock) -> None:
        self._order = order
        self._control = control
        self._clock = clock
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Keep the process running until `stop`."""
        while not self._stopping.is_set():
            self._control.unlink(missing_ok=True)
            self._process = await self._start()
            code = await self._process.wait()
            if not self._stopping.is_set():
                _LOGGER.error("a process ended with %s; it is started again", code)
                await self._clock.sleep(RESTART_S)

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if there is somebody to send it to."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def stop(self, within_s: float) -> None:
        """Let the process finish what is under way; end it if that takes too long."""
        self._stopping.set()
        self.send(signal.SIGTERM)
        if self._process is None:
            return
        try:
            async with asyncio.timeout(within_s):
                await self._process.wait()
        except TimeoutError:
            self.send(signal.SIGKILL)
            await self._process.wait()

    def session(self, timeout_s: float) -> aiohttp.ClientSession:
        """A client of the child's admin listener; its host is of no meaning."""
        connector = aiohttp.UnixConnector(str(self._control))
        return aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(total=timeout_s)
        )

    async def ask(self, path: str) -> tuple[int, bytes]:
        """GET a path of the child's admin listener; status 0 when it does not answer."""
        try:
            async with (
                self.session(ASK_S) as session,
                session.get(f"http://child{path}") as answer,
            ):
                return answer.status, await answer.read()
        except (aiohttp.ClientError, OSError, TimeoutError):
            return 0, b""

    async def _start(self) -> asyncio.subprocess.Process:
        shared = self._order.public_fd
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "proxy.app.child",
            self._order.to_json(),
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=() if shared is None else (shared,),
            start_new_session=True,
            preexec_fn=dies_with(os.getpid(), signal.SIGTERM),
        )


async def ask_all(children: Sequence[Child], path: str) -> list[tuple[int, bytes]]:
    """Ask every child at once."""
    return list(await asyncio.gather(*(child.ask(path) for child in children)))
