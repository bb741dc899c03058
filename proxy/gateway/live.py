"""The configuration in force: one immutable value, replaced by one assignment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.domain.policy import Snapshot
    from proxy.gateway.ports.provider import Providers


@dataclass(frozen=True, slots=True, kw_only=True)
class Current:
    """A snapshot with the adapters built from it; readers take both at once."""

    snapshot: Snapshot
    providers: Providers


class Live:
    """Holds the current configuration. Read it once per request or step and keep what was read."""

    def __init__(self, current: Current) -> None:
        self._current = current

    @property
    def current(self) -> Current:
        """The configuration in force now."""
        return self._current

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot in force now."""
        return self._current.snapshot

    def replace(self, current: Current) -> None:
        """Put another configuration in force, whole."""
        self._current = current
