"""Empties the outbox: each letter is sent until its receiver takes it, or patience ends."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

from proxy.domain.errors import StoreUnavailable
from proxy.domain.events import NoticeSent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.gateway.ports.notices import Letter, Outbox, Reply, Sender
    from proxy.gateway.runtime import Runtime

LOOK_EVERY_S = 1.0
DUE_MAX = 200
AT_ONCE = 4
"""So many letters one receiver is sent at a time by one process: a slow one delays no other."""
RETRY_AFTER_S_MAX = 86_400.0
JITTER = 0.1
LEASES = 2.0
"""A lease lasts so many times as long as a sending may."""

_OK = range(200, 300)
_GONE = 410


class Deliveries:
    """Sends what is due. Several processes share the work: a letter is leased while it is sent."""

    def __init__(self, runtime: Runtime, outbox: Outbox, sender: Sender) -> None:
        self._runtime = runtime
        self._outbox = outbox
        self._sender = sender
        self._busy: dict[str, str] = {}

    async def watch(self) -> None:
        """Send until cancelled; what is under way then is sent again when its lease ends."""
        async with asyncio.TaskGroup() as group:
            while True:
                idle_s: float | None = None
                with suppress(StoreUnavailable):
                    idle_s = await self.begin(group)
                every_s = min(LOOK_EVERY_S, self._runtime.live.snapshot.engine.alert_every_s)
                await self._runtime.clock.sleep(
                    every_s if idle_s is None else min(idle_s, every_s)
                )

    async def begin(self, group: asyncio.TaskGroup) -> float | None:
        """Begin to send what is due; returns seconds until more is, None for no more.

        Raises:
            StoreUnavailable: what is due is not known.
        """
        due, idle_s = await self._outbox.due(DUE_MAX)
        under_way: Mapping[str, int] = Counter(self._busy.values())
        for letter, receiver in due:
            if letter not in self._busy and under_way[receiver] < AT_ONCE:
                self._busy[letter] = receiver
                under_way = Counter(self._busy.values())
                group.create_task(self._deliver(letter))
        return idle_s or None

    async def _deliver(self, letter_id: str) -> None:
        engine = self._runtime.live.snapshot.engine
        try:
            lease_s = LEASES * engine.notify_timeout_s
            letter = await self._outbox.take(letter_id, lease_s=lease_s)
            if letter is not None:
                await self._send(letter)
        except StoreUnavailable:
            return  # the lease brings it back
        finally:
            del self._busy[letter_id]

    async def _send(self, letter: Letter) -> None:
        runtime = self._runtime
        snapshot, begun_s = runtime.live.snapshot, runtime.clock.monotonic_s()
        reply = None
        if letter.receiver not in await self._outbox.silenced(snapshot.digest):
            within_s = snapshot.engine.notify_timeout_s
            reply = await self._sender.send(letter, within_s=within_s)
        outcome = await self._follow(letter, reply)
        runtime.observer.observe(
            NoticeSent(
                notice=letter.notice,
                kind=letter.kind,
                receiver=letter.receiver,
                outcome=outcome,
                status=reply.status if reply else None,
                fault=reply.fault if reply else "",
                tries=letter.tries,
                took_s=runtime.clock.monotonic_s() - begun_s,
            )
        )

    async def _follow(self, letter: Letter, reply: Reply | None) -> str:
        """Do what an answer asks for; returns what became of the letter."""
        snapshot = self._runtime.live.snapshot
        pauses = snapshot.engine.notify_after_s
        if reply is None:
            outcome = "withdrawn"
        elif reply.status in _OK:
            outcome = "delivered"
        elif reply.status == _GONE:
            outcome = "silenced"
            await self._outbox.silence(letter.receiver, snapshot.digest)
        elif letter.tries > len(pauses):
            outcome = "given_up"
        else:
            jitter = 1 + JITTER * (2 * self._runtime.random() - 1)
            asked_s = min(max(reply.retry_after_s or 0.0, 0.0), RETRY_AFTER_S_MAX)
            again_in_s = max(pauses[letter.tries - 1] * jitter, asked_s)
            await self._outbox.put_off(letter, again_in_s=again_in_s)
            return "failed"
        await self._outbox.end(letter)
        return outcome
