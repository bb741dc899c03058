"""Waits for the store of a process that starts, and looks at what it is."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from proxy.domain.errors import StoreUnavailable
from proxy.store.checks import check_server

if TYPE_CHECKING:
    import asyncio

    from proxy.gateway.ports.runtime import Clock
    from proxy.store.checks import Finding
    from proxy.store.client import Client

START_S = 60.0
"""How long a store may take to answer: a server reads its data first."""
LOOK_S = 0.25

_LOGGER = logging.getLogger("greenlight.store")


async def answering(
    client: Client, clock: Clock, *, stop: asyncio.Event, within_s: float = START_S
) -> tuple[Finding, ...]:
    """What is found about a server, once it answers: one that starts or loads is waited for.

    Nothing is found, and nothing waited for any longer, once the process is told to stop.

    Raises:
        StoreUnavailable: it does not answer in that time.
    """
    until_s = clock.monotonic_s() + within_s
    is_told = False
    while not stop.is_set():
        try:
            return await check_server(client)
        except StoreUnavailable as error:
            if clock.monotonic_s() >= until_s:
                raise
            if not is_told:
                _LOGGER.warning("%s; waiting for it up to %g s", error.message, within_s)
                is_told = True
        await clock.sleep(LOOK_S)
    return ()


def tell(findings: tuple[Finding, ...]) -> None:
    """Log what was found, good and bad."""
    for finding in findings:
        _LOGGER.log(logging.ERROR if finding.is_danger else logging.INFO, finding.message)
