"""Letters as persons see them: how they stand, what was tried; and putting them back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from proxy.domain.video_event import message_id
from proxy.gateway.ports.letters import Fate, LetterState, ReceiverState, Text, Try
from proxy.gateway.ports.notices import Outcome
from proxy.store.changes import mandated, same
from proxy.store.codec import fields_of
from proxy.store.outbox import LETTER_LIFE_S, OUTCOMES, letter_id, split_letter_id
from proxy.store.script import Script

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from proxy.domain.ids import JobId
    from proxy.gateway.ports.ledger import Mandate
    from proxy.gateway.ports.letters import Wanted
    from proxy.store.client import Client
    from proxy.store.connection import Argument
    from proxy.store.keys import Keys

PAGE = 200
RECEIVERS_MAX = 1000
"""So many receivers with letters are looked at."""
_OUTCOMES = {letter: outcome for outcome, letter in OUTCOMES.items()}


class RedisLetters:
    """The port Letters over Redis."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys
        self._replay = Script.load("replay")

    async def of_job(self, job: JobId) -> Sequence[LetterState]:
        """Those about a job's end that are still known."""
        receivers = await self._client.read(("HGET", self._keys.job(job), "y"))
        message = message_id(job)
        names = [letter_id(message, each) for each in (receivers or b"").decode().split()]
        return await self._read(names)

    async def undelivered(self, wanted: Wanted, limit: int) -> tuple[Sequence[LetterState], bool]:
        """Those that nobody took, the latest first, and whether there are more."""
        found: list[LetterState] = []
        first = 0
        while len(found) <= limit:
            key = self._keys.undelivered()
            page = await self._client.read(("ZREVRANGE", key, first, first + PAGE - 1))
            letters = await self._read([name.decode() for name in page])
            found += [letter for letter in letters if wanted.has(letter)]
            first += PAGE
            if len(page) < PAGE:
                break
        return found[:limit], len(found) > limit

    async def waiting(self, wanted: Wanted, limit: int) -> tuple[Sequence[LetterState], bool]:
        """Those that wait to be sent, and whether there are more."""
        found: list[LetterState] = []
        receivers = await self._with_letters() if wanted.receiver is None else [wanted.receiver]
        for receiver in receivers:
            names = await self._client.read(("ZRANGE", self._keys.box(receiver), 0, limit))
            letters = await self._read([name.decode() for name in names])
            found += [letter for letter in letters if wanted.has(letter)]
            if len(found) > limit:
                break
        return found[:limit], len(found) > limit

    async def receivers(self, known: Sequence[str]) -> Sequence[ReceiverState]:
        """The receivers that are known, and further ones that have letters."""
        names = dict.fromkeys([*known, *await self._with_letters()])
        return await asyncio.gather(*map(self._receiver, names))

    async def put_back(self, texts: Sequence[Text], mandate: Mandate, target: str) -> int | None:
        """Put letters back, due at once; says how many it was, None if there are none."""
        keys = [
            self._keys.change(mandate.operation),
            self._keys.audit(),
            self._keys.outbox(),
            self._keys.undelivered(),
            self._keys.silenced(),
        ]
        arguments: list[Argument] = [*mandated(mandate, "replay", target), LETTER_LIFE_S * 1000]
        for text in texts:
            name = letter_id(text.message, text.receiver)
            keys += [
                self._keys.letter(name),
                self._keys.box(text.receiver),
                self._keys.rest(text.receiver),
            ]
            sequence = "" if text.sequence is None else text.sequence
            arguments += [name, text.receiver, text.kind, text.body or ""]
            arguments += [text.at_ms, sequence, text.team, text.url]
        reply = same(await self._replay.run(self._client, keys, arguments))
        return int(reply[2]) if reply[0] == b"ok" else None

    async def _with_letters(self) -> list[str]:
        members = await self._client.read(("ZRANGE", self._keys.outbox(), 0, RECEIVERS_MAX - 1))
        return [member.decode() for member in members]

    async def _read(self, names: Sequence[str]) -> list[LetterState]:
        found = await asyncio.gather(*map(self._letter, names))
        return [letter for letter in found if letter is not None]

    async def _letter(self, name: str) -> LetterState | None:
        message, receiver = split_letter_id(name)
        fields, due_ms = await asyncio.gather(
            self._client.read(("HGETALL", self._keys.letter(name))),
            self._client.read(("ZSCORE", self._keys.box(receiver), name)),
        )
        texts = {field: value.decode() for field, value in fields_of(fields).items()}
        return _state(message, receiver, texts, due_ms) if texts else None

    async def _receiver(self, receiver: str) -> ReceiverState:
        waiting, rest, latest = await asyncio.gather(
            self._client.read(("ZCARD", self._keys.box(receiver))),
            self._client.read(("GET", self._keys.rest(receiver))),
            self._client.read(("LRANGE", self._keys.sendings(receiver), 0, -1)),
        )
        failures, until_ms = map(int, (rest or b"0 0").split())
        return ReceiverState(
            id=receiver,
            waiting=waiting,
            failures=failures,
            rests_until_ms=until_ms or None,
            latest=tuple(_sending(line.decode()) for line in latest),
        )


def _state(
    message: str, receiver: str, fields: Mapping[str, str], due_ms: bytes | None
) -> LetterState:
    return LetterState(
        text=Text(
            message=message,
            receiver=receiver,
            kind=fields["kind"],
            body=fields.get("body"),
            at_ms=int(fields["at"]),
            sequence=int(fields["seq"]) if "seq" in fields else None,
            team=fields.get("team", ""),
            url=fields.get("url", ""),
        ),
        fate=Fate(_OUTCOMES[fields["s"]].value) if "s" in fields else Fate.WAITING,
        tries=int(fields.get("tries", 0)),
        log=tuple(_try(line) for line in fields.get("log", "").splitlines()),
        excerpt=fields.get("say", ""),
        next_at_ms=None if due_ms is None else int(float(due_ms)),
    )


def _sending(line: str) -> tuple[Try, str]:
    """A line of a receiver's tries: one of a letter's, and the letter."""
    sending, _, name = line.rpartition(" ")
    return _try(sending), split_letter_id(name)[0]


def _try(line: str) -> Try:
    at_ms, outcome, shown, took_ms = line.split(" ")
    is_status = shown.isdecimal()
    return Try(
        at_ms=int(at_ms),
        outcome=Outcome(_OUTCOMES[outcome]),
        status=int(shown) if is_status else None,
        fault="" if is_status or shown == "-" else shown,
        took_ms=int(took_ms),
    )
