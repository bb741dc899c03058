"""One process that serves and works: started in order, drained, and taken down in reverse."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from proxy.app.chores import kept, vital
from proxy.app.compose import compose
from proxy.app.listeners import listening
from proxy.app.measuring import measuring
from proxy.app.stopping import REQUESTS, STEPS
from proxy.app.store_check import answering, tell
from proxy.app.watch import watch_files
from proxy.telemetry.json_lines import log_as_json_lines

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from proxy.app.chores import Chore
    from proxy.app.compose import Parts
    from proxy.app.options import Doors, Role, ServeOptions
    from proxy.app.stopping import Stop
    from proxy.app.store import OpenStore
    from proxy.config.load import Loaded
    from proxy.domain.policy import Snapshot

_LOGGER = logging.getLogger("greenlight")


async def run(
    options: ServeOptions, loaded: Loaded, store: OpenStore, doors: Doors, *, stop: Stop
) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code.

    Raises:
        OSError: an address or a folder cannot be used.
        ValueError: credentials or the artifact URL cannot be used.
    """
    log_as_json_lines(sys.stderr)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.ask)
    for problem in loaded.problems:
        _LOGGER.warning("%s", problem.render())
    _say_what_is_missing(loaded.snapshot)
    async with AsyncExitStack() as stack:
        parts = await compose(stack, options, loaded, store.address)
        await store.ready()
        tell(await answering(parts.client, parts.runtime.clock, stop=stop.asked))
        if stop.asked.is_set():
            return 0
        await stack.enter_async_context(_background(parts, store, options.role, stop))
        shutdown_s = stop.share_s(REQUESTS)
        addresses = await stack.enter_async_context(listening(parts, doors, shutdown_s))
        if options.announce is not None:
            options.announce(addresses)
        await stop.asked.wait()
        parts.readiness.is_draining = True
        parts.worker.drain()
    return 0


@asynccontextmanager
async def _background(
    parts: Parts, store: OpenStore, role: Role, stop: Stop
) -> AsyncIterator[None]:
    """Work, watch and measure until the block ends; then let the steps under way end."""
    runtime = parts.runtime
    keep = partial(kept, clock=runtime.clock, observer=runtime.observer)
    try:
        async with asyncio.TaskGroup() as group:
            working = vital("the worker", parts.worker.run)
            works = [group.create_task(working)] if role.works else []
            others = [
                group.create_task(keep(name, chore)) for name, chore in _chores(parts, store, role)
            ]
            try:
                yield
            finally:
                parts.worker.drain()
                if works:
                    await asyncio.wait(works, timeout=stop.left_s(STEPS))
                for task in (*works, *others):
                    task.cancel()
    except BaseExceptionGroup as failed:
        # An address in use, say: one reason, as it was raised.
        raise failed.exceptions[0] from None


def _chores(parts: Parts, store: OpenStore, role: Role) -> list[tuple[str, Chore]]:
    """Everything that goes on beside requests and the worker."""
    runtime = parts.runtime
    reloads = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reloads.set)
    return [
        *parts.chores.items(),
        *measuring(parts, role).items(),
        ("store", lambda: store.watch(runtime.clock, _say_store)),
        ("reload", lambda: _reload_when_asked(parts, reloads)),
        ("files", lambda: watch_files(parts.look, parts.reload.run, runtime.clock)),
    ]


def _say_what_is_missing(snapshot: Snapshot) -> None:
    """Name the accounts that routing passes over, and what nobody can be served without."""
    for provider in snapshot.providers.values():
        for account in provider.accounts:
            if account.reason:
                name = f"{provider.name}, account {account.name}"
                _LOGGER.info("%s is not configured: %s", name, account.reason)
    if not any(provider.is_configured for provider in snapshot.providers.values()):
        _LOGGER.warning("no provider is configured: every create is refused with no_route")
    if not snapshot.keys:
        _LOGGER.warning("no team has a key: greenlight keys create makes one")


def _say_store(is_ready: bool) -> None:  # noqa: FBT001 - the supervisor's callback
    if is_ready:
        _LOGGER.warning("the embedded store is back")
    else:
        _LOGGER.error("the embedded store is lost; nothing is admitted until it is back")


async def _reload_when_asked(parts: Parts, asked: asyncio.Event) -> None:
    while True:
        await asked.wait()
        asked.clear()
        await parts.reload.run()
