"""New accounts take over what the ledger holds, before anything is admitted on them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from proxy.domain.balance import balances_at
from proxy.domain.errors import RestoreNeeded, StoreUnavailable
from proxy.domain.ledger_events import StoreJudged
from proxy.domain.period import period_at
from proxy.domain.takeover import Takeover
from proxy.gateway.archive import DamagedArchive
from proxy.gateway.ports.accounts import Opened, Registered
from proxy.gateway.ports.artifacts import ArtifactUnavailable
from proxy.gateway.wholeness import Wholeness

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from proxy.domain.ids import TeamId
    from proxy.domain.policy import Budget, Snapshot
    from proxy.gateway.archive import Archive
    from proxy.gateway.balances import BalanceBook
    from proxy.gateway.live import Live
    from proxy.gateway.ports.accounts import AccountRegistry
    from proxy.gateway.ports.admission import Accounts
    from proxy.gateway.ports.runtime import Clock, Observer

STALE_TRIES = 40
RETRY_S = 1.0


class Openings:
    """Knows which accounts of the configuration are open, and opens the others.

    An account is opened once for all processes. What is known here holds for one configuration:
    another one may have closed accounts meanwhile, so after a reload it is asked for again.
    """

    def __init__(
        self,
        registry: AccountRegistry,
        accounts: Accounts,
        archive: Archive,
        *,
        balances: BalanceBook,
        clock: Clock,
    ) -> None:
        self._registry = registry
        self._accounts = accounts
        self._archive = archive
        self._balances = balances
        self._clock = clock
        self._wholeness = Wholeness(archive, clock)
        self._digest = ""
        self._lock = asyncio.Lock()

    async def ensure(self, snapshot: Snapshot) -> None:
        """Have every account of a configuration open.

        Raises:
            StoreUnavailable: it cannot be done now; nothing may be admitted.
        """
        if self._digest != snapshot.digest:
            await self.sync(snapshot)

    async def ensure_whole(self) -> None:
        """Go on only with a store that was neither lost nor replaced by an older copy.

        Raises:
            RestoreNeeded: it was; no money may move.
            StoreUnavailable: it cannot be told now.
        """
        await self._wholeness.ensure()

    async def watch(self, live: Live, observer: Observer) -> None:
        """Follow the configuration and the store until cancelled, and tell how the store is."""
        told: bool | None = None
        while True:
            is_whole = await self._followed(live)
            if is_whole is not None and is_whole is not told:
                told = is_whole
                observer.observe(StoreJudged(is_whole=is_whole))
            await self._clock.sleep(RETRY_S)

    async def _followed(self, live: Live) -> bool | None:
        """Whether the store is whole, None where that cannot be told now."""
        try:
            if await self._wholeness.look_again():
                self._digest = ""
            await self.ensure(live.snapshot)
        except RestoreNeeded:
            return False
        except StoreUnavailable:
            # Creates say so themselves; the next round tries again.
            return None
        return True

    async def start_over(self, snapshot: Snapshot) -> None:
        """Look at the store anew, after it was restored; raises as `sync` does."""
        self._wholeness.forget()
        self._digest = ""
        await self.sync(snapshot)

    async def sync(self, snapshot: Snapshot) -> None:
        """Open what is new in a configuration, close what left it, follow changed time zones.

        Raises:
            StoreUnavailable: it cannot be done now, or not all of it.
        """
        async with self._lock:
            if snapshot.digest == self._digest:
                return
            await self._wholeness.ensure()
            wanted = _accounts_of(snapshot)
            registered = await self._registry.registered()
            await self._follow_zones(wanted, registered)
            missing = [
                name for name in wanted if name not in registered or registered[name].is_closed
            ]
            await self._open_all({name: wanted[name] for name in missing}, registered)
            gone = {
                name: known
                for name, known in registered.items()
                if name not in wanted and not known.is_closed
            }
            if gone:
                await self._registry.close(gone)
            self._digest = snapshot.digest

    async def _open_all(
        self, wanted: Mapping[str, _Owned], registered: Mapping[str, Registered]
    ) -> None:
        left = dict(wanted)
        for _ in range(STALE_TRIES):
            if not left:
                return
            takeovers, as_of = await self.read([budget for budget, _ in left.values()])
            for takeover, name in zip(takeovers, list(left), strict=True):
                budget, team = left[name]
                opened = await self._registry.open(
                    name,
                    team,
                    takeover,
                    timezone=budget.timezone.key,
                    as_of=as_of,
                    known=registered.get(name),
                )
                if opened is not Opened.STALE:
                    del left[name]
        message = "new budgets cannot be opened: the ledger moves on while it is read"
        raise StoreUnavailable(message, retry_after_s=1)

    async def read(self, budgets: Sequence[Budget]) -> tuple[list[Takeover], str]:
        """What each account takes over, and the last entry it was read from."""
        now_ms = await self._accounts.now_ms()
        takeovers = [Takeover(balance) for balance in balances_at(budgets, now_ms)]
        since_ms = min(takeover.balance.period.start_ms for takeover in takeovers)
        as_of = ""
        try:
            async for entry in self._archive.entries(since_ms):
                for takeover in takeovers:
                    takeover.add(entry)
                as_of = entry.id
        except (ArtifactUnavailable, DamagedArchive) as error:
            message = "new budgets cannot be opened: the ledger's files cannot be read"
            raise StoreUnavailable(message, retry_after_s=5) from error
        return takeovers, as_of

    async def _follow_zones(
        self, wanted: Mapping[str, _Owned], registered: Mapping[str, Registered]
    ) -> None:
        """Let a changed time zone take effect with the next period."""
        now_ms = await self._accounts.now_ms()
        in_force: dict[str, tuple[ZoneInfo, int]] = {}
        for name, (budget, _) in wanted.items():
            known = registered.get(name)
            if known is None or known.is_closed:
                continue
            if known.timezone != budget.timezone.key:
                following = _rezoned(known, budget, now_ms)
                await self._registry.rezone(name, known, following)
                known = following
            if now_ms < known.until_ms:
                in_force[name] = (ZoneInfo(known.before), known.until_ms)
        self._balances.keep_zones(in_force)


_Owned = tuple["Budget", "TeamId | None"]


def _rezoned(known: Registered, budget: Budget, now_ms: int) -> Registered:
    zone = known.before if now_ms < known.until_ms else known.timezone
    running = period_at(budget.period, ZoneInfo(zone), now_ms, start_day=budget.start_day)
    return replace(known, timezone=budget.timezone.key, before=zone, until_ms=running.end_ms)


def _accounts_of(snapshot: Snapshot) -> dict[str, _Owned]:
    """Every account of a configuration with one budget that limits it, and whose it is."""
    found: dict[str, _Owned] = {}
    _add(found, snapshot.organisation_budgets, None)
    for team in snapshot.teams.values():
        _add(found, team.budgets, team.id)
    for key in snapshot.keys.values():
        _add(found, key.budgets, key.team)
    return found


def _add(found: dict[str, _Owned], budgets: Iterable[Budget], team: TeamId | None) -> None:
    for budget in budgets:
        found[budget.account] = (budget, team)
