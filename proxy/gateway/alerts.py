"""Tells what nobody asked about: levels of budgets that are reached, and what went wrong.

Every process may do it; the scripts see to it that each thing is told once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.alert import is_watched, levels_reached, marks_of
from proxy.domain.balance import balances_at
from proxy.domain.errors import StoreUnavailable
from proxy.domain.events import BudgetAlert, ProviderCalled
from proxy.domain.failure import REACTIONS, FailureKind
from proxy.domain.health import SUBMIT
from proxy.domain.health_events import RenderFailed
from proxy.domain.instant import iso_s
from proxy.domain.money import format_usd
from proxy.domain.notice import Notice, NoticeKind, new_notice_id
from proxy.gateway.ledger_news import LedgerNews
from proxy.gateway.ports.notices import Mail

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from proxy.domain.balance import Balance
    from proxy.domain.events import Event
    from proxy.domain.ids import TeamId
    from proxy.domain.policy import Budget, Snapshot
    from proxy.gateway.ports.archive import LedgerStream
    from proxy.gateway.ports.notices import Bulletin, Marked, Sender
    from proxy.gateway.runtime import Runtime

ENDED_MS = 3_600_000
"""So long a period that is over is still looked at: its last attempts are settled on it."""
SILENCE_S = 3600.0
"""Trouble with a provider's account is told at most once in this time."""

_TROUBLES = {kind.value: kind for kind, reaction in REACTIONS.items() if reaction.alert}
Trouble = tuple[str, str, str, FailureKind]


class Troubles:
    """Remembers the accounts and models that providers refused to this process."""

    def __init__(self) -> None:
        self._fresh: dict[Trouble, None] = {}

    def observe(self, event: Event) -> None:
        """Note a failure that a person must see to.

        That a model is gone says only a submit, or the end of a job: to all other calls it is the
        operation that is.
        """
        if isinstance(event, ProviderCalled):
            kind, is_of_model = _TROUBLES.get(event.outcome), event.operation == SUBMIT
        elif isinstance(event, RenderFailed):
            kind, is_of_model = _TROUBLES.get(event.kind), True
        else:
            return
        if kind is FailureKind.MODEL_GONE and is_of_model:
            self._fresh[event.provider, event.account, event.model, kind] = None
        elif kind is not None and kind is not FailureKind.MODEL_GONE:
            self._fresh[event.provider, event.account, "", kind] = None

    def take(self) -> list[Trouble]:
        """What was noted since the last time."""
        fresh, self._fresh = self._fresh, {}
        return list(fresh)

    def keep(self, troubles: Iterable[Trouble]) -> None:
        """Note again what could not be told."""
        self._fresh |= dict.fromkeys(troubles)


class Alerts:
    """Looks at every budget, at the ledger and at the troubles, every few seconds."""

    def __init__(
        self,
        runtime: Runtime,
        bulletin: Bulletin,
        *,
        stream: LedgerStream,
        sender: Sender,
        troubles: Troubles,
    ) -> None:
        self._runtime = runtime
        self._bulletin = bulletin
        self._sender = sender
        self._troubles = troubles
        self._news = LedgerNews(bulletin, stream, runtime.random_bytes)

    async def watch(self) -> None:
        """Look until cancelled; what cannot be looked at is looked at the next time."""
        runtime = self._runtime
        while True:
            every_s = runtime.live.snapshot.engine.alert_every_s
            await runtime.clock.sleep(every_s * (0.5 + runtime.random()))
            await self.once()

    async def once(self) -> None:
        """Look at everything once; without the store, at what can be had."""
        try:
            await self._look_at_budgets(self._runtime.live.snapshot)
            await self._news.look(self._sender.receivers, self._runtime.balances.now_ms())
            await self._tell_troubles()
        except StoreUnavailable:
            return

    async def _look_at_budgets(self, snapshot: Snapshot) -> None:
        await self._look_at(None, snapshot.organisation_budgets)
        keys: dict[TeamId, list[Budget]] = {}
        for key in snapshot.keys.values():
            keys.setdefault(key.team, []).extend(key.budgets)
        for team in snapshot.teams.values():
            await self._look_at(team.id, (*team.budgets, *keys.get(team.id, ())))

    async def _look_at(self, team: TeamId | None, budgets: Sequence[Budget]) -> None:
        now_ms = self._runtime.balances.now_ms()
        watched = [balance for balance in self._current(budgets, now_ms) if is_watched(balance)]
        if not watched:
            return
        marks = marks_of(watched)
        for each in await self._bulletin.marked(team, watched, now_ms=now_ms):
            of_it = marks[each.state.balance.name, each.state.balance.budget_id]
            await self._judge(team, each, of_it, now_ms)

    def _current(self, budgets: Sequence[Budget], now_ms: int) -> Sequence[Balance]:
        """The balances of the periods that run, and of those that ended a moment ago."""
        book, before_ms = self._runtime.balances, now_ms - ENDED_MS
        current = balances_at((book.zoned(each, now_ms) for each in budgets), now_ms)
        young = [
            book.zoned(budget, before_ms)
            for budget, balance in zip(budgets, current, strict=True)
            if balance.period.start_ms > before_ms
        ]
        return (*current, *balances_at(young, before_ms))

    async def _judge(
        self, team: TeamId | None, each: Marked, marks: Mapping[int | None, str], now_ms: int
    ) -> None:
        state = each.state
        used = state.spent_micro_usd + state.reserved_micro_usd
        levels = levels_reached(used, state.limit_micro_usd, state.balance.alert_at_percent)
        reached = [marks[level] for level in levels]
        if reached and not each.marks.issuperset(reached):
            data = {**_standing(team, each), "level_percent": levels[-1]}
            kind = NoticeKind.BUDGET_THRESHOLD
            await self._raise(team, each, reached, self._mail(kind, data, now_ms))
        soft = marks.get(None)
        if soft is not None and soft not in each.marks and used > state.limit_micro_usd:
            mail = self._mail(NoticeKind.BUDGET_SOFT_EXCEEDED, _standing(team, each), now_ms)
            await self._raise(team, each, [soft], mail)

    async def _raise(
        self, team: TeamId | None, each: Marked, marks: Sequence[str], mail: Mail
    ) -> None:
        balance = each.state.balance
        if await self._bulletin.mark(team, balance.name, marks, mail):
            level = mail.notice.data.get("level_percent")
            self._runtime.observer.observe(
                BudgetAlert(
                    team=team,
                    budget=balance.budget_id,
                    kind=mail.notice.kind,
                    level_percent=level if isinstance(level, int) else None,
                    notice=mail.notice.id,
                )
            )

    async def _tell_troubles(self) -> None:
        left = self._troubles.take()
        try:
            while left:
                await self._tell_trouble(*left[0])
                del left[0]
        finally:
            self._troubles.keep(left)

    async def _tell_trouble(
        self, provider: str, account: str, model: str, failure: FailureKind
    ) -> None:
        kind = NoticeKind.PROVIDER_ACCOUNT
        data: dict[str, object] = {"provider": provider, "account": account}
        if model:
            kind = NoticeKind.PROVIDER_MODEL_GONE
            data["model"] = model
        else:
            data["reason"] = failure.value
        mail = self._mail(kind, data, self._runtime.balances.now_ms())
        about = "\n".join((kind, provider, account, model))
        await self._bulletin.tell_once(about, mail, silence_s=SILENCE_S)

    def _mail(self, kind: NoticeKind, data: Mapping[str, object], at_ms: int) -> Mail:
        notice_id = new_notice_id(self._runtime.random_bytes)
        return Mail(
            notice=Notice(id=notice_id, kind=kind, at_ms=at_ms, data=data),
            receivers=tuple(each.id for each in self._sender.receivers if kind in each.kinds),
        )


def _standing(team: TeamId | None, each: Marked) -> dict[str, object]:
    """How a budget stands, as notices say it."""
    state, balance = each.state, each.state.balance
    return {
        "team": team,
        "budget": balance.budget_id,
        "scope": balance.scope,
        "account": balance.account,
        "period": balance.period.id,
        "period_starts_at": iso_s(balance.period.start_ms),
        "limit": format_usd(balance.limit_micro_usd),
        "override": format_usd(state.lifted_micro_usd),
        "spent": format_usd(state.spent_micro_usd),
        "reserved": format_usd(state.reserved_micro_usd),
    }
