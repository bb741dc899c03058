"""Overrides, freezes and revoked keys: what administrators put in force, and end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.domain.errors import InvalidRequest, NotFound, StateConflict
from proxy.domain.ids import KeyId, ProviderName, TeamId
from proxy.domain.instant import iso_ms
from proxy.gateway.finance.budgets import all_budgets
from proxy.gateway.ports.ledger import NotPosted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from proxy.domain.moderation import Record
    from proxy.domain.policy import ApiKey
    from proxy.gateway.finance.budgets import BudgetLine
    from proxy.gateway.ports.controls import Controls, Freeze, LiveOverride
    from proxy.gateway.ports.ledger import Ledger, Mandate
    from proxy.gateway.runtime import Runtime

REVOKE = "revoke_override"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lift:
    """What is asked for: more on a budget, until an instant (Unix ms) or its period's end.

    `budget` is its id or the name of its account; `team` is None for the organisation's.
    """

    budget: str
    team: TeamId | None
    micro_usd: int
    until_ms: int | None = None
    for_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifted:
    """An override that is in force; the sum is what all live ones add to the balance now."""

    id: str
    team: TeamId | None
    balance: str
    micro_usd: int
    total_micro_usd: int
    until_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is frozen: a team, a provider, or (with neither) everything."""

    team: TeamId | None = None
    provider: ProviderName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLine:
    """A key of the configuration, whether it was revoked, and how its moderation stands.

    `refusals` are those that count at present; `cools_until_ms` is the end of a cool-down.
    """

    key: ApiKey
    is_revoked: bool
    refusals: int = 0
    cools_until_ms: int | None = None


class ControlDesk:
    """What is in force, over the live configuration. Everything raises StoreUnavailable."""

    def __init__(self, runtime: Runtime, ledger: Ledger, controls: Controls) -> None:
        self._runtime = runtime
        self._ledger = ledger
        self._controls = controls

    async def overrides(self) -> tuple[LiveOverride, ...]:
        """Every live override."""
        return (await self._controls.in_force()).overrides

    async def lift(self, wanted: Lift, mandate: Mandate) -> Lifted:
        """Add to a budget's limit for a while, at most to the end of its period.

        Raises:
            NotFound: there is no such budget.
            InvalidRequest: it would have ended before it began, or nothing is added.
            StateConflict: as many overrides live as may live at once.
        """
        line = await self._line(wanted)
        period = line.state.balance.period
        until_ms = period.end_ms
        if wanted.for_ms is not None:
            until_ms = min(until_ms, await self._runtime.accounts.now_ms() + wanted.for_ms)
        elif wanted.until_ms is not None:
            until_ms = min(until_ms, wanted.until_ms)
        balance = line.state.balance.name
        posted = await self._ledger.override(
            balance, line.team, mandate, micro_usd=wanted.micro_usd, until_ms=until_ms
        )
        if isinstance(posted, NotPosted):
            raise _not_lifted(posted, until_ms)
        return Lifted(
            id=mandate.operation,
            team=line.team,
            balance=balance,
            micro_usd=posted.amount_micro_usd,
            total_micro_usd=posted.total_micro_usd,
            until_ms=until_ms,
        )

    async def end_override(self, override: str, mandate: Mandate) -> None:
        """End a live override at once.

        Raises:
            NotFound: no such override lives (any more).
        """
        live = {each.id: each for each in await self.overrides()}.get(override)
        if live is not None:
            posted = await self._ledger.revoke_override(override, live.team, mandate)
            has_ended = not isinstance(posted, NotPosted)
        else:
            has_ended = await self._was_ended(override, mandate)
        if has_ended:
            return
        message = f"no override {override!r} lives (any more)"
        raise NotFound(message, param="override")

    async def freezes(self) -> tuple[Freeze, ...]:
        """Everything that is frozen."""
        return (await self._controls.in_force()).freezes

    async def freeze(self, target: Target, mandate: Mandate) -> bool:
        """Stop new spend; returns whether that is new. Raises NotFound."""
        snapshot = self._runtime.live.snapshot
        if target.team is not None and target.team not in snapshot.teams:
            message = f"no team {target.team!r}; known: {_names(snapshot.teams)}"
            raise NotFound(message, param="team")
        if target.provider is not None and target.provider not in snapshot.providers:
            message = f"no provider {target.provider!r}; known: {_names(snapshot.providers)}"
            raise NotFound(message, param="provider")
        return await self._ledger.freeze(mandate, team=target.team, provider=target.provider)

    async def thaw(self, target: Target, mandate: Mandate) -> bool:
        """End a freeze, also of what has left the configuration; says whether there was one."""
        thawed = await self._ledger.thaw(mandate, team=target.team, provider=target.provider)
        self._runtime.wake()
        return thawed

    async def keys(self) -> tuple[KeyLine, ...]:
        """Every key of the configuration."""
        keys = tuple(self._runtime.live.snapshot.keys.values())
        revoked = (await self._controls.in_force()).revoked
        records = await self._controls.refusals([(key.team, key.id) for key in keys])
        now_ms = self._runtime.balances.now_ms()
        return tuple(
            _line_of(key, record, now_ms, is_revoked=(key.team, key.id) in revoked)
            for key, record in zip(keys, records, strict=True)
        )

    async def revoke_key(self, key_id: str, mandate: Mandate) -> tuple[ApiKey, bool]:
        """Refuse a key from now on; returns it, and whether that is new. Raises NotFound."""
        key = self._key(key_id)
        is_new = await self._ledger.revoke_key(key.team, key.id, mandate)
        self._runtime.standby.deny(key.team, key.id)
        return key, is_new

    async def end_cool_down(self, key_id: str, mandate: Mandate) -> tuple[ApiKey, bool]:
        """Forget a key's refusals; returns it, and whether there were any. Raises NotFound."""
        key = self._key(key_id)
        return key, await self._ledger.end_cool_down(key.team, key.id, mandate)

    def _key(self, key_id: str) -> ApiKey:
        key = self._runtime.live.snapshot.keys.get(KeyId(key_id))
        if key is None:
            message = f"the configuration has no key {key_id!r}"
            raise NotFound(message, param="key")
        return key

    async def _line(self, wanted: Lift) -> BudgetLine:
        runtime = self._runtime
        lines = await all_budgets(runtime.live.snapshot, runtime.balances, runtime.accounts)
        own = [line for line in lines if line.team == wanted.team]
        for line in own:
            if wanted.budget in (line.state.balance.budget_id, line.state.balance.account):
                return line
        whose = "the organisation" if wanted.team is None else f"team {wanted.team!r}"
        known = _names({line.state.balance.budget_id for line in own})
        message = f"{whose} has no budget {wanted.budget!r}; known: {known}"
        raise NotFound(message, param="budget")

    async def _was_ended(self, override: str, mandate: Mandate) -> bool:
        """Say whether this very change ended it before."""
        async for entry in self._ledger.audit():
            if (entry.operation, entry.action, entry.target) == (
                mandate.operation,
                REVOKE,
                override,
            ):
                return True
        return False


def _line_of(key: ApiKey, record: Record, now_ms: int, *, is_revoked: bool) -> KeyLine:
    rule = key.moderation
    if rule is None:
        return KeyLine(key=key, is_revoked=is_revoked)
    is_cooling = record.until_ms > now_ms
    return KeyLine(
        key=key,
        is_revoked=is_revoked,
        refusals=len(record.recent(rule, now_ms)),
        cools_until_ms=record.until_ms if is_cooling else None,
    )


def _not_lifted(why: NotPosted, until_ms: int) -> InvalidRequest | StateConflict:
    if why is NotPosted.TOO_MANY:
        message = "as many overrides live as may live at once; revoke one"
        return StateConflict(message)
    if why is NotPosted.EXPIRED:
        message = f"it would end at {iso_ms(until_ms)}, which has passed"
        return InvalidRequest(message, param="until")
    message = "amount must be above 0"
    return InvalidRequest(message, param="amount")


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
