"""How every offer stands at every account, and draining accounts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from proxy.domain.errors import NotFound
from proxy.domain.health import SUBMIT, breaker_name, doors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.domain.ids import ProviderName
    from proxy.domain.policy import Account, Offer, Provider, Snapshot
    from proxy.gateway.ports.controls import Controls, Drain
    from proxy.gateway.ports.ledger import Ledger, Mandate
    from proxy.gateway.runtime import Runtime


WHOLE_ACCOUNT = "account"
"""What the submit breaker of a whole account is called beside those of one offer."""


class Standing(StrEnum):
    """What an account does with new jobs for an offer, in one word."""

    SERVING = "serving"
    DEPRECATED = "deprecated"
    """It serves, and its end is announced."""
    UNHEALTHY = "unhealthy"
    DRAINED = "drained"
    MODEL_GONE = "model_gone"
    RETIRED = "retired"
    UNPRICED = "unpriced"
    NOT_CONFIGURED = "not_configured"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferLine:
    """An offer at one account.

    `breakers` are states by operation: that of the whole account is WHOLE_ACCOUNT. `calls` and
    `failures` are those of its submits and renders in the breakers' window. `latency_s` is the
    median of recent renders, `success` the share of recent attempts that made a video; None where
    too few are known.
    """

    offer: Offer
    account: Account
    standing: Standing
    detail: str
    breakers: Mapping[str, str]
    calls: int
    failures: int
    slots_held: int
    latency_s: float | None
    success: float | None
    drain: Drain | None


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was read of the store for one answer: drains and held slots by provider and account."""

    snapshot: Snapshot
    drains: Mapping[tuple[str, str | None], Drain]
    held: Mapping[tuple[str, str], int]

    def drain(self, provider: ProviderName, account: str) -> Drain | None:
        return self.drains.get((provider, None)) or self.drains.get((provider, account))


class ProviderDesk:
    """What administrators see of providers, and stop. Everything raises StoreUnavailable."""

    def __init__(self, runtime: Runtime, ledger: Ledger, controls: Controls) -> None:
        self._runtime = runtime
        self._ledger = ledger
        self._controls = controls

    async def offers(self) -> tuple[OfferLine, ...]:
        """Every offer at every account, in the order of the configuration."""
        snapshot = self._runtime.live.snapshot
        drains = (await self._controls.in_force()).drains
        seen = _Seen(
            snapshot,
            {(drain.provider, drain.account): drain for drain in drains},
            await slots_held(self._runtime),
        )
        return tuple(
            self._line(seen, offer, account)
            for offer in snapshot.offers
            if offer.provider in snapshot.providers
            for account in snapshot.providers[offer.provider].accounts
        )

    async def drain(self, provider: ProviderName, account: str | None, mandate: Mandate) -> bool:
        """Send nothing new to a provider, or to one account of it; says whether that is new.

        Raises:
            NotFound: the configuration has no such provider, or it no such account.
        """
        snapshot = self._runtime.live.snapshot
        known = snapshot.providers.get(provider)
        if known is None:
            names = ", ".join(sorted(snapshot.providers)) or "none"
            message = f"no provider {provider!r}; known: {names}"
            raise NotFound(message, param="provider")
        if account is not None:
            _check_account(known, account)
        is_new = await self._ledger.drain(mandate, provider=provider, account=account)
        self._runtime.health.look_again()
        return is_new

    async def resume(self, provider: ProviderName, account: str | None, mandate: Mandate) -> bool:
        """End a drain, also of what has left the configuration; says whether there was one."""
        was_there = await self._ledger.resume(mandate, provider=provider, account=account)
        self._runtime.health.look_again()
        self._runtime.wake()
        return was_there

    def _line(self, seen: _Seen, offer: Offer, account: Account) -> OfferLine:
        runtime, place = self._runtime, (offer.provider, account.name)
        conditions = runtime.conditions.now(seen.snapshot)
        good, bad = self._recent(seen.snapshot, offer, account)
        drain = seen.drain(*place)
        why = _unusable(offer, account, runtime.clock.now_s())
        standing, detail = why or self._standing(seen.snapshot, offer, account, drain)
        return OfferLine(
            offer=offer,
            account=account,
            standing=standing,
            detail=detail,
            breakers=self._breakers(seen.snapshot, offer, account),
            calls=good + bad,
            failures=bad,
            slots_held=seen.held[place],
            latency_s=conditions.latency_s.get(offer.id),
            success=conditions.success.get(offer.id),
            drain=drain,
        )

    def _standing(
        self, snapshot: Snapshot, offer: Offer, account: Account, drain: Drain | None
    ) -> tuple[Standing, str]:
        """The first reason against it now; an announced end is the last."""
        if drain is not None:
            return Standing.DRAINED, drain.change.reason
        closed = self._runtime.health.at_account(offer, account.name, snapshot)
        if closed is not None:
            return Standing(closed.why.value), closed.detail
        if offer.lifecycle.is_deprecated(self._runtime.clock.now_s()):
            return Standing.DEPRECATED, ""
        return Standing.SERVING, ""

    def _breakers(self, snapshot: Snapshot, offer: Offer, account: Account) -> dict[str, str]:
        return {
            operation if model else WHOLE_ACCOUNT: state
            for (provider, name, model, operation), state in self._runtime.health.states(
                snapshot
            ).items()
            if (provider, name) == (offer.provider, account.name) and model in ("", offer.model)
        }

    def _recent(self, snapshot: Snapshot, offer: Offer, account: Account) -> tuple[int, int]:
        health, rules = self._runtime.health.known, snapshot.engine.breaker
        now_ms = self._runtime.balances.now_ms()
        counted = [
            health.breaker((offer.provider, account.name), name).recent(rules, now_ms)
            for name in doors(offer.upstream)
            if name != breaker_name(SUBMIT)
        ]
        return sum(good for good, _ in counted), sum(bad for _, bad in counted)


async def slots_held(runtime: Runtime) -> dict[tuple[str, str], int]:
    """Slots that attempts hold, by provider and account. Raises StoreUnavailable."""
    places = [
        (provider.name, account.name)
        for provider in runtime.live.snapshot.providers.values()
        for account in provider.accounts
    ]
    uses = await asyncio.gather(*(runtime.slots.look(*place) for place in places))
    return {place: use.held for place, use in zip(places, uses, strict=True)}


def _unusable(offer: Offer, account: Account, now_s: float) -> tuple[Standing, str] | None:
    """Why the files alone keep jobs away."""
    if not account.is_configured:
        return Standing.NOT_CONFIGURED, account.reason or ""
    if offer.lifecycle.is_retired(now_s):
        return Standing.RETIRED, ""
    return None if offer.prices else (Standing.UNPRICED, "the catalog has no price")


def _check_account(provider: Provider, account: str) -> None:
    if account not in [known.name for known in provider.accounts]:
        names = ", ".join(known.name for known in provider.accounts)
        message = f"provider {provider.name!r} has no account {account!r}; it has {names}"
        raise NotFound(message, param="account")
