"""Reading what is spent and held."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from proxy.domain.ids import KeyId
from proxy.gateway.ports.admission import BalanceState, TeamState
from proxy.store.arguments import Books, bucket_fields, bucket_states
from proxy.store.entries import short_name
from proxy.store.flags import (
    FLAGS,
    FREEZE,
    OVERRIDES,
    flags_of,
    frozen_providers,
    live_overrides,
    refusals_field,
    refusals_of,
    revoked_keys,
)

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
        self,
        team: TeamId,
        balances: Sequence[Balance],
        buckets: Sequence[Bucket],
        *,
        key: KeyId | None = None,
    ) -> TeamState:
        """Read balances, buckets and job counts of a team, and a key's cool-down.

        All in one round trip.
        """
        books = Books.of(team, balances)
        fields = books.fields()
        split = 2 * books.of_team
        own = [FLAGS, OVERRIDES, refusals_field(key or KeyId(""))]
        own += ["open", *bucket_fields(buckets), *fields[:split]]
        shared = [FLAGS, OVERRIDES, *fields[split:]]
        now_us, of_team, of_organisation, running = await asyncio.gather(
            self._now_us(),
            self._client.read(("HMGET", self._keys.team(team), *own)),
            self._client.read(("HMGET", self._keys.organisation(), *shared)),
            self._client.read(("SCARD", self._keys.running(team))),
        )
        open_jobs, *rest = [int(value or 0) for value in of_team[3:]]
        times, amounts = rest[: len(buckets)], rest[len(buckets) :]
        amounts += [int(value or 0) for value in of_organisation[2:]]
        own_flags, shared_flags = flags_of(of_team[0]), flags_of(of_organisation[0])
        own_lifts = live_overrides(of_team[1], now_us // 1000)
        shared_lifts = live_overrides(of_organisation[1], now_us // 1000)
        return TeamState(
            balances=tuple(
                BalanceState(
                    balance=balance,
                    spent_micro_usd=amounts[2 * place],
                    reserved_micro_usd=amounts[2 * place + 1],
                    lifted_micro_usd=(shared_lifts if balance.is_organisation else own_lifts).get(
                        short_name(team, balance.name), 0
                    ),
                )
                for balance, place in zip(balances, books.places, strict=True)
            ),
            buckets=bucket_states(buckets, times, now_us, is_spent=False),
            open_jobs=open_jobs,
            running_jobs=running,
            frozen="team" if FREEZE in own_flags else "all" if FREEZE in shared_flags else "",
            frozen_providers=frozen_providers(shared_flags),
            revoked=revoked_keys(own_flags),
            cooling_ms=max(0, refusals_of(of_team[2]).until_ms - now_us // 1000),
        )

    async def now_ms(self) -> int:
        """The store's clock, Unix milliseconds."""
        return await self._now_us() // 1000

    async def _now_us(self) -> int:
        seconds, micros = await self._client.read(("TIME",))
        return int(seconds) * MICROSECONDS + int(micros)
