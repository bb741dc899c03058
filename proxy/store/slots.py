"""Leased slots of provider accounts, and their token buckets for submits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.gateway.ports.jobs import NoSlot, SlotState, SlotUse
from proxy.store.keys import breakers as breakers_key
from proxy.store.keys import slots as slots_key
from proxy.store.keys import submits as submits_key
from proxy.store.script import Script

if TYPE_CHECKING:
    from proxy.domain.bucket import RateLimit
    from proxy.domain.ids import AttemptId, ProviderName
    from proxy.gateway.ports.jobs import Gate
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

    async def look(self, provider: ProviderName, account: str) -> SlotUse:
        """See how an account stands; nothing is taken."""
        keys = [slots_key(provider, account), submits_key(provider, account)]
        held, full_in_us = await self._look.run(self._client, keys, [])
        return SlotUse(held=held, full_in_us=full_in_us)

    async def take(
        self,
        provider: ProviderName,
        account: str,
        attempt: AttemptId,
        *,
        slots: int,
        submit: RateLimit | None,
        lease_s: float,
        gate: Gate,
    ) -> SlotState:
        """Take or renew a slot; only a first taking spends a token and must pass the gate."""
        arguments: list[Argument] = [
            attempt,
            slots,
            round(lease_s * 1000),
            submit.interval_us if submit else 0,
            submit.span_us if submit else 0,
            "panic" if gate.is_panic else "take",
            gate.digest,
            *gate.doors,
        ]
        keys = _keys(provider, account)
        is_taken, wait_us, is_new, word = await self._take.run(self._client, keys, arguments)
        said = word.decode()
        return SlotState(
            is_taken=bool(is_taken),
            is_new=bool(is_new),
            wait_s=wait_us / 1e6,
            why=None if is_taken else NoSlot(said),
            probes=tuple(said.split()) if is_taken else (),
        )

    async def renew(
        self,
        provider: ProviderName,
        account: str,
        attempt: AttemptId,
        *,
        lease_s: float,
        gate: Gate,
    ) -> None:
        """Hold an attempt's slot for another lease, over the limit if need be, and its probes."""
        lease_ms = round(lease_s * 1000)
        arguments: list[Argument] = [attempt, ANY_NUMBER, lease_ms, 0, 0, "renew", gate.digest]
        await self._take.run(self._client, _keys(provider, account), [*arguments, *gate.doors])

    async def release(self, provider: ProviderName, account: str, attempt: AttemptId) -> None:
        """Give a slot back; giving back what is not held is no error."""
        await self._client.read(("ZREM", slots_key(provider, account), attempt))

    async def give_back(
        self,
        provider: ProviderName,
        account: str,
        attempt: AttemptId,
        *,
        submit: RateLimit | None,
        gate: Gate,
    ) -> None:
        """Release a slot under which nothing was submitted, with its token and its probes."""
        interval_us = submit.interval_us if submit else 0
        arguments: list[Argument] = [attempt, interval_us, *gate.doors]
        await self._give_back.run(self._client, _keys(provider, account), arguments)


def _keys(provider: ProviderName, account: str) -> list[str]:
    return [
        slots_key(provider, account),
        submits_key(provider, account),
        breakers_key(provider, account),
    ]
