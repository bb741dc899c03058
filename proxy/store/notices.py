"""Notices over Redis: each told once, together with its letters in the outbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.ids import TeamId
from proxy.gateway.ports.admission import BalanceState
from proxy.gateway.ports.notices import Marked
from proxy.store.entries import short_name
from proxy.store.flags import OVERRIDES, live_overrides
from proxy.store.outbox import LETTER_LIFE_S, letter_id
from proxy.store.script import Script
from proxy.store.steps import new_operation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.balance import Balance
    from proxy.gateway.ports.notices import Mail
    from proxy.store.client import Client
    from proxy.store.connection import Argument
    from proxy.store.keys import Keys

MARKS = "a"
"""The last part of the name of a balance's field that holds its marks."""
NOTHING_YET = "0-0"


class RedisBulletin:
    """Bulletin over Redis."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys
        self._mark = Script.load("mark")
        self._tell_once = Script.load("tell_once")
        self._follow = Script.load("follow")

    async def marked(
        self, team: TeamId | None, balances: Sequence[Balance], *, now_ms: int
    ) -> Sequence[Marked]:
        """How balances of a team (None: of the organisation) stand, in one HMGET."""
        names = [_short(team, balance.name) for balance in balances]
        fields = [f"{name}|{kind}" for name in names for kind in ("s", "r", MARKS)]
        reply = await self._client.read(("HMGET", self._owner(team), OVERRIDES, *fields))
        lifts = live_overrides(reply[0], now_ms)
        return [
            Marked(
                state=BalanceState(
                    balance=balance,
                    spent_micro_usd=int(reply[at] or 0),
                    reserved_micro_usd=int(reply[at + 1] or 0),
                    lifted_micro_usd=lifts.get(name, 0),
                ),
                marks=frozenset((reply[at + 2] or b"").decode().split()[1:]),
            )
            for at, name, balance in zip(range(1, len(reply), 3), names, balances, strict=True)
        ]

    async def mark(
        self, team: TeamId | None, balance: str, marks: Sequence[str], mail: Mail
    ) -> bool:
        """Mark levels; the mail goes out if the highest had no mark yet."""
        keys, letters = self._letters([mail])
        field = f"{_short(team, balance)}|{MARKS}"
        arguments = [new_operation(), field, " ".join(marks), *letters]
        keys = [self._owner(team), *keys]
        return bool(await self._mark.run(self._client, keys, arguments))

    async def tell_once(self, about: str, mail: Mail, *, silence_s: float) -> bool:
        """Let the mail go out unless there was one about the same lately."""
        keys, letters = self._letters([mail])
        arguments = [new_operation(), round(silence_s * 1000), *letters]
        keys = [self._keys.told(about), *keys]
        return bool(await self._tell_once.run(self._client, keys, arguments))

    async def followed(self) -> str | None:
        """Id of the last entry of the ledger that was looked at, None if none ever was."""
        place = await self._client.read(("GET", self._keys.followed()))
        return None if place is None else place.decode().partition(" ")[0]

    async def last_entry(self) -> str:
        """Id of the ledger's last entry, "0-0" if it has none."""
        found = await self._client.read(("XREVRANGE", self._keys.ledger(), "+", "-", "COUNT", 1))
        return found[0][0].decode() if found else NOTHING_YET

    async def follow(self, before: str | None, after: str, mails: Sequence[Mail]) -> bool:
        """Note that the ledger was looked at up to `after`, and let the mails go out."""
        keys, letters = self._letters(mails)
        arguments = [new_operation(), before or "", after, *letters]
        keys = [self._keys.followed(), *keys]
        return bool(await self._follow.run(self._client, keys, arguments))

    def _owner(self, team: TeamId | None) -> str:
        return self._keys.organisation() if team is None else self._keys.team(team)

    def _letters(self, mails: Sequence[Mail]) -> tuple[list[str], list[Argument]]:
        """Outbox and letters as keys, and as the scripts take them: their life first."""
        keys = [self._keys.outbox()]
        arguments: list[Argument] = [LETTER_LIFE_S * 1000]
        for mail in mails:
            body = mail.notice.body()
            for receiver in mail.receivers:
                letter = letter_id(mail.notice.id, receiver)
                keys += [self._keys.letter(letter), self._keys.box(receiver)]
                arguments += [letter, receiver, mail.notice.kind.value, body]
        return keys, arguments


def _short(team: TeamId | None, name: str) -> str:
    return short_name(team or TeamId(""), name)
