"""Accounts over Redis: one hash says which are open, one script opens each.

A record is `o|zone|zone before|until (ms)|operation|period|its start (ms)|as of`; the last three
are those of its opening, and are missing where an earlier version made it. The field `#` is no
account: it holds the operation that opened one last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.ids import TeamId, job_of_attempt
from proxy.domain.opening import Opening
from proxy.gateway.ports.accounts import Opened, Registered
from proxy.store.codec import fields_of
from proxy.store.entries import ORGANISATION_OWNER, TEAM_OWNER, owned_name
from proxy.store.script import Script
from proxy.store.steps import new_operation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.domain.takeover import Takeover
    from proxy.store.client import Client
    from proxy.store.connection import Argument
    from proxy.store.keys import Keys

OPEN, CLOSED = "o", "c"
LATEST = "#"
NOTHING = "-"
"""As of what entry: none."""
OPENING_PARTS = 8


class RedisAccountRegistry:
    """AccountRegistry over Redis."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys
        self._open = Script.load("open")
        self._close = Script.load("close")
        self._rezone = Script.load("rezone")

    async def registered(self) -> Mapping[str, Registered]:
        """Every account that was ever opened, by name."""
        reply = await self._client.read(("HGETALL", self._keys.accounts()))
        return {
            name: _registered(value.decode())
            for name, value in fields_of(reply).items()
            if name != LATEST
        }

    async def open(
        self,
        account: str,
        team: TeamId | None,
        takeover: Takeover,
        *,
        timezone: str,
        as_of: str,
        known: Registered | None = None,
    ) -> Opened:
        """Open an account with what it takes over; see the port."""
        keys, balance = self._keys, takeover.balance
        owner = keys.organisation() if team is None else keys.team(team)
        named = owned_name(team or TeamId(""), balance.name)
        assert named[0] == (ORGANISATION_OWNER if team is None else TEAM_OWNER), named
        jobs: list[str] = []
        attempts: list[Argument] = []
        for held in takeover.open_attempts:
            job, number = job_of_attempt(held.attempt)
            jobs.append(keys.job(job))
            attempts += [number, held.held_micro_usd]
        arguments: list[Argument] = [
            new_operation(),
            account,
            _zones(Registered(timezone=timezone)),
            named[1:],
            named[0],
            team or "",
            takeover.spent_micro_usd,
            as_of or NOTHING,
            balance.period.start_ms,
            balance.period.end_ms,
            team or "",
            known.operation if known else "",
            *attempts,
        ]
        reply = await self._open.run(
            self._client, [keys.accounts(), owner, keys.ledger(), *jobs], arguments
        )
        return Opened(reply.decode())

    async def close(self, accounts: Mapping[str, Registered]) -> None:
        """Note that nothing counts on these accounts any more."""
        named = [(account, known.operation) for account, known in accounts.items()]
        arguments = [argument for pair in named for argument in pair]
        await self._close.run(self._client, [self._keys.accounts()], arguments)

    async def rezone(self, account: str, known: Registered, following: Registered) -> None:
        """Note an account's new time zone."""
        arguments = [account, f"{OPEN}|{_zones(known)}|{known.operation}", _zones(following)]
        await self._rezone.run(self._client, [self._keys.accounts()], arguments)


class Openings:
    """How every account was opened last, read again only when one was opened since."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys
        self._known: tuple[str, tuple[Opening, ...]] | None = None

    async def read(self) -> tuple[str, tuple[Opening, ...]]:
        """The operation that opened an account last ("" for none), and the openings."""
        if self._known is None:
            fields = fields_of(await self._client.read(("HGETALL", self._keys.accounts())))
            latest = fields.pop(LATEST, b"").decode()
            found = (_opening(name, value.decode()) for name, value in fields.items())
            self._known = latest, tuple(each for each in found if each is not None)
        return self._known

    def forget(self) -> None:
        """Read them again the next time: a script has seen another operation."""
        self._known = None


def _opening(account: str, text: str) -> Opening | None:
    parts = text.split("|")
    if len(parts) < OPENING_PARTS:
        return None
    period_id, start_ms, as_of = parts[5:]
    return Opening(
        account=account,
        period_id=period_id,
        period_start_ms=int(start_ms),
        as_of="" if as_of == NOTHING else as_of,
    )


def _zones(registered: Registered) -> str:
    return f"{registered.timezone}|{registered.before}|{registered.until_ms}"


def _registered(text: str) -> Registered:
    state, timezone, before, until_ms, operation = text.split("|")[:5]
    return Registered(
        timezone=timezone,
        is_closed=state == CLOSED,
        before=before,
        until_ms=int(until_ms),
        operation=operation,
    )
