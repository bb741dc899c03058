"""The queue: looks who waits and where there is room, and gives each waiting job its turn."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, assert_never

from proxy.domain.bucket import wait_us
from proxy.domain.errors import StoreUnavailable
from proxy.domain.job import JobError
from proxy.domain.turn import render_share
from proxy.gateway.aside import Aside, Stayed
from proxy.gateway.ports.jobs import LostLease, NotBegun
from proxy.gateway.turns import Turns, running_max

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from proxy.domain.ids import JobId, ProviderName
    from proxy.domain.job import Job
    from proxy.domain.policy import Account, Provider, Snapshot
    from proxy.gateway.dispatch import Dispatch
    from proxy.gateway.live import Current
    from proxy.gateway.outcome import Outcome
    from proxy.gateway.ports.jobs import SlotUse
    from proxy.gateway.ports.lines import Line, LineState, Place
    from proxy.gateway.runtime import Runtime
    from proxy.gateway.turns import Turn

SUSPECT_S = 5.0
"""A job whose step broke off is passed over for so long."""
STAYS_S = 30.0
"""Who could not go elsewhere is not asked again for so long."""
REPLANS_MAX = 50
"""So many of those who wait too long are looked at in one go."""
HIDDEN_MAX = 10_000
"""So far a line is read past those who are set aside."""
NO_SLOT = "no_slot"
"""Code of an attempt that was left as no slot came free; it blames nobody."""
LATE_MAX = 50
"""How many jobs past their deadline are ended in one go."""
PLACES_MAX = 50
"""How many jobs of one line are looked at in one go."""
PATROL_TICKS = 5
"""All lines are read once in so many ticks of the worker."""


@dataclass(kw_only=True)
class Room:
    """Where there is room for another job, as one look has shown it.

    `free` counts slots of each provider that may be taken now; `full` are accounts that have
    none, or no token of their rate; `wait_s` is when the next of these has one.
    """

    free: dict[ProviderName, int] = field(default_factory=dict)
    full: set[tuple[ProviderName, str]] = field(default_factory=set)
    wait_s: float | None = None

    def note(
        self, provider: Provider, account: Account, use: SlotUse, *, is_drained: bool
    ) -> None:
        """Take in how an account stands."""
        left = 0 if is_drained else account.slots - use.held
        wait_s = wait_us(account.submit, use.full_in_us) / 1e6 if account.submit else 0.0
        if left > 0 and wait_s == 0:
            self.free[provider.name] += left
            return
        self.full.add((provider.name, account.name))
        if left > 0:
            self.wait_s = min(wait_s, self.wait_s or wait_s)

    def is_full(self, provider: Provider) -> bool:
        """Say whether no account of a provider has room."""
        return all(
            (provider.name, account.name) in self.full
            for account in provider.accounts
            if account.is_configured
        )


class Queue:
    """Waiting jobs, in their turns.

    One look is one round trip, and says whether there is anything to do; only lines that lead to
    a provider with room are read after that. Now and then all are: who holds the last slot
    itself, since it was taken for it and its dispatcher died, is no other way found; and who has
    waited too long for a slot may go elsewhere.
    """

    def __init__(self, runtime: Runtime, dispatch: Dispatch, outcome: Outcome) -> None:
        self._runtime = runtime
        self._dispatch = dispatch
        self._outcome = outcome
        self._room = Room()
        self._counts: Mapping[Line, int] = {}
        self._states: Sequence[LineState] = ()
        self._aside = Aside(runtime.clock)
        self._stayed = Stayed(runtime.clock)
        self._hidden: dict[Line, int] = {}
        self._patrol_due_s = 0.0
        self._passed_over = 0

    @property
    def wait_s(self) -> float | None:
        """Seconds until a provider that jobs wait for has a token; None: that is not it."""
        return self._room.wait_s if self._counts else None

    async def turns(self, snapshot: Snapshot, *, most: int) -> Turns:
        """Look who may be dispatched now, at most so many."""
        self._passed_over = 0
        late = await self._look(snapshot)
        limits = self._worth_reading(snapshot, most)
        states = await self._runtime.lines.read(limits) if limits else ()
        self._states = [self._without_aside(state) for state in states]
        late = [job for job in late if not self._aside.has_alone(job)]
        return Turns(late, self._states, snapshot.teams)

    def goes_on(self, turns: Turns) -> bool:
        """Say, after a go, whether another one at once would find others.

        It would not show the same again: somebody was taken, or more are known to be passed over.
        """
        return turns.is_cut and (turns.has_moved or self._passed_over > 0)

    async def begin(self, turn: Turn, turns: Turns, current: Current) -> Job | None:
        """Begin the job whose turn it is; None when it must wait on, ended, or is another's."""
        if turn.line is not None and self._aside.has(turn.job):
            return None  # What it is for was turned away since the turns were worked out.
        job = await self._runtime.lines.load(turn.job, turn.line)
        if job is None:
            turns.passed()
            return None
        self._aside.learn(job)
        if turn.line is not None and self._aside.has(job.id):
            self._passed_over += 1
            return None
        share = self._share(job, current.snapshot)
        cost = turns.cost(turn.line, share) if turn.line else 0
        # A step that breaks off must not be the next one again, before all behind it.
        self._aside.put(job.id, SUSPECT_S)
        try:
            begun = await self._dispatch.begin(job, current, self._room.full, cost=cost)
        except (StoreUnavailable, LostLease):
            self._aside.take_back(job.id)
            raise
        self._aside.take_back(job.id)
        if not isinstance(begun, NotBegun):
            turns.took(share)
            return begun
        self._heed(begun, job, turns, current.snapshot, share=share)
        return None

    def _heed(
        self, why: NotBegun, job: Job, turns: Turns, snapshot: Snapshot, *, share: float
    ) -> None:
        """Take in why a job was not begun, for those that come after it."""
        provider = snapshot.providers.get(job.candidate.provider)
        match why:
            case NotBegun.NO_SLOT if provider is not None and self._room.is_full(provider):
                turns.close(provider.name)
            case NotBegun.NO_SLOT | NotBegun.DRAINED:
                self._aside.turn_away(job, PATROL_TICKS * snapshot.engine.tick_s)
                self._passed_over += 1
            case NotBegun.TEAM_FULL | NotBegun.FROZEN:
                turns.leave_out(job.team)
            case NotBegun.TAKEN:
                turns.passed(share)
            case _:
                assert_never(why)

    async def replan(self, snapshot: Snapshot) -> None:
        """Let who has waited too long for a slot go on where there is room and nobody waits."""
        spare, looked_at = self._spare(), 0
        for place, line in self._overdue(self._states, snapshot):
            within = frozenset(provider for provider, free in spare.items() if free > 0)
            if not within or looked_at >= REPLANS_MAX:
                return
            if self._stayed.would_stay(place.job, within):
                continue
            looked_at += 1
            job = await self._runtime.lines.load(place.job, line)
            moved = job and await self._move_on(job, within, snapshot)
            if moved:
                spare[moved.candidate.provider] -= 1
            else:
                self._stayed.note(place.job, within, STAYS_S)

    async def _move_on(
        self, job: Job, within: Container[ProviderName], snapshot: Snapshot
    ) -> Job | None:
        waited_s = snapshot.engine.max_queue_wait_s
        message = f"no slot came free at {job.candidate.provider} in {waited_s:g} s"
        reason = JobError(code=NO_SLOT, message=message)
        return await self._outcome.move_on(job, reason, within=within)

    def _overdue(
        self, states: Sequence[LineState], snapshot: Snapshot
    ) -> list[tuple[Place, Line]]:
        """Jobs that want for nothing but a slot, and have for too long; the longest first."""
        last_ms = self._runtime.balances.now_ms() - snapshot.engine.max_queue_wait_s * 1000
        overdue = [
            (place, state.line)
            for state in states
            if not state.is_held and state.running < running_max(state.line.team, snapshot.teams)
            for place in state.places
            if place.since_ms <= last_ms
        ]
        return sorted(overdue, key=lambda each: each[0].since_ms)

    async def _look(self, snapshot: Snapshot) -> Sequence[JobId]:
        """See in one round trip how accounts stand, who waits, and who waits too long."""
        runtime = self._runtime
        accounts = [
            (provider, account)
            for provider in snapshot.providers.values()
            for account in provider.accounts
            if account.is_configured
        ]
        uses = asyncio.gather(
            *(runtime.slots.look(provider.name, account.name) for provider, account in accounts)
        )
        self._counts, late, seen = await asyncio.gather(
            runtime.lines.counts(),
            runtime.lines.late(runtime.balances.now_ms(), limit=LATE_MAX),
            uses,
        )
        self._room = Room(free=dict.fromkeys(snapshot.providers, 0))
        health = runtime.health.known
        for (provider, account), use in zip(accounts, seen, strict=True):
            is_drained = health.is_drained(provider.name, account.name)
            self._room.note(provider, account, use, is_drained=is_drained)
        return late

    def _worth_reading(self, snapshot: Snapshot, most: int) -> dict[Line, int]:
        """How far to read which lines: those that lead on, now and then all of them."""
        now_s = self._runtime.clock.monotonic_s()
        if now_s >= self._patrol_due_s:
            self._patrol_due_s = now_s + PATROL_TICKS * snapshot.engine.tick_s
            self._room.full.clear()
            spare = min(sum(self._spare().values()), PLACES_MAX)
            lines = list(self._counts)
            limit = max(spare, _places(lines, self._room.free, most))
        else:
            lines = [line for line in self._counts if self._leads_on(line, snapshot)]
            limit = _places(lines, self._room.free, most)
        # Past those that are set aside, and so on until somebody is found who is not.
        return {line: limit + min(2 * self._hidden.get(line, 0), HIDDEN_MAX) for line in lines}

    def _without_aside(self, state: LineState) -> LineState:
        places = tuple(place for place in state.places if not self._aside.has(place.job))
        hidden = len(state.places) - len(places)
        if not hidden:
            self._hidden.pop(state.line, None)
            return state
        self._hidden[state.line] = hidden
        return replace(state, places=places)

    def _spare(self) -> dict[ProviderName, int]:
        """Free slots for which nobody stands in line."""
        waited_for = {line.provider for line in self._counts}
        return {name: n for name, n in self._room.free.items() if name not in waited_for}

    def _leads_on(self, line: Line, snapshot: Snapshot) -> bool:
        """Say whether jobs of a line may be dispatched, or must leave their provider."""
        provider = snapshot.providers.get(line.provider)
        return provider is None or not provider.is_configured or self._room.free[line.provider] > 0

    def _share(self, job: Job, snapshot: Snapshot) -> float:
        """How long the job's render keeps its slot, beside others at its provider."""
        conditions = self._runtime.conditions.now(snapshot)
        times_s = {
            offer.id: conditions.render_s(offer)
            for offer in snapshot.offers
            if offer.provider == job.candidate.provider
        }
        return render_share(times_s.get(job.candidate.offer_id), times_s.values())


def _places(lines: Iterable[Line], free: Mapping[ProviderName, int], most: int) -> int:
    """How many jobs of each line to read: enough for its share of the room, and then some."""
    at_once = 0
    for provider, count in Counter(line.provider for line in lines).items():
        room = min(free.get(provider, PLACES_MAX), most)
        at_once = max(at_once, 2 * room // count)
    return min(at_once + 1, PLACES_MAX)
