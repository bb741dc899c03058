"""A stand-in for those who listen to providers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.errors import RouteNotFound
from proxy.gateway.callbacks import Sender
from tests.builders import KLING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.domain.errors import ProxyError

CALLBACK_PATH = "/callbacks/kling/the-token-of-an-account"


class RecordingCallbacks:
    """Knows one address, keeps what comes to it, and refuses with `error` if one is set."""

    def __init__(self) -> None:
        self.received: list[tuple[Mapping[str, str], bytes]] = []
        self.error: ProxyError | None = None

    def sender(self, path: str) -> Sender:
        if path != CALLBACK_PATH:
            message = "nobody was given this address"
            raise RouteNotFound(message)
        return Sender(KLING, "main")

    async def receive(self, sender: Sender, headers: Mapping[str, str], body: bytes) -> None:
        self.received.append((headers, body))
        if self.error is not None:
            raise self.error
