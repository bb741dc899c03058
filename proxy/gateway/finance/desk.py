"""Finance's desk: what it may ask for, in the words in which it asks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from proxy.domain.balance import balances_at
from proxy.domain.dimension import parse_dimensions
from proxy.domain.errors import InvalidRequest
from proxy.domain.invoice import BadInvoiceError, parse_invoice
from proxy.domain.opening import budget_on
from proxy.domain.standing import standings
from proxy.domain.takeover import Takeover
from proxy.domain.window import window_of
from proxy.gateway.finance.budgets import all_budgets
from proxy.gateway.finance.export import Export, ExportFormat
from proxy.gateway.finance.reconcile import Corrected, Reconciler
from proxy.gateway.finance.report import report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.domain.invoice import Invoice
    from proxy.domain.ledger import Entry, EntryKind
    from proxy.domain.reconcile import Reconciliation
    from proxy.domain.standing import Standing
    from proxy.domain.window import Window
    from proxy.gateway.balances import BalanceBook
    from proxy.gateway.finance.budgets import BudgetLine
    from proxy.gateway.finance.reconcile import Corrections
    from proxy.gateway.finance.report import History, Reported
    from proxy.gateway.live import Live
    from proxy.gateway.ports.admission import Accounts
    from proxy.gateway.ports.ledger import Mandate, NotPosted, Posted

BY = "team"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A time as it is asked for: a period ("2026-11"), or two dates or instants; in a zone.

    None of them is the month that runs. Dates and periods are those of `timezone`.
    """

    period: str | None = None
    since: str | None = None
    until: str | None = None
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which entries are shown; what is None does not matter. `job` may name an attempt too."""

    job: str | None = None
    team: str | None = None
    kind: EntryKind | None = None
    limit: int = 100

    def is_met_by(self, entry: Entry) -> bool:
        """Say whether an entry is one of them."""
        return (
            (self.job is None or self.job in (entry.job, entry.attempt))
            and (self.team is None or self.team == entry.team)
            and (self.kind is None or self.kind is entry.kind)
        )


class FinanceDesk:
    """Reports, exports and reconciliation over the live configuration and the whole ledger."""

    def __init__(
        self,
        live: Live,
        accounts: Accounts,
        *,
        balances: BalanceBook,
        history: History,
        ledger: Corrections,
    ) -> None:
        self._live = live
        self._accounts = accounts
        self._balances = balances
        self._history = history
        self._ledger = ledger
        self._reconciler = Reconciler(history, ledger)

    async def budgets(self) -> tuple[BudgetLine, ...]:
        """Every budget of the configuration in force, the organisation's first.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        return await all_budgets(self._live.snapshot, self._balances, self._accounts)

    async def would_hold(self, accounts: Mapping[str, str]) -> tuple[Takeover, ...]:
        """What accounts hold by the ledger in the period that runs, were they opened now.

        Args:
            accounts: the time zone by the account's name, such as "team:marketing|month".

        Raises:
            InvalidRequest: a name or a time zone is none.
            StoreUnavailable: the store does not answer.
        """
        now_ms = await self._accounts.now_ms()
        try:
            budgets = [budget_on(name, _zone(zone, "accounts")) for name, zone in accounts.items()]
        except ValueError as error:
            raise InvalidRequest(str(error), param="accounts") from error
        takeovers = tuple(Takeover(balance) for balance in balances_at(budgets, now_ms))
        since_ms = min((each.balance.period.start_ms for each in takeovers), default=now_ms)
        async for entry in self._history.entries(since_ms):
            for takeover in takeovers:
                takeover.add(entry)
        return takeovers

    async def report(self, span: Span, by: str = BY) -> Reported:
        """Group what was spent. `by` is as for `parse_dimensions`.

        Raises:
            InvalidRequest: not to be understood; `param` names the field.
            StoreUnavailable: the store does not answer.
        """
        now_ms = await self._accounts.now_ms()
        try:
            dimensions = parse_dimensions(by)
        except ValueError as error:
            raise InvalidRequest(str(error), param="by") from error
        teams = self._live.snapshot.teams.values()
        return await report(
            self._history,
            dimensions,
            _window(span, now_ms),
            cost_centers={team.id: team.cost_center for team in teams if team.cost_center},
            now_ms=now_ms,
        )

    async def export(self, span: Span, format_name: str) -> Export:
        """Begin an export; reading its pieces raises as `report` does.

        Raises:
            InvalidRequest: not to be understood; `param` names the field.
            StoreUnavailable: the store does not answer.
        """
        try:
            wanted = ExportFormat(format_name)
        except ValueError as error:
            message = f"format {format_name!r} is not one of {', '.join(ExportFormat)}"
            raise InvalidRequest(message, param="format") from error
        window = _window(span, await self._accounts.now_ms())
        return Export(self._history, wanted, since_ms=window.since_ms, until_ms=window.until_ms)

    async def entries(self, span: Span, wanted: Wanted) -> tuple[list[Entry], bool]:
        """The first entries of a time that are wanted, oldest first, and whether there are more.

        Raises:
            InvalidRequest: not to be understood; `param` names the field.
            StoreUnavailable: the store does not answer.
        """
        # What was written in this very millisecond is asked for, too.
        window = _window(span, await self._accounts.now_ms() + 1)
        found: list[Entry] = []
        async for entry in self._history.entries(window.since_ms, window.until_ms):
            if wanted.is_met_by(entry):
                if len(found) == wanted.limit:
                    return found, True
                found.append(entry)
        return found, False

    async def standing(self, attempt: str) -> Standing:
        """How an attempt stands by the whole ledger.

        Raises:
            InvalidRequest: the ledger does not know it.
            StoreUnavailable: the store does not answer.
        """
        known = standings(
            [
                entry
                async for entry in self._history.entries()
                if attempt in (entry.attempt, entry.job)
            ]
        )
        if attempt not in known:
            message = f"the ledger has no entry of the attempt {attempt}"
            if known:
                message = f"{attempt} is a job; name one of its attempts: {', '.join(known)}"
            raise InvalidRequest(message, param="attempt")
        return known[attempt]

    async def write_off(self, attempt: str, mandate: Mandate) -> Posted | NotPosted:
        """Take what an attempt cost off its team; the organisation keeps it.

        Raises:
            InvalidRequest: the ledger does not know the attempt.
            StoreUnavailable: the store does not answer.
        """
        return await self._ledger.write_off(await self.standing(attempt), mandate)

    async def compare(
        self, content: bytes, span: Span | None, *, provider: str = ""
    ) -> Reconciliation:
        """Compare a vendor's invoice with the ledger; nothing is changed.

        Args:
            content: the invoice, as CSV.
            span: the time it covers; None says nothing of what it does not name.
            provider: who sent it, where the file does not say.

        Raises:
            InvalidRequest: not to be understood; `param` names the field.
            StoreUnavailable: the store does not answer.
        """
        now_ms = await self._accounts.now_ms()
        return await self._reconciler.compare(
            await _invoice(content, provider), _covered(span, now_ms)
        )

    async def correct(
        self, content: bytes, span: Span | None, mandate: Mandate, *, provider: str = ""
    ) -> Corrected:
        """Compare, post what is missing, and compare again; arguments as for `compare`.

        Raises:
            InvalidRequest: not to be understood; `param` names the field.
            StoreUnavailable: the store does not answer; what was posted stays, ask again.
        """
        now_ms = await self._accounts.now_ms()
        return await self._reconciler.correct(
            await _invoice(content, provider),
            _covered(span, now_ms),
            mandate,
            organisation_budgets=[
                self._balances.zoned(budget, now_ms)
                for budget in self._live.snapshot.organisation_budgets
            ],
            now_ms=now_ms,
        )


async def _invoice(content: bytes, provider: str) -> Invoice:
    try:
        return await asyncio.to_thread(parse_invoice, content, provider=provider)
    except BadInvoiceError as error:
        message = f"the invoice cannot be read: {error}"
        raise InvalidRequest(message, param="invoice") from error


def _covered(span: Span | None, now_ms: int) -> tuple[int, int] | None:
    if span is None:
        return None
    window = _window(span, now_ms)
    return window.since_ms, window.until_ms


def _window(span: Span, now_ms: int) -> Window:
    zone = _zone(span.timezone, "timezone")
    try:
        return window_of(
            period=span.period, since=span.since, until=span.until, zone=zone, now_ms=now_ms
        )
    except ValueError as error:
        field = "period" if span.period else "since"
        raise InvalidRequest(str(error), param=field) from error


def _zone(name: str, param: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"{name!r} is not a time zone; write one like Europe/Berlin"
        raise InvalidRequest(message, param=param) from error
