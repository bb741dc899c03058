"""Looks through the vendors' own lists for what no attempt explains, and charges it to nobody."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from proxy.domain.errors import NotFound, ProviderError
from proxy.domain.failure import FailureKind
from proxy.domain.ledger_events import LookEnded, OrphanCharged
from proxy.domain.orphan import Explanations, Fate, orphan_of
from proxy.domain.orphan_rule import OrphanRule
from proxy.domain.unattributed import unattributed_balances
from proxy.gateway.ports.ledger import NotPosted
from proxy.gateway.ports.provider import ListsOperations

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

    from proxy.domain.ids import ProviderName
    from proxy.domain.job import Job
    from proxy.domain.orphan import Listed, Orphan
    from proxy.domain.policy import Account
    from proxy.gateway.finance.reconcile import Corrections
    from proxy.gateway.ports.ledger import Mandate, Posted
    from proxy.gateway.runtime import Runtime

DAY_MS = 86_400_000
MARGINS_MS = (DAY_MS, 31 * DAY_MS)
"""How long before an operation its attempt may have been reserved: the second only if need be."""
OK, UNPRICED = "ok", "unpriced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lister:
    """An account whose operations can be listed, and may be orphans by its rule."""

    provider: ProviderName
    account: str
    rule: OrphanRule
    adapter: ListsOperations


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a look at an account found. Only what is older than the grace period is judged.

    `failure` says why the list could not be read; then nothing else is said. `strangers` are left
    to whoever else uses the account, `pending` have no price yet. A later look may begin at
    `done_ms`: what was begun before is explained, charged or free.
    """

    provider: ProviderName
    account: str
    rule: OrphanRule
    listed: int = 0
    strangers: int = 0
    pending: tuple[Listed, ...] = ()
    orphans: tuple[Orphan, ...] = ()
    done_ms: int = 0
    failure: FailureKind | None = None

    @property
    def outcome(self) -> str:
        """How the look ended, in a word."""
        if self.failure is not None:
            return self.failure.value
        return UNPRICED if self.unpriced else OK

    @property
    def unpriced(self) -> tuple[Orphan, ...]:
        """Orphans of which nobody can say what they cost."""
        return tuple(each for each in self.orphans if each.micro_usd is None)


Charged = dict[str, "Posted | NotPosted"]
"""What became of orphans by the vendor's id of their task; STALE was charged before."""


class OrphanDesk:
    """Everything raises StoreUnavailable, ArtifactUnavailable or DamagedArchive."""

    def __init__(
        self,
        runtime: Runtime,
        ledger: Corrections,
        unfinished: Callable[[], Awaitable[Sequence[Job]]],
    ) -> None:
        self._runtime = runtime
        self._ledger = ledger
        self._unfinished = unfinished

    def listers(self) -> Iterator[Lister]:
        """Every account of the configuration in force that is looked at."""
        current = self._runtime.live.current
        for provider in current.snapshot.providers.values():
            for account in provider.accounts:
                adapter = current.providers.get(provider.name, account.name)
                if adapter is None or not isinstance(adapter, ListsOperations):
                    continue
                if _is_looked_at(account, adapter):
                    yield Lister(
                        provider=provider.name,
                        account=account.name,
                        rule=account.orphans,
                        adapter=adapter,
                    )

    async def survey(
        self, provider: str | None = None, since_ms: int | None = None
    ) -> tuple[Looked, ...]:
        """Look at every account, or those of a provider; nothing is charged.

        `since_ms` is as far back as the configuration says if it is None.

        Raises:
            NotFound: there is no account of that provider that is looked at.
        """
        listers = [each for each in self.listers() if provider in (None, each.provider)]
        if provider is not None and not listers:
            known = ", ".join(dict.fromkeys(each.provider for each in self.listers())) or "none"
            message = (
                f"no account of {provider[:64]!r} is looked at: it cannot list its tasks, is not"
                f" configured, or its `orphans` say no; looked at: {known}"
            )
            raise NotFound(message, param="provider")
        now_ms = await self._runtime.accounts.now_ms()
        if since_ms is None:
            since_ms = now_ms - self.back_ms
        return tuple([await self.look(lister, since_ms) for lister in listers])

    @property
    def back_ms(self) -> int:
        """How far back the first look at an account goes."""
        return int(self._runtime.live.snapshot.engine.orphans.back_s * 1000)

    async def look(self, lister: Lister, since_ms: int) -> Looked:
        """Compare what an account's vendor lists with what we know of."""
        now_ms = await self._runtime.accounts.now_ms()
        until_ms = now_ms - int(self._runtime.live.snapshot.engine.orphans.grace_s * 1000)
        nothing = Looked(
            provider=lister.provider, account=lister.account, rule=lister.rule, done_ms=until_ms
        )
        try:
            listed = [
                each
                async for each in lister.adapter.list_operations(since_s=since_ms / 1000)
                if each.created_at_ms <= until_ms
            ]
        except ProviderError as error:
            return replace(nothing, failure=error.failure.kind, done_ms=since_ms)
        suspects, strangers = await self._suspects(lister, listed)
        pending = tuple(each for each in suspects if each.fate is Fate.PENDING)
        offers = self._runtime.live.snapshot.offers
        priced = [
            orphan_of(lister.provider, lister.account, each, offers)
            for each in suspects
            if each.fate is not Fate.PENDING
        ]
        found = replace(
            nothing,
            listed=len(listed),
            strangers=strangers,
            pending=pending,
            orphans=tuple(each for each in priced if each.micro_usd != 0),
        )
        left = [*pending, *(each.listed for each in found.unpriced)]
        return replace(found, done_ms=min([until_ms, *(each.created_at_ms for each in left)]))

    async def charge(self, looked: Looked, mandate: Mandate) -> Charged:
        """Charge what was found and has a price to the organisation, each task once."""
        now_ms = await self._runtime.accounts.now_ms()
        budgets = self._runtime.live.snapshot.organisation_budgets
        done: Charged = {}
        for orphan in looked.orphans:
            if not orphan.micro_usd:
                continue
            posted = await self._ledger.unattributed(
                orphan.charge,
                orphan.micro_usd,
                _own(mandate, looked, orphan),
                known_micro_usd=0,
                balances=unattributed_balances(budgets, orphan.charge, now_ms),
            )
            done[orphan.listed.task] = posted
            if not isinstance(posted, NotPosted):
                self._runtime.observer.observe(
                    OrphanCharged(
                        provider=looked.provider,
                        account=looked.account,
                        task=orphan.listed.task,
                        charged_micro_usd=orphan.micro_usd,
                    )
                )
        return done

    def tell(self, lister: Lister, looked: Looked | None, outcome: str) -> None:
        """Tell how a look ended; `looked` is None where the store or the files failed."""
        self._runtime.observer.observe(
            LookEnded(
                provider=lister.provider,
                account=lister.account,
                outcome=outcome,
                listed=looked.listed if looked else 0,
                orphans=len(looked.orphans) if looked else 0,
                unpriced=len(looked.unpriced) if looked else 0,
            )
        )

    async def _suspects(
        self, lister: Lister, listed: Sequence[Listed]
    ) -> tuple[Sequence[Listed], int]:
        """What neither jobs nor entries explain, and how many are left to others.

        All of the list is judged each time: an attempt that explains one task explains no other.
        """
        models = self._models(lister.provider)
        suspects, strangers = listed, 0
        for margin_ms in MARGINS_MS:
            if not suspects:
                break
            # Jobs first: one that ends meanwhile is in the ledger then.
            jobs = await self._unfinished()
            known = Explanations(lister.provider, lister.account, listed)
            for job in jobs:
                known.note_job(job)
            first_ms = min(each.created_at_ms for each in listed)
            async for entry in self._runtime.archive.entries(max(0, first_ms - margin_ms)):
                known.note(entry)
            suspects = known.unexplained(lister.rule, models)
            strangers = known.strangers(lister.rule)
        return suspects, strangers

    def _models(self, provider: ProviderName) -> Mapping[str, str]:
        offers = self._runtime.live.snapshot.offers
        return {offer.upstream: offer.model for offer in offers if offer.provider == provider}


def _is_looked_at(account: Account, adapter: ListsOperations) -> bool:
    if account.orphans is OrphanRule.NAMED:
        return adapter.lists_attempts
    return account.orphans is OrphanRule.ALL


def _own(mandate: Mandate, looked: Looked, orphan: Orphan) -> Mandate:
    """The mandate of one charge: the same for the same task, whoever finds it."""
    listed = orphan.listed
    bears = f", as {listed.external_id}" if listed.external_id else ""
    return replace(
        mandate,
        operation=f"orphan:{looked.provider}/{looked.account}/{listed.task}",
        reason=f"{mandate.reason}: {listed.task}{bears}",
    )
