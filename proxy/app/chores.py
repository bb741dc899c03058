"""Background tasks: none ends without a word, and none that can go on brings the process down."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from proxy.domain.events import ChoreFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from proxy.gateway.ports.runtime import Clock, Observer

    Chore = Callable[[], Awaitable[object]]

RESTART_S = 5.0

_LOGGER = logging.getLogger("greenlight")


async def kept(name: str, chore: Chore, *, clock: Clock, observer: Observer) -> None:
    """Do a chore until it has ended or is cancelled; one that fails is told and begun again."""
    while True:
        try:
            await chore()
        except Exception:
            # The boundary of a task that nobody waits for.
            message = "background task %s failed; it begins again in %g s"
            _LOGGER.exception(message, name, RESTART_S)
            observer.observe(ChoreFailed(chore=name))
        else:
            return
        await clock.sleep(RESTART_S)


async def vital(name: str, chore: Chore) -> None:
    """Do what the process is for; if it fails, the process ends, to be started again."""
    try:
        await chore()
    except Exception as error:
        _LOGGER.critical("%s failed, and the process ends with it", name, exc_info=error)
        raise
