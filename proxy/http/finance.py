"""Finance's part of the admin API: handlers only; the admin listener says who may call which."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

from proxy.domain.errors import InvalidRequest, ProxyError
from proxy.domain.ledger import EntryKind
from proxy.domain.money import format_usd
from proxy.gateway.finance.desk import BY, Span, Wanted
from proxy.gateway.finance.export import ExportFormat
from proxy.gateway.ports.ledger import NotPosted
from proxy.http.answer import json_answer
from proxy.http.body import read_body
from proxy.http.finance_bodies import (
    budgets_body,
    corrected_body,
    entries_body,
    preview_body,
    reconciliation_body,
    report_body,
    verification_body,
)
from proxy.http.keys import STREAM

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from proxy.domain.proof import Verification
    from proxy.gateway.finance.desk import FinanceDesk
    from proxy.gateway.ports.ledger import Mandate

INVOICE_BYTES_MAX = 32 * 2**20
SHOWN, SHOWN_MAX = 100, 1000
ACCOUNTS_MAX = 1000
_SPAN = ("period", "since", "until", "timezone")
_OF_INVOICE = ("invoice", "provider", *_SPAN)
_MEDIA = {ExportFormat.JSONL: "application/x-ndjson"}
_REFUSED = {
    NotPosted.STALE: "the attempt was changed meanwhile; try again",
    NotPosted.OPEN: "the attempt is not resolved yet",
    NotPosted.NOTHING: "there is nothing to write off, or it was written off before",
}


@dataclass(frozen=True, slots=True)
class AdminRoute:
    """A handler, its path below /admin/v1, and the role it asks for; "viewer" is any token's."""

    method: str
    path: str
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    role: str = "viewer"


class Mandates(Protocol):
    """Knows who sends a request, and may say so in the ledger."""

    def __call__(self, request: web.Request, *, operation: str, reason: str) -> Mandate:
        """The mandate of a change; refuses a reason that says nothing."""


class FinanceRoutes:
    """Handlers below /admin/v1. `verify` proves the ledger with all that was ever archived."""

    def __init__(
        self,
        desk: FinanceDesk,
        *,
        verify: Callable[[], Awaitable[Verification]],
        mandates: Mandates,
    ) -> None:
        self._desk = desk
        self._verify = verify
        self._mandates = mandates

    def table(self) -> tuple[AdminRoute, ...]:
        """Every route, for the admin listener to serve below /admin/v1."""
        return (
            AdminRoute("GET", "/budgets", self.budgets),
            AdminRoute("POST", "/budgets/preview", self.preview),
            AdminRoute("GET", "/report", self.report),
            AdminRoute("GET", "/ledger", self.entries),
            AdminRoute("GET", "/ledger/export", self.export),
            AdminRoute("GET", "/ledger/export/manifest", self.manifest),
            AdminRoute("GET", "/ledger/verify", self.verify),
            AdminRoute("POST", "/ledger/reconcile", self.compare),
            AdminRoute("POST", "/ledger/reconcile/post", self.correct, role="finance"),
            AdminRoute("POST", "/ledger/write_off", self.write_off, role="finance"),
        )

    async def budgets(self, _: web.Request) -> web.Response:
        """GET /admin/v1/budgets: every budget with what is spent and held on it."""
        return json_answer(budgets_body(await self._desk.budgets()))

    async def preview(self, request: web.Request) -> web.Response:
        """POST /admin/v1/budgets/preview: what accounts would open with; changes nothing."""
        body = await _object(request, "accounts")
        found = await self._desk.would_hold(_accounts(body.get("accounts")))
        return json_answer(preview_body(found))

    async def report(self, request: web.Request) -> web.Response:
        """GET /admin/v1/report: what was spent, grouped by `by`."""
        query = _known(request.query, *_SPAN, "by")
        return json_answer(report_body(await self._desk.report(_span(query), query.get("by", BY))))

    async def entries(self, request: web.Request) -> web.Response:
        """GET /admin/v1/ledger: entries, oldest first."""
        query = _known(request.query, *_SPAN, "job", "team", "kind", "limit")
        wanted = Wanted(
            job=query.get("job"),
            team=query.get("team"),
            kind=_kind(query.get("kind")),
            limit=_limit(query.get("limit")),
        )
        found, has_more = await self._desk.entries(_span(query), wanted)
        return json_answer(entries_body(found, has_more=has_more))

    async def export(self, request: web.Request) -> web.StreamResponse:
        """GET /admin/v1/ledger/export: the file, in pieces as it is read."""
        query = _known(request.query, *_SPAN, "format")
        format_name = query.get("format", ExportFormat.CSV)
        export = await self._desk.export(_span(query), format_name)
        media = _MEDIA.get(ExportFormat(format_name), "text/csv")
        answer = web.StreamResponse(
            headers={
                "Content-Type": f"{media}; charset=utf-8",
                "X-Content-Type-Options": "nosniff",
            }
        )
        answer.enable_chunked_encoding()
        request[STREAM] = answer
        pieces = export.pieces()
        # The first piece comes before the status: a store that is down is a 503, not half a file.
        piece = await anext(pieces, b"")
        await answer.prepare(request)
        try:
            while piece:
                await answer.write(piece)
                piece = await anext(pieces, b"")
        except ProxyError:
            # Without its last chunk the client sees that the file is not whole.
            request.protocol.force_close()
            return answer
        await answer.write_eof()
        return answer

    async def manifest(self, request: web.Request) -> web.Response:
        """GET /admin/v1/ledger/export/manifest: what that file holds: rows, sum, SHA-256."""
        query = _known(request.query, *_SPAN, "format")
        export = await self._desk.export(_span(query), query.get("format", ExportFormat.CSV))
        async for _ in export.pieces():
            pass
        return json_answer(export.manifest())

    async def verify(self, _: web.Request) -> web.Response:
        """GET /admin/v1/ledger/verify: the laws of the ledger, each violation by name."""
        return json_answer(verification_body(await self._verify()))

    async def compare(self, request: web.Request) -> web.Response:
        """POST /admin/v1/ledger/reconcile: an invoice beside the ledger; changes nothing."""
        invoice, span, provider = _invoice(await _object(request, *_OF_INVOICE))
        found = await self._desk.compare(invoice, span, provider=provider)
        return json_answer(reconciliation_body(found))

    async def correct(self, request: web.Request) -> web.Response:
        """POST /admin/v1/ledger/reconcile/post: the same, and what is missing is posted."""
        body = await _object(request, *_OF_INVOICE, "reason")
        invoice, span, provider = _invoice(body)
        # Each correction gets an operation of its own.
        mandate = self._mandates(request, operation="reconcile", reason=_text(body, "reason"))
        found = await self._desk.correct(invoice, span, mandate, provider=provider)
        return json_answer(corrected_body(found))

    async def write_off(self, request: web.Request) -> web.Response:
        """POST /admin/v1/ledger/write_off: an attempt's cost leaves its team."""
        body = await _object(request, "attempt", "reason")
        attempt = _text(body, "attempt")
        mandate = self._mandates(
            request, operation=f"write_off:{attempt}", reason=_text(body, "reason")
        )
        posted = await self._desk.write_off(attempt, mandate)
        if isinstance(posted, NotPosted):
            raise InvalidRequest(_REFUSED[posted], param="attempt")
        return json_answer(
            {
                "object": "ledger.write_off",
                "attempt": attempt,
                "entry": posted.entry_id,
                "amount": format_usd(-posted.amount_micro_usd),
            }
        )


def _known(query: Mapping[str, str], *names: str) -> Mapping[str, str]:
    """A query that holds nothing else."""
    for name in query:
        if name not in names:
            message = f"{name!r} is not known here; allowed: {', '.join(names)}"
            raise InvalidRequest(message, param=name)
    return query


def _span(named: Mapping[str, object]) -> Span:
    texts = {name: _optional(named, name) for name in _SPAN}
    return Span(
        period=texts["period"],
        since=texts["since"],
        until=texts["until"],
        timezone=texts["timezone"] or "UTC",
    )


def _kind(name: str | None) -> EntryKind | None:
    if name is None:
        return None
    try:
        return EntryKind(name)
    except ValueError as error:
        message = f"{name!r} is not a kind of entry; allowed: {', '.join(EntryKind)}"
        raise InvalidRequest(message, param="kind") from error


def _limit(text: str | None) -> int:
    if text is None:
        return SHOWN
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(SHOWN_MAX))
    if not (is_number and 1 <= int(text) <= SHOWN_MAX):
        message = f"limit must be a whole number from 1 to {SHOWN_MAX}"
        raise InvalidRequest(message, param="limit")
    return int(text)


async def _object(request: web.Request, *names: str) -> Mapping[str, object]:
    content = await read_body(request, bytes_max=INVOICE_BYTES_MAX)
    try:
        body = json.loads(content)
    except (ValueError, RecursionError) as error:
        message = "the body is not JSON"
        raise InvalidRequest(message) from error
    if not isinstance(body, dict):
        message = "the body must be an object"
        raise InvalidRequest(message)
    for name in body:
        if name not in names:
            message = f"{name!r} is not known here; allowed: {', '.join(names)}"
            raise InvalidRequest(message, param=name)
    return body


def _text(body: Mapping[str, object], name: str) -> str:
    text = _optional(body, name)
    if not text:
        message = f"{name} is needed"
        raise InvalidRequest(message, param=name)
    return text


def _optional(body: Mapping[str, object], name: str) -> str | None:
    text = body.get(name)
    if text is None or isinstance(text, str):
        return text or None
    message = f"{name} must be a string"
    raise InvalidRequest(message, param=name)


def _accounts(named: object) -> dict[str, str]:
    """Time zones by the names of accounts."""
    if not isinstance(named, dict) or len(named) > ACCOUNTS_MAX:
        message = f"accounts must be an object of at most {ACCOUNTS_MAX} names and time zones"
        raise InvalidRequest(message, param="accounts")
    return {name: _optional(named, name) or "UTC" for name in named}


def _invoice(body: Mapping[str, object]) -> tuple[bytes, Span | None, str]:
    """The file, the time it covers (None: not said), and who sent it."""
    says_when = any(body.get(name) for name in ("period", "since", "until"))
    provider = _optional(body, "provider") or ""
    content = _text(body, "invoice").encode(errors="replace")
    return content, _span(body) if says_when else None, provider
