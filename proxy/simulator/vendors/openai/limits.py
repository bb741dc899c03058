"""How many videos an account may create in a minute, and the headers that say so.

Source: https://developers.openai.com/api/docs/guides/rate-limits, 2026-11-22, for the headers'
names and the form of their durations; whether `/videos` sent a token pair as well is not known.
"""

import math
from dataclasses import dataclass

from aiohttp import web

from proxy.simulator.settings import OpenAIAccount
from proxy.simulator.vendors.openai.errors import RATE_LIMIT, fault_error
from proxy.simulator.world import World

_WINDOW_S = 60.0


@dataclass(frozen=True)
class Room:
    """What is left of a model's requests per minute."""

    limit: int
    remaining: int
    reset_s: float  # until all of it is free again

    @property
    def headers(self) -> dict[str, str]:
        """The headers every create is answered with."""
        return {
            "x-ratelimit-limit-requests": str(self.limit),
            "x-ratelimit-remaining-requests": str(max(0, self.remaining)),
            "x-ratelimit-reset-requests": _duration(self.reset_s),
        }


def take(world: World, account: OpenAIAccount, model: str) -> Room | None:
    """Count one create of a model in the last minute; None if the account has no limit.

    Raises:
        OpenAIError: The limit is reached.
    """
    limit = account.creates_per_min
    if limit is None:
        return None
    now_s = world.now_s()
    made = [
        task.created_at_s
        for task in world.tasks.all()
        if (task.order.provider, task.order.account, task.order.model)
        == ("openai", account.name, model)
        and task.created_at_s > now_s - _WINDOW_S
    ]
    if len(made) >= limit:
        oldest_s = made[-limit]
        error = fault_error(RATE_LIMIT, math.ceil(oldest_s + _WINDOW_S - now_s))
        error.headers |= Room(limit, 0, made[-1] + _WINDOW_S - now_s).headers
        raise error
    return Room(limit, limit - len(made) - 1, _WINDOW_S)


def set_headers(response: web.StreamResponse, room: Room | None) -> None:
    """Tell what is left, if there is a limit."""
    if room is not None:
        response.headers.update(room.headers)


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{max(0, round(seconds * 1000))}ms"
    minutes, rest = divmod(math.ceil(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
