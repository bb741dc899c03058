"""What persons have in force, read from the fields `z` and `v` and told with its audit."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from proxy.domain.ids import KeyId, ProviderName, TeamId
from proxy.gateway.ports.controls import Drain, Freeze, LiveControls, LiveOverride
from proxy.store.changes import drained_name, override_id, target_of
from proxy.store.entries import ORGANISATION_OWNER, TEAM_OWNER, full_name
from proxy.store.flags import (
    DRAIN,
    FLAGS,
    FREEZE,
    OVERRIDES,
    REVOKED,
    flags_of,
    refusals_field,
    refusals_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.moderation import Record
    from proxy.gateway.ports.ledger import AuditEntry
    from proxy.store.client import Client
    from proxy.store.connection import Reply
    from proxy.store.keys import Keys
    from proxy.store.ledger import RedisLedger


class RedisControls:
    """The port Controls over Redis."""

    def __init__(self, client: Client, keys: Keys, ledger: RedisLedger) -> None:
        self._client = client
        self._keys = keys
        self._ledger = ledger

    async def in_force(self) -> LiveControls:
        """Read every hash that may hold something; only where one does, the audit too."""
        members = await self._client.read(("SMEMBERS", self._keys.teams()))
        owners = [None, *sorted(TeamId(team.decode()) for team in members)]
        read = await asyncio.gather(*(self._fields(owner) for owner in owners))
        held = [
            (owner, flags, lifts)
            for owner, (flags, lifts) in zip(owners, read, strict=True)
            if flags or lifts
        ]
        if not held:
            return LiveControls(overrides=(), freezes=(), drains=(), revoked=frozenset())
        now_ms = await self._now_ms()
        made = await self._made()
        overrides: list[LiveOverride] = []
        freezes: list[Freeze] = []
        drains: list[Drain] = []
        revoked: set[tuple[TeamId, KeyId]] = set()
        for owner, flags, lifts in held:
            overrides += _overrides(owner, lifts, now_ms, made)
            for flag in sorted(flags_of(flags)):
                what, _, name = flag.partition(":")
                if what == FREEZE:
                    freezes.append(_freeze(owner, name, made))
                elif what == DRAIN:
                    drains.append(_drain(name, made))
                elif owner is not None and what == REVOKED:
                    revoked.add((owner, KeyId(name)))
        return LiveControls(
            overrides=tuple(overrides),
            freezes=tuple(freezes),
            drains=tuple(drains),
            revoked=frozenset(revoked),
        )

    async def refusals(self, keys: Sequence[tuple[TeamId, KeyId]]) -> Sequence[Record]:
        """What is known of each key's refused contents."""
        reads = (
            self._client.read(("HGET", self._keys.team(team), refusals_field(key)))
            for team, key in keys
        )
        return [refusals_of(text) for text in await asyncio.gather(*reads)]

    async def _fields(self, owner: TeamId | None) -> Reply:
        key = self._keys.organisation() if owner is None else self._keys.team(owner)
        return await self._client.read(("HMGET", key, FLAGS, OVERRIDES))

    async def _now_ms(self) -> int:
        seconds, micros = await self._client.read(("TIME",))
        return int(seconds) * 1000 + int(micros) // 1000

    async def _made(self) -> dict[str, AuditEntry]:
        """The last change of each kind that is still in force, by what the store calls it."""
        made: dict[str, AuditEntry] = {}
        async for entry in self._ledger.audit():
            if entry.action == "override":
                made[override_id(entry.operation)] = entry
            elif entry.action == FREEZE and entry.before != entry.after:
                made[entry.target] = entry
            elif entry.action == DRAIN and entry.before != entry.after:
                made[f"{DRAIN} {entry.target}"] = entry
        return made


def _overrides(
    owner: TeamId | None, lifts: bytes | None, now_ms: int, made: dict[str, AuditEntry]
) -> list[LiveOverride]:
    letter = ORGANISATION_OWNER if owner is None else TEAM_OWNER
    found = []
    for line in (lifts or b"").decode().splitlines():
        key, micro_usd, until_ms, name = line.split(" ", 3)
        if int(until_ms) > now_ms:
            found.append(
                LiveOverride(
                    team=owner,
                    balance=full_name(owner or TeamId(""), letter + name),
                    micro_usd=int(micro_usd),
                    until_ms=int(until_ms),
                    change=made[key],
                )
            )
    return found


def _freeze(owner: TeamId | None, name: str, made: dict[str, AuditEntry]) -> Freeze:
    provider = ProviderName(name) if name else None
    return Freeze(team=owner, provider=provider, change=made[target_of(owner, provider)])


def _drain(name: str, made: dict[str, AuditEntry]) -> Drain:
    provider, _, account = name.partition(":")
    target = drained_name(provider, account or None)
    return Drain(
        provider=ProviderName(provider), account=account or None, change=made[f"{DRAIN} {target}"]
    )
