"""Reading what is spent and held."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from proxy.gateway.ports.admission import BalanceState, TeamState
from proxy.store.arguments import Books, bucket_fields, bucket_states

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.balance import Balance
    from proxy.domain.bucket import Bucket
    from proxy.domain.ids import TeamId
    from proxy.store.client import Client
    from proxy.store.keys import Keys

MICROSECONDS = 1_000_000


class RedisAccounts:
    """Accounts over Redis."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    async def team_state(
        self, team: TeamId, balances: Sequence[Balance], buckets: Sequence[Bucket]
    ) -> TeamState:
        """Read balances, buckets and job counts of a team in one round trip."""
        books = Books.of(team, balances)
        fields = books.fields()
        split = 2 * books.of_team
        own = ["open", *bucket_fields(buckets), *fields[:split]]
        # "open" stands in where no balance is the organisation's: HMGET wants a field.
        shared = fields[split:] or ["open"]
        now_us, of_team, of_organisation, running = await asyncio.gather(
            self._now_us(),
            self._client.read(("HMGET", self._keys.team(team), *own)),
            self._client.read(("HMGET", self._keys.organisation(), *shared)),
            self._client.read(("SCARD", self._keys.running(team))),
        )
        open_jobs, *rest = [int(value or 0) for value in of_team]
        times, amounts = rest[: len(buckets)], rest[len(buckets) :]
        amounts += [int(value or 0) for value in of_organisation][: len(fields) - split]
        return TeamState(
            balances=tuple(
                BalanceState(
                    balance=balance,
                    spent_micro_usd=amounts[2 * place],
                    reserved_micro_usd=amounts[2 * place + 1],
                )
                for balance, place in zip(balances, books.places, strict=True)
            ),
            buckets=bucket_states(buckets, times, now_us, is_spent=False),
            open_jobs=open_jobs,
            running_jobs=running,
        )

    async def now_ms(self) -> int:
        """The store's clock, Unix milliseconds."""
        return await self._now_us() // 1000

    async def _now_us(self) -> int:
        seconds, micros = await self._client.read(("TIME",))
        return int(seconds) * MICROSECONDS + int(micros)
