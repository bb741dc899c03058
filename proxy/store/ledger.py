"""The ledger: every movement of money in its order, and the proof that balances are its sum."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.domain.ids import TeamId
from proxy.store.arguments import TEAM_OWNER, full_name, short_name
from proxy.store.codec import fields_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from proxy.store.client import Client
    from proxy.store.keys import Keys

PAGE = 1000
RESERVE = "reserve"
SPENT, RESERVED = "s", "r"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One movement and the balances it touched, of team and organisation. Amounts in micro-USD.

    reserve: `reserved_micro_usd` is held. settle and release: it is given back, and
    `charged_micro_usd` spent. `operation` is empty for the admission, which the attempt names.
    """

    id: str
    kind: str
    operation: str
    attempt: str
    reserved_micro_usd: int
    charged_micro_usd: int
    team_balances: tuple[str, ...]
    organisation_balances: tuple[str, ...]
    team: TeamId
    key: str
    policy: str
    provider: str
    account: str
    model: str
    price_id: str
    snapshot_digest: str
    by: str

    @property
    def at_ms(self) -> int:
        """The store's clock when it happened."""
        return int(self.id.partition("-")[0])

    @property
    def job(self) -> str:
        """The job whose attempt this is."""
        return self.attempt.rpartition("-")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A balance that is not the sum of its entries, in micro-USD. `field` ends in |s or |r."""

    owner: str
    field: str
    ledger_micro_usd: int
    balance_micro_usd: int


class RedisLedger:
    """The ledger over Redis. It only reads: entries are written by the scripts that move money."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    async def entries(self) -> AsyncIterator[Entry]:
        """Every entry, oldest first."""
        after = "-"
        while True:
            command = ("XRANGE", self._keys.ledger(), after, "+", "COUNT", PAGE)
            page = await self._client.read(command)
            for entry_id, fields in page:
                yield _entry(entry_id.decode(), fields_of(fields))
            if len(page) < PAGE:
                return
            after = "(" + page[-1][0].decode()

    async def verify(self) -> tuple[Difference, ...]:
        """Compare every balance with the sum of its entries; none different means all is well.

        Uses nothing but the stream and the balances. Meaningful while no money moves meanwhile.
        """
        sums: Counter[tuple[str, str]] = Counter()
        async for entry in self.entries():
            sums.update(_effects(entry))
        stored = await self._stored({owner for owner, _ in sums if owner})
        return tuple(
            Difference(
                owner=owner or "organisation",
                field=field,
                ledger_micro_usd=sums[owner, field],
                balance_micro_usd=stored.get((owner, field), 0),
            )
            for owner, field in sorted(sums.keys() | stored.keys())
            if sums[owner, field] != stored.get((owner, field), 0)
        )

    async def _stored(self, teams: set[str]) -> dict[tuple[str, str], int]:
        known = await self._client.read(("SMEMBERS", self._keys.teams()))
        owners = {team: self._keys.team(TeamId(team)) for team in teams}
        owners |= {team.decode(): self._keys.team(TeamId(team.decode())) for team in known}
        owners[""] = self._keys.organisation()
        stored = {}
        for owner, key in owners.items():
            fields = fields_of(await self._client.read(("HGETALL", key)))
            for field, value in fields.items():
                if field.endswith((f"|{SPENT}", f"|{RESERVED}")) and not field.startswith("b|"):
                    stored[owner, field] = int(value)
        return stored


def _effects(entry: Entry) -> Mapping[tuple[str, str], int]:
    """What an entry did, by owner ("" is the organisation) and field."""
    held = entry.reserved_micro_usd if entry.kind == RESERVE else -entry.reserved_micro_usd
    names: list[tuple[str, str]] = [
        (entry.team, short_name(entry.team, name)) for name in entry.team_balances
    ]
    names += [("", short_name(entry.team, name)) for name in entry.organisation_balances]
    effects = {(owner, f"{name}|{RESERVED}"): held for owner, name in names}
    if entry.charged_micro_usd:
        effects |= {(owner, f"{name}|{SPENT}"): entry.charged_micro_usd for owner, name in names}
    return effects


def _entry(entry_id: str, fields: Mapping[str, bytes]) -> Entry:
    lines = [line for line in fields["balances"].decode().split("\n") if line]
    facts = fields["facts"].decode().split("\n")
    team, key, policy, provider, account, model, price_id, digest, by = facts
    return Entry(
        id=entry_id,
        kind=fields["kind"].decode(),
        operation=fields["op"].decode(),
        attempt=fields["attempt"].decode(),
        reserved_micro_usd=int(fields["reserved"]),
        charged_micro_usd=int(fields["charged"]),
        team_balances=tuple(
            full_name(TeamId(team), line) for line in lines if line[0] == TEAM_OWNER
        ),
        organisation_balances=tuple(
            full_name(TeamId(team), line) for line in lines if line[0] != TEAM_OWNER
        ),
        team=TeamId(team),
        key=key,
        policy=policy,
        provider=provider,
        account=account,
        model=model,
        price_id=price_id,
        snapshot_digest=digest,
        by=by,
    )
