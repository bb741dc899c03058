"""What this process knows of provider accounts: from its own calls at once, from all others soon.

Everything is answered from memory. A chore tells the shared breakers what was heard, and reads how
they stand: at once when something went wrong, else now and then. While the store is away this
process goes by what it hears itself, and tells it later.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from proxy.domain import health as domain
from proxy.domain.breaker import (
    JITTER_PERMILLE_MAX,
    Breaker,
    BreakerState,
    Mark,
    Moment,
    after,
    probing,
)
from proxy.domain.errors import StoreUnavailable
from proxy.domain.health import Health, Outlook
from proxy.domain.health_events import BreakerMoved, ProbeBegan
from proxy.gateway.ports.health import GONE, Heard, Report

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from proxy.domain.breaker import Outcome
    from proxy.domain.conditions import Closed
    from proxy.domain.failure import Failure
    from proxy.domain.health import Marks, Place
    from proxy.domain.ids import ModelName
    from proxy.domain.job import Job
    from proxy.domain.policy import Offer, Snapshot
    from proxy.gateway.balances import BalanceBook
    from proxy.gateway.live import Live
    from proxy.gateway.ports.health import Board, HealthBoard, Moved
    from proxy.gateway.ports.jobs import Gate
    from proxy.gateway.ports.runtime import Observer

UNTOLD_MAX = 1000
"""So much is kept of one account while the store is away; older news are dropped."""
ID_BYTES = 8
_OPERATIONS = {"status_many": "status"}


class HealthBook:
    """How accounts stand.

    Args:
        live: the configuration in force.
        balances: knows the store's clock.
        observer: told of breakers that move.
        random: uniform in [0, 1).
        random_bytes: makes ids of reports.
    """

    def __init__(
        self,
        live: Live,
        balances: BalanceBook,
        observer: Observer,
        *,
        random: Callable[[], float],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._live = live
        self._balances = balances
        self._observer = observer
        self._random = random
        self._random_bytes = random_bytes
        self._breakers: dict[Place, dict[str, Breaker]] = {}
        self._drained: frozenset[str] = frozenset()
        self._untold: dict[Place, list[tuple[str, Outcome]]] = {}
        self._unconfirmed: dict[Place, Report] = {}
        self._wake: Callable[[], None] = _nobody
        self.version = 0
        """Grows whenever an answer may have changed."""

    def submitted(self, job: Job, failure: Failure | None) -> None:
        """Hear what became of a submit."""
        self._note(job, domain.marks_of_submit(self._heard(job), failure))

    def rendered(self, job: Job, failure: Failure | None) -> None:
        """Hear what became of an accepted job; a video that could not be fetched was made."""
        self._note(job, domain.marks_of_render(self._heard(job), failure))

    def called(self, job: Job, operation: str, begun_ms: int, failure: Failure | None) -> None:
        """Hear what became of any other call, which began at `begun_ms` of the store's clock."""
        name = _OPERATIONS.get(operation, operation)
        heard = self._heard(job, begun_ms)
        self._note(job, domain.marks_of_call(name, heard, failure))

    def probes(self, job: Job, place: Place, names: Sequence[str], *, lease_s: float) -> None:
        """Hear that an attempt of ours tries in everybody's stead."""
        now_ms, lease_ms = self._balances.now_ms(), round(lease_s * 1000)
        breakers = self._breakers.setdefault(place, {})
        for name in names:
            known = breakers.get(name, Breaker())
            breakers[name] = probing(known, job.attempt_id, now_ms, lease_ms)
            provider, account = place
            operation, _, upstream = name.partition("|")
            self._observer.observe(
                ProbeBegan(
                    job=job.id,
                    provider=provider,
                    account=account,
                    model=self._model_of(place, upstream),
                    operation=operation,
                )
            )
        self.version += bool(names)

    def look_again(self) -> None:
        """Have the chore read at once how things stand: they are not as this process thought."""
        self._wake()

    @property
    def known(self) -> Health:
        """How every account stands, as far as this process knows."""
        return Health(breakers=MappingProxyType(self._breakers), drained=self._drained)

    def closures(self, snapshot: Snapshot) -> Mapping[str, Closed]:
        """The offers to which nothing new should go now, by their ids."""
        return self._outlook(snapshot).closures()

    def at_account(self, offer: Offer, account: str, snapshot: Snapshot) -> Closed | None:
        """Why nothing new of an offer goes to one account now."""
        return self._outlook(snapshot).at_account(offer, account)

    def states(self, snapshot: Snapshot) -> dict[tuple[str, str, str, str], str]:
        """Every breaker that was ever heard of, by provider, account, model and operation.

        The model is "" where it is for the whole account. A state, or GONE.
        """
        now_ms = self._balances.now_ms()
        found: dict[tuple[str, str, str, str], str] = {}
        for place in _places(snapshot):
            for name, breaker in self._breakers.get(place, {}).items():
                operation, _, upstream = name.partition("|")
                model = self._model_of(place, upstream) or ""
                is_gone = breaker.gone_in != "" and breaker.gone_in == snapshot.digest
                state = GONE if is_gone else breaker.state_at(now_ms).value
                if model or upstream == domain.EVERY_MODEL:
                    found[(*place, model, operation)] = state
        return found

    def rests(self, place: Place, gate: Gate) -> bool:
        """Say whether an account asked for a rest that is not over."""
        known, now_ms = self.known, self._balances.now_ms()
        return any(known.breaker(place, name).rests_until_ms > now_ms for name in gate.doors)

    async def watch(
        self,
        board: HealthBoard,
        *,
        woken: Callable[[float], Awaitable[None]],
        wake: Callable[[], None],
    ) -> None:
        """Exchange news when woken, else every `breaker.cache`; once more when cancelled."""
        self._wake = wake
        try:
            while True:
                await self.exchange(board)
                await woken(self._live.snapshot.engine.breaker_cache_s)
        finally:
            await self.exchange(board)

    async def exchange(self, board: HealthBoard) -> None:
        """Tell what was heard, and read how every account stands; without the store, later."""
        for place, untold in self._untold.items():
            if untold and place not in self._unconfirmed:
                self._unconfirmed[place] = self._report(untold)
                self._untold[place] = []
        told = dict(self._unconfirmed)
        snapshot = self._live.snapshot
        self.version += 1
        try:
            seen = await board.exchange(
                _places(snapshot),
                told,
                rules=snapshot.engine.breaker,
                jitter_permille=self._jitter,
            )
        except StoreUnavailable:
            return
        for place in told:
            del self._unconfirmed[place]
        self._take_over(seen)
        if any(self._untold.get(place) for place in told):
            self._wake()

    def _take_over(self, seen: Board) -> None:
        """Believe the store, and what was heard since it was asked."""
        known = seen.health.breakers
        self._breakers = {place: dict(breakers) for place, breakers in known.items()}
        self._drained = seen.health.drained
        for place, untold in self._untold.items():
            self._hear(place, untold)
        self.version += 1
        for moved in seen.moved:
            self._tell(moved)

    def _note(self, job: Job, marks: Marks) -> None:
        place = (job.candidate.provider, job.attempt.account or "")
        untold = self._untold.setdefault(place, [])
        untold += marks
        del untold[:-UNTOLD_MAX]
        if self._hear(place, marks):
            self.version += 1
            self._wake()

    def _hear(self, place: Place, marks: Iterable[tuple[str, Outcome]]) -> bool:
        """Let our own copy hear of outcomes; says whether somebody should hear of it soon."""
        rules = self._live.snapshot.engine.breaker
        moment = Moment(self._balances.now_ms(), self._jitter)
        breakers = self._breakers.setdefault(place, {})
        is_urgent = False
        for name, outcome in marks:
            known = breakers.get(name, Breaker())
            breakers[name] = after(known, outcome, rules, moment)
            is_quiet = outcome.mark in (Mark.SUCCESS, Mark.NEUTRAL)
            is_urgent |= not is_quiet or known.state is not BreakerState.CLOSED
        return is_urgent

    def _report(self, untold: Sequence[tuple[str, Outcome]]) -> Report:
        """Everything in order; what is alike and follows upon each other is told as one."""
        heard: list[Heard] = []
        for name, outcome in untold:
            last = heard[-1] if heard else None
            if last is not None and last.breaker == name and last.outcome.is_like(outcome):
                heard[-1] = Heard(breaker=name, outcome=last.outcome, times=last.times + 1)
            else:
                heard.append(Heard(breaker=name, outcome=outcome))
        return Report(operation=self._random_bytes(ID_BYTES).hex(), heard=tuple(heard))

    def _heard(self, job: Job, begun_ms: int | None = None) -> domain.Heard:
        snapshot, now_ms = self._live.snapshot, self._balances.now_ms()
        return domain.Heard(
            upstream=job.candidate.upstream,
            attempt=job.attempt_id,
            begun_ms=begun_ms or job.attempt.submitted_at_ms or now_ms,
            digest=snapshot.digest,
            throttle_ms=round(snapshot.engine.throttle_wait_s * 1000),
        )

    def _tell(self, moved: Moved) -> None:
        provider, account = moved.place
        operation, _, upstream = moved.breaker.partition("|")
        breaker = self._breakers.get(moved.place, {}).get(moved.breaker, Breaker())
        self._observer.observe(
            BreakerMoved(
                provider=provider,
                account=account,
                model=self._model_of(moved.place, upstream),
                operation=operation,
                before=moved.before,
                after=moved.after,
                cause=breaker.cause,
            )
        )

    def _model_of(self, place: Place, upstream: str) -> ModelName | None:
        """The model of a breaker, None where it is for every model of the account."""
        offer = self._live.snapshot.offer(f"{place[0]}/{upstream}")
        return None if offer is None else offer.model

    def _outlook(self, snapshot: Snapshot) -> Outlook:
        return Outlook(self.known, snapshot, self._balances.now_ms())

    @property
    def _jitter(self) -> int:
        return int(self._random() * JITTER_PERMILLE_MAX)


def _places(snapshot: Snapshot) -> list[Place]:
    return [
        (provider.name, account.name)
        for provider in snapshot.providers.values()
        for account in provider.accounts
        if account.is_configured
    ]


def _nobody() -> None:
    """Nobody waits to be woken."""
