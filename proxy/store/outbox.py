"""The outbox over Redis: a box of letters for each receiver, which several processes empty."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from proxy.domain.video_event import end_body
from proxy.gateway.ports.notices import Letter, Outcome
from proxy.store.codec import fields_of
from proxy.store.script import Script
from proxy.store.steps import new_operation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from proxy.gateway.ports.notices import Sending
    from proxy.store.client import Client
    from proxy.store.connection import Argument
    from proxy.store.keys import Keys

LETTER_LIFE_S = 30 * 86_400
"""A letter is kept so long after it was last tried, and listed so long if nobody took it."""
DELIVERED_LIFE_S = 5 * 86_400
FAILURES_MAX = 5
REST_S, REST_S_MAX = 5.0, 300.0
"""A receiver that takes nothing so often in a row rests, twice as long with each time more."""
OUTCOMES: Mapping[Outcome, str] = MappingProxyType(
    {
        Outcome.FAILED: "f",
        Outcome.DELIVERED: "d",
        Outcome.GIVEN_UP: "g",
        Outcome.SILENCED: "s",
        Outcome.WITHDRAWN: "w",
    }
)


def letter_id(notice: str, receiver: str) -> str:
    """The id of a message's letter to a receiver."""
    return f"{notice}:{receiver}"


def split_letter_id(letter: str) -> tuple[str, str]:
    """Message and receiver of a letter."""
    notice, _, receiver = letter.rpartition(":")
    return notice, receiver


class RedisOutbox:
    """Outbox over Redis."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys
        self._due = Script.load("due")
        self._take = Script.load("letter_take")
        self._end = Script.load("letter_end")
        self._silence = Script.load("silence")

    async def due(self, limit: int) -> tuple[Sequence[str], float | None]:
        """Receivers with letters that may be sent now, and seconds until there are more."""
        found, next_ms = await self._due.run(self._client, [self._keys.outbox()], [limit, 0])
        receivers = [receiver.decode() for receiver in found]
        return receivers, None if next_ms < 0 else next_ms / 1000

    async def letters(self, receiver: str, limit: int) -> Sequence[str]:
        """Due letters of a receiver, by id, the longest due first."""
        found, _ = await self._due.run(self._client, [self._keys.box(receiver)], [limit, 0])
        return [letter.decode() for letter in found]

    async def take(self, letter: str, *, lease_s: float, patience_s: float) -> Letter | None:
        """Lease a due letter; None if somebody else has it, or its receiver rests."""
        lease = new_operation()
        notice, receiver = split_letter_id(letter)
        arguments: list[Argument] = [
            lease,
            letter,
            receiver,
            round(lease_s * 1000),
            round(patience_s * 1000),
            FAILURES_MAX,
        ]
        reply = await self._take.run(self._client, self._letter_keys(letter, receiver), arguments)
        if not reply:
            return None
        is_past, found = reply
        fields = {name: value.decode() for name, value in fields_of(found).items()}
        return Letter(
            id=letter,
            receiver=receiver,
            notice=notice,
            kind=fields["kind"],
            body=_body(notice, fields),
            tries=int(fields.get("tries", 0)),
            lease=lease,
            team=fields.get("team", ""),
            url=fields.get("url", ""),
            is_past=bool(is_past),
        )

    async def note(self, letter: Letter, sending: Sending) -> None:
        """Note what came of a letter, unless its lease was lost."""
        is_taken = sending.outcome is Outcome.DELIVERED
        reply = sending.reply
        shown = "-" if reply is None else str(reply.status or reply.fault)
        arguments: list[Argument] = [
            letter.lease,
            letter.id,
            letter.receiver,
            OUTCOMES[sending.outcome],
            round(sending.again_in_s * 1000),
            (DELIVERED_LIFE_S if is_taken else LETTER_LIFE_S) * 1000,
            f"{OUTCOMES[sending.outcome]} {shown} {round(sending.took_s * 1000)}",
            "" if reply is None else reply.excerpt,
            FAILURES_MAX,
            round(REST_S * 1000),
            round(REST_S_MAX * 1000),
            round(sending.rest_s * 1000),
        ]
        keys = [
            *self._letter_keys(letter.id, letter.receiver),
            self._keys.sendings(letter.receiver),
            self._keys.undelivered(),
        ]
        await self._end.run(self._client, keys, arguments)

    async def silenced(self, digest: str) -> frozenset[str]:
        """Receivers that want nothing more, as long as this configuration is in force."""
        text = await self._client.read(("GET", self._keys.silenced()))
        of, *receivers = (text or b"").decode().split("\n")
        return frozenset(receivers) if of == digest else frozenset()

    async def silence(self, receiver: str, digest: str) -> None:
        """Send a receiver nothing more, as long as this configuration is in force."""
        await self._silence.run(self._client, [self._keys.silenced()], [digest, receiver])

    def _letter_keys(self, letter: str, receiver: str) -> list[str]:
        keys = self._keys
        return [keys.letter(letter), keys.box(receiver), keys.outbox(), keys.rest(receiver)]


def _body(notice: str, fields: Mapping[str, str]) -> str:
    """The whole message: of a video's end the store has only the data, and its place."""
    if "seq" not in fields:
        return fields["body"]
    at_ms, sequence = int(fields["at"]), int(fields["seq"])
    return end_body(notice, fields["kind"], fields["body"], at_ms=at_ms, sequence=sequence)
