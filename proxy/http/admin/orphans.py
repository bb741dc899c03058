"""Orphans at the vendors: what was found, and charging it to nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.instant import iso_ms
from proxy.domain.money import format_usd
from proxy.gateway.ports.ledger import NotPosted, Posted
from proxy.http.admin import endpoints
from proxy.http.admin.fields import body_of, optional_instant, optional_text, query_of, text
from proxy.http.answer import json_answer

if TYPE_CHECKING:
    from aiohttp import web

    from proxy.domain.orphan import Listed, Orphan
    from proxy.gateway.orphans import Charged, Looked, OrphanDesk
    from proxy.http.admin.access import TokenMandates

Json = dict[str, object]


class OrphanRoutes:
    """Handlers below /admin/v1."""

    def __init__(self, desk: OrphanDesk, mandates: TokenMandates) -> None:
        self._desk = desk
        self._mandates = mandates

    async def survey(self, request: web.Request) -> web.Response:
        """GET /ledger/orphans: asks the vendors, charges nothing."""
        query = query_of(request, endpoints.ORPHANS)
        found = await self._desk.survey(query.get("provider"), optional_instant(query, "since"))
        return _answer([_body(looked, {}) for looked in found], is_charged=False)

    async def charge(self, request: web.Request) -> web.Response:
        """POST /ledger/orphans."""
        body = await body_of(request, endpoints.CHARGE_ORPHANS)
        mandate = self._mandates(request, reason=text(body, "reason"))
        since_ms = optional_instant(body, "since")
        found = await self._desk.survey(optional_text(body, "provider"), since_ms)
        shown = [_body(looked, await self._desk.charge(looked, mandate)) for looked in found]
        return _answer(shown, is_charged=True)


def _answer(accounts: list[Json], *, is_charged: bool) -> web.Response:
    return json_answer({"object": "ledger.orphans", "charged": is_charged, "accounts": accounts})


def _body(looked: Looked, charged: Charged) -> Json:
    return {
        "provider": looked.provider,
        "account": looked.account,
        "rule": looked.rule.value,
        "failure": looked.failure and looked.failure.value,
        "listed": looked.listed,
        "strangers": looked.strangers,
        "pending": [_listed(each) for each in looked.pending],
        "orphans": [_orphan(each, charged) for each in looked.orphans],
    }


def _orphan(orphan: Orphan, charged: Charged) -> Json:
    result = charged.get(orphan.listed.task)
    posted = result if isinstance(result, Posted) else None
    return {
        **_listed(orphan.listed),
        "model": orphan.charge.model or None,
        "amount": None if orphan.micro_usd is None else format_usd(orphan.micro_usd),
        "by": orphan.charge.by,
        "entry": posted and posted.entry_id,
        "refused": result.value if isinstance(result, NotPosted) else None,
    }


def _listed(listed: Listed) -> Json:
    return {
        "task": listed.task,
        "external_id": listed.external_id,
        "created_at": iso_ms(listed.created_at_ms),
        "status": listed.fate.value,
    }
