"""Observers besides metrics and logs: one that feeds several, one that ends the process."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, get_args

from proxy.domain import events
from proxy.domain.events import Event

if TYPE_CHECKING:
    from proxy.gateway.ports.runtime import Observer

CRASH_AT = "GREENLIGHT_CRASH_AT"
"""Names the environment variable of crash tests, e.g. `ProviderCalled.submit:2`."""

_NAMES = frozenset(kind.__name__ for kind in get_args(Event))


class Fanout:
    """Gives each event to several observers, in order."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def observe(self, event: Event) -> None:
        """Pass one event on."""
        for observer in self._observers:
            observer.observe(event)


class CrashAt:
    """Kills its own process at a chosen event, as `kill -9` would: for crash tests only.

    A point is written `<Event>[.<detail>][:<nth>]`.

    Args:
        point: the name of an event; after a dot the operation of a call, or the state a job went
            to; after a colon which of them (1 = the first).

    Raises:
        ValueError: no such event, or a number below 1.
    """

    def __init__(self, point: str) -> None:
        where, _, nth = point.partition(":")
        self._name, _, self._detail = where.partition(".")
        self._left = int(nth or 1)
        if self._name not in _NAMES or self._left < 1:
            message = f"{CRASH_AT}={point}: allowed: {', '.join(sorted(_NAMES))}, then :nth"
            raise ValueError(message)

    def observe(self, event: Event) -> None:
        """Count the chosen events down and end the process at the last."""
        if type(event).__name__ != self._name or self._detail not in ("", _detail(event)):
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def _detail(event: Event) -> str:
    match event:
        case events.ProviderCalled() | events.StoreCalled():
            return event.operation
        case events.Moved():
            return event.after.value
        case events.Ended():
            return event.state.value
        case _:
            return ""
