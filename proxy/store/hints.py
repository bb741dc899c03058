"""Hints over Redis: a job's next step is brought forward, its state and money stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.ids import AttemptId, job_of_attempt
from proxy.gateway.ports.hints import Heard
from proxy.store.script import Script
from proxy.store.steps import new_operation

if TYPE_CHECKING:
    from proxy.domain.ids import ProviderName
    from proxy.store.client import Client
    from proxy.store.connection import Argument
    from proxy.store.keys import Keys

HEARD_S = 900
"""A message that is signed for five minutes either way is not heard again within this time."""


class RedisHints:
    """Hints over Redis."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys
        self._hint = Script.load("hint")

    async def hint(self, attempt: AttemptId, *, message: str, least_s: float) -> Heard:
        """Make the next step of an attempt's job due, `least_s` after the one before at the least.

        Raises:
            ValueError: not the id of an attempt.
            StoreUnavailable: no answer.
        """
        job, number = job_of_attempt(attempt)
        keys = [self._keys.job(job), self._keys.due(), self._keys.heard(message)]
        arguments: list[Argument] = [
            new_operation(),
            job,
            number,
            round(least_s * 1000),
            HEARD_S,
        ]
        answer = await self._hint.run(self._client, keys, arguments)
        return Heard(answer.decode())

    async def remember(
        self,
        provider: ProviderName,
        account: str,
        name: str,
        *,
        attempt: AttemptId,
        life_s: float,
    ) -> None:
        """Note which attempt an operation's own name belongs to."""
        key = self._keys.operation(provider, account, name)
        # Written again, it says the same: it may be sent twice like a read.
        await self._client.read(("SET", key, attempt, "PX", round(life_s * 1000)))

    async def attempt(self, provider: ProviderName, account: str, name: str) -> AttemptId | None:
        """The attempt behind a provider's own name of an operation, None when none is known."""
        key = self._keys.operation(provider, account, name)
        found = await self._client.read(("GET", key))
        return None if found is None else AttemptId(found.decode())
