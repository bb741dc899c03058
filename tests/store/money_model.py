"""What the scripts that move money should do, in plain Python: nothing is shared with them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from proxy.domain.balance import Balance
from proxy.domain.ledger import Charge
from proxy.domain.period import FOREVER_MS, Period
from proxy.domain.policy import Match, OnExceed
from proxy.domain.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from proxy.domain.ids import JobId, KeyId, TeamId

PROVIDERS = ("kling", "vertex", "kling")
"""Who makes the candidates of every job, in their order."""


def balances_of(team: str, key: str, epoch: int) -> tuple[Balance, ...]:
    """Every budget that may count a job: hard, soft, matched, and the organisation's."""
    own = f"team:{team}"

    def budget(
        name: str,
        scope: str,
        limit: int,
        on_exceed: OnExceed = OnExceed.DENY,
        match: Match | None = None,
    ) -> Balance:
        counted = match.canonical() if match else ""
        return Balance(
            budget_id=name,
            scope=scope,
            account=f"{scope}{counted}|month",
            period=Period(id=f"e{epoch}", start_ms=0, end_ms=FOREVER_MS),
            limit_micro_usd=limit,
            on_exceed=on_exceed,
            match=match,
        )

    return (
        budget("key", f"key:{key}", 22),
        budget("hard", own, 18),
        budget("soft", own, 9, OnExceed.ALLOW),
        budget("vertex", own, 8, OnExceed.NEXT, Match(provider="vertex")),
        budget("all", "org", 30),
    )


def late_balances_of(team: str, key: str, epoch: int, start_ms: int) -> tuple[Balance, ...]:
    """Budgets that come and go: their accounts are opened and closed."""
    counted = (
        (f"team:{team}", 25, None),
        (f"team:{team}", 20, Match(provider="vertex")),
        (f"key:{key}", 25, None),
        ("org", 40, Match(provider="kling")),
    )
    return tuple(
        Balance(
            budget_id=f"late {scope}",
            scope=scope,
            account=f"{scope}{match.canonical() if match else ''}|late",
            period=Period(id=f"e{epoch}", start_ms=start_ms, end_ms=FOREVER_MS),
            limit_micro_usd=limit,
            on_exceed=OnExceed.NEXT,
            match=match,
        )
        for scope, limit, match in counted
    )


def counted_by(balances: Sequence[Balance], candidate: int) -> tuple[int, ...]:
    """Which of the balances count a candidate."""
    provider = PROVIDERS[candidate]
    return tuple(
        number
        for number, balance in enumerate(balances)
        if balance.match is None or balance.match.provider == provider
    )


@dataclass
class Try:
    """One attempt: what it held and costs, and on which balances.

    `place` is how many entries the ledger had when it was reserved. `taken` are balances that took
    it over while it was open: no entry names them before it is resolved.
    """

    candidate: int
    quote: int
    names: tuple[str, ...]
    epoch: int
    place: int
    taken: tuple[str, ...] = ()
    reserve_id: str = ""
    is_open: bool = True
    charged: int = 0
    adjusted: int = 0
    written_off: int = 0
    is_amended: bool = False

    def standing(self, attempt: str, life: Life) -> Standing:
        """As a reader of the ledger knows it."""
        return Standing(
            attempt=attempt,
            team=life.team,
            reserve_id=self.reserve_id,
            charge=Charge(key=life.key, provider=PROVIDERS[self.candidate]),
            balances=self.names,
            charged_micro_usd=self.charged,
            adjusted_micro_usd=self.adjusted,
            written_off_micro_usd=self.written_off,
            is_resolved=not self.is_open,
        )


@dataclass
class Life:
    """One job; `state` is queued, begun or over."""

    team: TeamId
    key: KeyId
    quotes: tuple[int, ...]
    tries: list[Try]
    state: str = "queued"
    is_cancelled: bool = False

    @property
    def last(self) -> Try:
        return self.tries[-1]


@dataclass
class Orphan:
    """A vendor's task that nobody explains."""

    names: tuple[str, ...]
    epoch: int
    place: int
    first_id: str = ""
    amount: int = 0


@dataclass(frozen=True)
class Choice:
    """A candidate and the soft budgets it passes, or the first failure, or (neither) a freeze."""

    candidate: int | None
    passed: tuple[str, ...] = ()
    failed: Balance | None = None
    quote: int = 0


@dataclass
class Model:
    """All the money there is. Times are the store's, in ms."""

    reserved: Counter[str] = field(default_factory=Counter)
    spent: Counter[str] = field(default_factory=Counter)
    flags: set[tuple[str, str]] = field(default_factory=set)
    overrides: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    tasks: dict[str, Orphan] = field(default_factory=dict)
    jobs: dict[JobId, Life] = field(default_factory=dict)
    opened: dict[str, tuple[Balance, int, int]] = field(default_factory=dict)
    """How each account was opened last: its balance, in which epoch, at which entry."""
    closed: set[str] = field(default_factory=set)
    entries: int = 0

    def lifted(self, name: str, now_ms: int) -> int:
        """What overrides add to a balance's limit."""
        return sum(
            amount
            for balance, amount, until_ms in self.overrides.values()
            if balance == name and until_ms > now_ms
        )

    def frozen(self, team: str) -> str:
        """What is frozen for a team: "team", "all" or ""."""
        if (team, "freeze") in self.flags:
            return "team"
        return "all" if ("", "freeze") in self.flags else ""

    def is_frozen_at(self, candidate: int) -> bool:
        return ("", f"freeze:{PROVIDERS[candidate]}") in self.flags

    def choose(
        self,
        balances: Sequence[Balance],
        bids: Iterable[tuple[int, int]],
        now_ms: int,
        *,
        deny_ends: bool,
    ) -> Choice:
        """The first bid (candidate and quote) that fits."""
        failed, failed_quote = None, 0
        for candidate, quote in bids:
            if self.is_frozen_at(candidate):
                continue
            over = []
            for number in counted_by(balances, candidate):
                balance = balances[number]
                used = self.reserved[balance.name] + self.spent[balance.name]
                limit = balance.limit_micro_usd + self.lifted(balance.name, now_ms)
                if used + quote > limit:
                    over.append(balance)
            refusing = [each for each in over if each.on_exceed is not OnExceed.ALLOW]
            if not refusing:
                return Choice(candidate, passed=tuple(each.budget_id for each in over))
            if failed is None:
                failed, failed_quote = refusing[0], quote
            if deny_ends and any(each.on_exceed is OnExceed.DENY for each in refusing):
                break
        return Choice(None, failed=failed, quote=failed_quote)

    def reserve(self, balances: Sequence[Balance], candidate: int, quote: int, epoch: int) -> Try:
        """Hold a quote."""
        names = dict.fromkeys(balances[n].name for n in counted_by(balances, candidate))
        for name in names:
            self.reserved[name] += quote
        self.entries += 1
        return Try(candidate, quote, tuple(names), epoch, self.entries)

    def resolve(self, attempt: Try, charged: int) -> None:
        """Give a hold back and spend what it cost."""
        attempt.is_open, attempt.charged = False, charged
        attempt.names = tuple(dict.fromkeys((*attempt.names, *attempt.taken)))
        for name in attempt.names:
            self.reserved[name] -= attempt.quote
            self.spent[name] += charged
        self.entries += 1 + (charged > attempt.quote)

    def adjust(self, life: Life, attempt: Try, delta: int) -> None:
        """Correct a charge; of what was written off only the organisation bears it."""
        attempt.adjusted += delta
        self._amend(life, attempt, delta, is_shared=True, is_own=not attempt.written_off)

    def write_off(self, life: Life, attempt: Try) -> int:
        """Take a cost off its team."""
        cost = attempt.charged + attempt.adjusted
        self._amend(life, attempt, -cost, is_shared=False, is_own=True)
        attempt.written_off = cost
        return cost

    def _amend(
        self, life: Life, attempt: Try, delta: int, *, is_shared: bool, is_own: bool
    ) -> None:
        """Also on balances that took the attempt over; from then on it is known to be on them."""
        attempt.is_amended = True
        late = self._late(life, attempt)
        for name in dict.fromkeys((*attempt.names, *late)):
            if is_shared if name.startswith("org") else is_own:
                self.spent[name] += delta
                attempt.names = tuple(dict.fromkeys((*attempt.names, name)))
        self.entries += 1

    def _late(self, life: Life, attempt: Try) -> list[str]:
        return [
            balance.name
            for balance, epoch, place in self.opened.values()
            if epoch == attempt.epoch
            and attempt.place <= place
            and _counts(balance, life.team, life.key, attempt.candidate)
        ]

    def orphan(self, task: str, delta: int) -> None:
        """Charge what nobody explains."""
        orphan = self.tasks[task]
        late = [
            balance.name
            for balance, epoch, place in self.opened.values()
            if orphan.first_id and epoch == orphan.epoch and orphan.place <= place
            if balance.is_organisation
        ]
        orphan.amount += delta
        for name in dict.fromkeys((*orphan.names, *late)):
            self.spent[name] += delta
        self.entries += 1

    def open(self, balance: Balance, epoch: int) -> None:
        """Let a balance hold what there is; attempts that are open are on it from now on."""
        held, spent = 0, 0
        for life in self.jobs.values():
            for attempt in life.tries:
                if attempt.epoch != epoch or not _counts(
                    balance, life.team, life.key, attempt.candidate
                ):
                    continue
                if attempt.is_open:
                    held += attempt.quote
                    attempt.taken = (*attempt.taken, balance.name)
                elif balance.is_organisation or not attempt.written_off:
                    spent += attempt.charged + attempt.adjusted
        if balance.is_organisation:
            spent += sum(each.amount for each in self.tasks.values() if each.epoch == epoch)
        before = (self.reserved[balance.name], self.spent[balance.name])
        self.entries += before != (held, spent)
        self.reserved[balance.name], self.spent[balance.name] = held, spent
        self.opened[balance.account] = (balance, epoch, self.entries)
        self.closed.discard(balance.account)

    def is_open(self, account: str) -> bool:
        return account in self.opened and account not in self.closed

    def used(self) -> dict[str, tuple[int, int]]:
        """Reserved and spent of every balance that is not zero."""
        names = self.reserved.keys() | self.spent.keys()
        return {
            name: (self.reserved[name], self.spent[name])
            for name in names
            if self.reserved[name] or self.spent[name]
        }


def _counts(balance: Balance, team: str, key: str, candidate: int) -> bool:
    is_covered = balance.match is None or balance.match.provider == PROVIDERS[candidate]
    return is_covered and balance.scope in ("org", f"team:{team}", f"key:{key}")
