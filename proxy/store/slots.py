"""Leased slots of provider accounts, and their token buckets for submits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.gateway.ports.jobs import SlotState, SlotUse
from proxy.store.keys import slots as slots_key
from proxy.store.keys import submits as submits_key
from proxy.store.script import Script

if TYPE_CHECKING:
    from proxy.domain.bucket import RateLimit
    from proxy.domain.ids import AttemptId, ProviderName
    from proxy.store.client import Client
    from proxy.store.connection import Argument

ANY_NUMBER = 2**31


class RedisSlots:
    """Slots over Redis. A crashed worker's slots come back by themselves when their leases end."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._look = Script.load("slot_look")
        self._take = Script.load("slot_take")
        self._give_back = Script.load("slot_give_back")

    async def look(
        self, provider: ProviderName, account: str, *, submit: RateLimit | None
    ) -> SlotUse:
        """See how an account stands; nothing is taken."""
        keys = [slots_key(provider, account), submits_key(provider, account)]
        interval_us = submit.interval_us if submit else 0
        span_us = submit.span_us if submit else 0
        held, wait_us = await self._look.run(self._client, keys, [interval_us, span_us])
        return SlotUse(held=held, wait_s=wait_us / 1e6)

    async def take(
        self,
        provider: ProviderName,
        account: str,
        attempt: AttemptId,
        *,
        slots: int,
        submit: RateLimit | None,
        lease_s: float,
    ) -> SlotState:
        """Take or renew a slot; only a first taking spends a token of the submit bucket."""
        keys = [slots_key(provider, account), submits_key(provider, account)]
        interval_us = submit.interval_us if submit else 0
        span_us = submit.span_us if submit else 0
        arguments: list[Argument] = [attempt, slots, round(lease_s * 1000), interval_us, span_us]
        is_taken, wait_us, is_new = await self._take.run(self._client, keys, arguments)
        return SlotState(is_taken=bool(is_taken), is_new=bool(is_new), wait_s=wait_us / 1e6)

    async def renew(
        self, provider: ProviderName, account: str, attempt: AttemptId, *, lease_s: float
    ) -> None:
        """Hold an attempt's slot for another lease, over the limit if need be."""
        await self.take(provider, account, attempt, slots=ANY_NUMBER, submit=None, lease_s=lease_s)

    async def release(self, provider: ProviderName, account: str, attempt: AttemptId) -> None:
        """Give a slot back; giving back what is not held is no error."""
        await self._client.read(("ZREM", slots_key(provider, account), attempt))

    async def give_back(
        self, provider: ProviderName, account: str, attempt: AttemptId, *, submit: RateLimit | None
    ) -> None:
        """Release a slot under which nothing was submitted, with the token that it cost."""
        keys = [slots_key(provider, account), submits_key(provider, account)]
        interval_us = submit.interval_us if submit else 0
        await self._give_back.run(self._client, keys, [attempt, interval_us])
