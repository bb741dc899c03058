"""What this process learns of offers and accounts, and shares with all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.app.clock import Bell
from proxy.gateway.conditions import ConditionsBook
from proxy.gateway.render_times import LearnedTimes
from proxy.gateway.success import LearnedSuccess
from proxy.store.health import RedisHealth
from proxy.store.keys import Keys
from proxy.store.samples import RedisSamples

if TYPE_CHECKING:
    from proxy.app.chores import Chore
    from proxy.gateway.health import HealthBook
    from proxy.gateway.ports.runtime import Clock, Observer
    from proxy.gateway.runtime import Runtime
    from proxy.store.client import Client


class Learning:
    """How long renders take and how often they come; `observers` listen for it."""

    def __init__(self, clock: Clock) -> None:
        self.times = LearnedTimes()
        self._success = LearnedSuccess(clock)

    @property
    def observers(self) -> tuple[Observer, ...]:
        """Who must hear of every event."""
        return self.times, self._success

    def conditions(self, health: HealthBook) -> ConditionsBook:
        """All that routing should know beside the configuration."""
        return ConditionsBook(self.times, self._success, health)

    def chores(self, runtime: Runtime, client: Client) -> dict[str, Chore]:
        """Tell the others what was learned, and hear what they learned."""
        keys, bell = Keys(), Bell()
        board = RedisHealth(client, keys)
        renders = RedisSamples(client, keys.renders())
        outcomes = RedisSamples(client, keys.outcomes())
        return {
            "health": lambda: runtime.health.watch(board, woken=bell.wait, wake=bell.ring),
            "render_times": lambda: self.times.share(renders, runtime.clock),
            "success": lambda: self._success.share(outcomes),
        }
