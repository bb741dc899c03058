"""What queued jobs wait for, and for how long at a guess: from the store, in one round trip.

How the lines of all providers stand is read at most once a second; where a job stands, for each
answer.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from proxy.domain.errors import StoreUnavailable
from proxy.domain.job import JobState
from proxy.domain.wait import Contest, Rate, Rival, Stand, wait_of
from proxy.gateway.ports.lines import Line
from proxy.gateway.turns import running_max, weight_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from proxy.domain.ids import JobId, ProviderName
    from proxy.domain.job import Job
    from proxy.domain.policy import Account, Snapshot
    from proxy.domain.wait import Wait
    from proxy.gateway.balances import BalanceBook
    from proxy.gateway.live import Live
    from proxy.gateway.ports.health import KnownConditions
    from proxy.gateway.ports.jobs import Slots, SlotUse
    from proxy.gateway.ports.lines import JobStand, Lines, Overview
    from proxy.gateway.ports.runtime import Clock

FRESH_S = 1.0
"""How old what is known of all lines may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Picture:
    """How the lines and the accounts stood at a moment, under a configuration."""

    overview: Overview
    accounts: Mapping[ProviderName, Sequence[tuple[Account, SlotUse]]]
    digest: str
    until_s: float


class Asked(Protocol):
    """Of a runtime, what is asked here."""

    @property
    def live(self) -> Live:
        """The configuration in force."""

    @property
    def lines(self) -> Lines:
        """Who waits."""

    @property
    def slots(self) -> Slots:
        """How accounts stand."""

    @property
    def conditions(self) -> KnownConditions:
        """How long renders take."""

    @property
    def balances(self) -> BalanceBook:
        """The store's clock."""

    @property
    def clock(self) -> Clock:
        """This process's clock."""


class Waits:
    """Answers for whoever asks about queued jobs. Nothing here calls a vendor."""

    def __init__(self) -> None:
        self._picture: _Picture | None = None

    async def of(self, asked: Asked, jobs: Sequence[Job]) -> Mapping[JobId, Wait]:
        """What those of the jobs that are queued wait for; none of them without the store."""
        queued = [job for job in jobs if job.state is JobState.QUEUED and not job.cancel_requested]
        if not queued:
            return {}
        snapshot = asked.live.snapshot
        try:
            stands, picture = await asyncio.gather(
                asked.lines.stands(queued), self._now(asked, snapshot)
            )
        except StoreUnavailable:
            # The job itself was read: that there is nothing to add is no reason to hide it.
            return {}
        return {
            job.id: _wait(asked, job, stand, picture)
            for job, stand in zip(queued, stands, strict=True)
            if stand is not None
        }

    async def _now(self, asked: Asked, snapshot: Snapshot) -> _Picture:
        known, now_s = self._picture, asked.clock.monotonic_s()
        if known is not None and now_s < known.until_s and known.digest == snapshot.digest:
            return known
        places = [
            (provider.name, account)
            for provider in snapshot.providers.values()
            for account in provider.accounts
            if account.is_configured
        ]
        overview, uses = await asyncio.gather(
            asked.lines.overview(),
            asyncio.gather(
                *(asked.slots.look(provider, account.name) for provider, account in places)
            ),
        )
        accounts: dict[ProviderName, list[tuple[Account, SlotUse]]] = {}
        for (provider, account), use in zip(places, uses, strict=True):
            accounts.setdefault(provider, []).append((account, use))
        self._picture = _Picture(
            overview=overview,
            accounts=accounts,
            digest=snapshot.digest,
            until_s=now_s + FRESH_S,
        )
        return self._picture


def _wait(asked: Asked, job: Job, stand: JobStand, picture: _Picture) -> Wait:
    snapshot = asked.live.snapshot
    line = Line(team=job.team, provider=job.candidate.provider)
    own = Stand(
        position=stand.position,
        weight=weight_of(job.team, snapshot.teams),
        time=picture.overview.time(line),
        running=stand.running,
        running_max=running_max(job.team, snapshot.teams),
        pause_s=max(0.0, (stand.since_ms - asked.balances.now_ms()) / 1000),
        frozen=_frozen(line, stand, picture.overview),
        closed=_closed(asked, job, snapshot),
    )
    return wait_of(own, _contest(line, picture, snapshot, _render_s(asked, job, snapshot)))


def _frozen(line: Line, stand: JobStand, overview: Overview) -> str:
    if overview.frozen:
        return "all"
    if stand.is_frozen:
        return "team"
    return "provider" if line.provider in overview.frozen_providers else ""


def _closed(asked: Asked, job: Job, snapshot: Snapshot) -> str:
    closed = asked.conditions.now(snapshot).closed.get(job.candidate.offer_id)
    return "" if closed is None else closed.why.value


def _contest(line: Line, picture: _Picture, snapshot: Snapshot, render_s: float | None) -> Contest:
    overview, accounts = picture.overview, picture.accounts.get(line.provider, ())
    rates = [
        Rate(limit=account.submit, full_in_us=use.full_in_us)
        for account, use in accounts
        if account.submit is not None
    ]
    return Contest(
        slots=sum(account.slots for account, _ in accounts),
        held=sum(min(use.held, account.slots) for account, use in accounts),
        render_s=render_s,
        # An account without a rate takes what the others must put off.
        rates=tuple(rates) if len(rates) == len(accounts) else (),
        rivals=tuple(
            Rival(
                weight=weight_of(other.team, snapshot.teams),
                time=overview.time(other),
                waiting=count,
            )
            for other, count in overview.counts.items()
            if other.provider == line.provider and other != line
        ),
    )


def _render_s(asked: Asked, job: Job, snapshot: Snapshot) -> float | None:
    """How long a slot is kept: by what was learned of its provider, else by the catalog."""
    known_s = asked.conditions.now(snapshot).latency_s
    provider = job.candidate.provider
    learned_s = [
        known_s[offer.id]
        for offer in snapshot.offers
        if offer.provider == provider and offer.id in known_s
    ]
    if learned_s:
        return sum(learned_s) / len(learned_s)
    offer = snapshot.offer(job.candidate.offer_id)
    return offer.typical_render_s if offer else None
