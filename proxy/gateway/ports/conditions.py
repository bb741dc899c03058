"""How things stand at the providers just now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from proxy.domain.conditions import Conditions
    from proxy.domain.policy import Snapshot


class KnownConditions(Protocol):
    """What this process knows of every offer; never older than a few seconds."""

    def now(self, snapshot: Snapshot) -> Conditions:
        """The conditions of a configuration's offers, from memory: asked at every create."""
