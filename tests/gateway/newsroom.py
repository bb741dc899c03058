"""What tells notices, over a real store, with a sender that is scripted."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from proxy.domain.errors import StoreUnavailable
from proxy.domain.notice import NoticeKind
from proxy.gateway.alerts import Alerts, Troubles
from proxy.gateway.deliveries import Deliveries
from proxy.gateway.ports.notices import Outcome, Receiver, Reply, Sending
from proxy.store.archive import RedisLedgerStream
from proxy.store.notices import RedisBulletin
from proxy.store.outbox import RedisOutbox
from tests.builders import MARKETING

if TYPE_CHECKING:
    import asyncio

    from proxy.gateway.ports.notices import Bulletin, Letter, Outbox
    from tests.gateway.harness import Stage

EVERYTHING = frozenset(NoticeKind)


@dataclass
class ScriptedSender:
    """Answers what was scripted, else 204, and keeps what it was given; None: it is not there."""

    receivers: tuple[Receiver, ...] = (Receiver(id="one", kinds=EVERYTHING),)
    replies: deque[Reply] = field(default_factory=deque)
    sent: list[Letter] = field(default_factory=list)
    hold: asyncio.Event | None = None

    async def send(self, letter: Letter, *, within_s: float) -> Reply | None:
        """Take a letter."""
        if letter.receiver not in {receiver.id for receiver in self.receivers}:
            return None
        self.sent.append(letter)
        if self.hold is not None:
            await self.hold.wait()
        return self.replies.popleft() if self.replies else Reply(status=204)


class Away:
    """A port whose store is away the first time that one thing is asked of it."""

    def __init__(self, port: object, name: str) -> None:
        self._port = port
        self._name = name
        self._left = 1

    def __getattr__(self, name: str) -> object:
        if name == self._name and self._left:
            self._left -= 1
            raise StoreUnavailable(name, retry_after_s=1)
        return getattr(self._port, name)


class Newsroom:
    """One process's alerts and deliveries."""

    def __init__(
        self, stage: Stage, sender: ScriptedSender | None = None, *, away: str = ""
    ) -> None:
        self.stage = stage
        self.sender = sender or ScriptedSender()
        self.troubles = Troubles()
        self.bulletin = RedisBulletin(stage.client, stage.keys)
        self.outbox = RedisOutbox(stage.client, stage.keys)
        self.alerts = Alerts(
            stage.runtime,
            cast("Bulletin", Away(self.bulletin, away)),
            stream=RedisLedgerStream(stage.client, stage.keys),
            sender=self.sender,
            troubles=self.troubles,
        )
        self.deliveries = Deliveries(
            stage.runtime, cast("Outbox", Away(self.outbox, away)), self.sender
        )

    async def told(self) -> list[dict[str, Any]]:
        """Look at everything once; what is new in the outbox, taken out of it."""
        await self.alerts.once()
        return await self.waiting()

    async def waiting(self) -> list[dict[str, Any]]:
        """The bodies of what is due, taken out of the outbox; in the order of their texts."""
        bodies = []
        taken = Sending(outcome=Outcome.DELIVERED, reply=Reply(status=204), took_s=0)
        for receiver in (await self.outbox.due(99))[0]:
            for name in await self.outbox.letters(receiver, 99):
                letter = await self.outbox.take(name, lease_s=60, patience_s=60)
                assert letter is not None
                bodies.append(json.loads(letter.body))
                await self.outbox.note(letter, taken)
        return sorted(bodies, key=lambda body: json.dumps(body["data"]))

    async def use(self, balance: str, *, spent: int = 0, reserved: int = 0) -> None:
        """Put money on a balance, by its short name, that no entry of the ledger explains."""
        key = self.stage.keys.team(MARKETING)
        if balance.startswith("org"):
            key, balance = self.stage.keys.organisation(), balance.removeprefix("org")
        pairs = (f"{balance}|s", spent, f"{balance}|r", reserved)
        await self.stage.client.call(("HSET", key, *pairs))
