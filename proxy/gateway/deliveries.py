"""Empties the outbox: each letter is sent until its receiver takes it, or patience ends.

Every receiver has a round of its own, so that one that is slow or dead delays no other.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from proxy.domain.errors import StoreUnavailable
from proxy.domain.events import NoticeSent
from proxy.gateway.ports.notices import Outcome, Reply, Sending

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proxy.gateway.ports.notices import Letter, Outbox, Sender
    from proxy.gateway.runtime import Runtime

LOOK_EVERY_S = 1.0
RECEIVERS_MAX = 100
"""So many receivers one process sends to at a time."""
ROUND_S = 10.0
"""After so long another receiver has its turn, if as many are sent to as may be."""
ROUND_LETTERS = 100
AT_ONCE = 4
"""So many letters one receiver is sent at a time by one process."""
RETRY_AFTER_S_MAX = 86_400.0
THROTTLE_S = 5.0
"""A receiver that says it has too much to do is left alone for so long at least."""
JITTER = 0.1
LOOKED_FOR = 3
"""So often a receiver that is not in the configuration is looked for: it may just be changing,
and be known to another process already."""
LEASES = 2.0
"""A lease lasts so many times as long as a sending may."""

UNKNOWN = Reply(fault="unknown_receiver")
_OK = range(200, 300)
_GONE = 410
_THROTTLED = frozenset({429, 502, 504})
_UNAVAILABLE = 503
"""Throttles only if it says for how long."""


class Deliveries:
    """Sends what is due. Several processes share the work: a letter is leased while it is sent."""

    def __init__(self, runtime: Runtime, outbox: Outbox, sender: Sender) -> None:
        self._runtime = runtime
        self._outbox = outbox
        self._sender = sender
        self._busy: set[str] = set()

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
        # Those that are sent to already may stand before the others.
        due, idle_s = await self._outbox.due(RECEIVERS_MAX + len(self._busy))
        for receiver in due:
            if receiver not in self._busy and len(self._busy) < RECEIVERS_MAX:
                self._busy.add(receiver)
                group.create_task(self._round(receiver))
        return idle_s or None

    async def _round(self, receiver: str) -> None:
        """Send a receiver what is due, a few letters at a time, until others shall have a turn."""
        clock, has_sent = self._runtime.clock, True
        until_s = clock.monotonic_s() + ROUND_S
        try:
            while has_sent and clock.monotonic_s() < until_s:
                letters = iter(await self._outbox.letters(receiver, ROUND_LETTERS))
                async with asyncio.TaskGroup() as group:
                    sending = [
                        group.create_task(self._send_each(letters, until_s))
                        for _ in range(AT_ONCE)
                    ]
                has_sent = any(task.result() for task in sending)
        except StoreUnavailable:
            return  # the next look brings them back
        finally:
            self._busy.discard(receiver)

    async def _send_each(self, letters: Iterator[str], until_s: float) -> bool:
        """Send one letter after the other; says whether there was one to send."""
        engine, has_sent = self._runtime.live.snapshot.engine, False
        lease_s, patience_s = LEASES * engine.notify_timeout_s, engine.notify_patience_s
        with suppress(StoreUnavailable):  # the leases bring them back
            for name in letters:
                letter = await self._outbox.take(name, lease_s=lease_s, patience_s=patience_s)
                if letter is not None:
                    has_sent = True
                    await self._send(letter)
                if self._runtime.clock.monotonic_s() >= until_s:
                    break
        return has_sent

    async def _send(self, letter: Letter) -> None:
        runtime = self._runtime
        snapshot, begun_s = runtime.live.snapshot, runtime.clock.monotonic_s()
        reply = None
        if letter.receiver in await self._outbox.silenced(snapshot.digest):
            outcome = Outcome.WITHDRAWN
        elif letter.is_past:
            outcome = Outcome.GIVEN_UP
        else:
            within_s = snapshot.engine.notify_timeout_s
            reply = await self._sender.send(letter, within_s=within_s) or UNKNOWN
            outcome = self._outcome(letter, reply)
        took_s = runtime.clock.monotonic_s() - begun_s
        if outcome is Outcome.SILENCED and not letter.url:
            await self._outbox.silence(letter.receiver, snapshot.digest)
        await self._outbox.note(letter, self._sending(letter, outcome, reply, took_s))
        runtime.observer.observe(
            NoticeSent(
                notice=letter.notice,
                kind=letter.kind,
                receiver=letter.receiver,
                outcome=outcome.value,
                status=reply.status if reply else None,
                fault=reply.fault if reply else "",
                tries=letter.tries,
                took_s=took_s,
            )
        )

    def _outcome(self, letter: Letter, reply: Reply) -> Outcome:
        if reply.status in _OK:
            return Outcome.DELIVERED
        if reply.status == _GONE:
            return Outcome.SILENCED
        is_last = letter.tries > len(self._runtime.live.snapshot.engine.notify_after_s)
        if reply is UNKNOWN:
            return Outcome.WITHDRAWN if is_last or letter.tries >= LOOKED_FOR else Outcome.FAILED
        return Outcome.GIVEN_UP if is_last else Outcome.FAILED

    def _sending(
        self, letter: Letter, outcome: Outcome, reply: Reply | None, took_s: float
    ) -> Sending:
        if reply is None or outcome is not Outcome.FAILED:
            return Sending(outcome=outcome, reply=reply, took_s=took_s)
        pauses = self._runtime.live.snapshot.engine.notify_after_s
        jitter = 1 + JITTER * (2 * self._runtime.random() - 1)
        asked_s = min(max(reply.retry_after_s or 0.0, 0.0), RETRY_AFTER_S_MAX)
        is_throttled = reply.status in _THROTTLED or (reply.status == _UNAVAILABLE and asked_s > 0)
        return Sending(
            outcome=outcome,
            reply=reply,
            took_s=took_s,
            again_in_s=max(pauses[letter.tries - 1] * jitter, asked_s),
            rest_s=max(asked_s, THROTTLE_S) if is_throttled else 0.0,
        )
