"""What the command line tells the app, and what the app tells back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

    from proxy.config.settings import Address


class Role(StrEnum):
    """What a process does: answer requests, do the work behind them, or both."""

    ALL = "all"
    API = "api"
    WORKER = "worker"

    @property
    def serves(self) -> bool:
        """Say whether the team API is answered."""
        return self is not Role.WORKER

    @property
    def works(self) -> bool:
        """Say whether jobs are dispatched, polled and stored."""
        return self is not Role.API


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the listeners are reached: `admin_url` has no path.

    `base_url` ends in /v1; it is empty in a process that does not serve.
    """

    base_url: str
    admin_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """How to serve. `policies` None takes the folder that config.yaml names.

    With `workers` above 1 so many processes share the listener and the store; each of them then is
    one of so many `siblings`. `announce` is called once, when requests are answered.
    """

    config: Path
    policies: Path | None
    role: Role = Role.ALL
    workers: int = 1
    siblings: int = 1
    announce: Callable[[Addresses], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Where a process listens: addresses of its own, or what its supervisor gave it.

    `public` None: the team API is not served here.
    """

    public: Address | socket.socket | None
    admin: Address | Path
