"""What the scripts that move money should do, in plain Python: nothing is shared with them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from proxy.domain.balance import Balance
from proxy.domain.period import FOREVER_MS, Period
from proxy.domain.policy import Match, OnExceed
from proxy.domain.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from proxy.domain.ids import JobId, TeamId

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
    """One attempt: what it held and costs, and on which balances."""

    candidate: int
    quote: int
    names: tuple[str, ...]
    is_open: bool = True
    charged: int = 0
    adjusted: int = 0
    written_off: int = 0
    is_amended: bool = False

    def standing(self, attempt: str, team: str) -> Standing:
        """As a reader of the ledger knows it."""
        return Standing(
            attempt=attempt,
            team=team,
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
    quotes: tuple[int, ...]
    tries: list[Try]
    state: str = "queued"
    is_cancelled: bool = False

    @property
    def last(self) -> Try:
        return self.tries[-1]


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
    tasks: Counter[str] = field(default_factory=Counter)
    jobs: dict[JobId, Life] = field(default_factory=dict)
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

    def reserve(self, balances: Sequence[Balance], candidate: int, quote: int) -> Try:
        """Hold a quote."""
        names = dict.fromkeys(balances[n].name for n in counted_by(balances, candidate))
        for name in names:
            self.reserved[name] += quote
        self.entries += 1
        return Try(candidate, quote, tuple(names))

    def resolve(self, attempt: Try, charged: int) -> None:
        """Give a hold back and spend what it cost."""
        attempt.is_open, attempt.charged = False, charged
        for name in attempt.names:
            self.reserved[name] -= attempt.quote
            self.spent[name] += charged
        self.entries += 1 + (charged > attempt.quote)

    def adjust(self, attempt: Try, delta: int) -> None:
        """Correct a charge; of what was written off only the organisation bears it."""
        attempt.adjusted += delta
        attempt.is_amended = True
        for name in attempt.names:
            if name.startswith("org") or not attempt.written_off:
                self.spent[name] += delta
        self.entries += 1

    def write_off(self, attempt: Try) -> int:
        """Take a cost off its team."""
        cost = attempt.charged + attempt.adjusted
        attempt.written_off = cost
        attempt.is_amended = True
        for name in attempt.names:
            if not name.startswith("org"):
                self.spent[name] -= cost
        self.entries += 1
        return cost

    def orphan(self, task: str, delta: int, names: Iterable[str]) -> None:
        """Charge what nobody explains."""
        self.tasks[task] += delta
        for name in names:
            self.spent[name] += delta
        self.entries += 1

    def used(self) -> dict[str, tuple[int, int]]:
        """Reserved and spent of every balance that is not zero."""
        names = self.reserved.keys() | self.spent.keys()
        return {
            name: (self.reserved[name], self.spent[name])
            for name in names
            if self.reserved[name] or self.spent[name]
        }
