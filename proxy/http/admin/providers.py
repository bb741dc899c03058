"""Providers for operators: how every offer stands at every account, drains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.ids import ProviderName
from proxy.domain.instant import iso_ms
from proxy.http.admin import endpoints
from proxy.http.admin.bodies import list_body
from proxy.http.admin.fields import body_of, optional_text, text
from proxy.http.answer import json_answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

    from proxy.gateway.admin.providers import OfferLine, ProviderDesk
    from proxy.gateway.ports.ledger import Mandate
    from proxy.http.admin.access import TokenMandates
    from proxy.http.admin.endpoints import AdminEndpoint

Json = dict[str, object]


class ProviderRoutes:
    """Handlers below /admin/v1."""

    def __init__(self, desk: ProviderDesk, mandates: TokenMandates) -> None:
        self._desk = desk
        self._mandates = mandates

    async def offers(self, _: web.Request) -> web.Response:
        """GET /providers."""
        return json_answer(list_body(map(offer_body, await self._desk.offers())))

    async def drain(self, request: web.Request) -> web.Response:
        """POST /providers/{name}/drain."""
        return await self._change(request, endpoints.DRAIN, self._desk.drain, is_drained=True)

    async def resume(self, request: web.Request) -> web.Response:
        """POST /providers/{name}/resume."""
        return await self._change(request, endpoints.RESUME, self._desk.resume, is_drained=False)

    async def _change(
        self,
        request: web.Request,
        endpoint: AdminEndpoint,
        made: Callable[[ProviderName, str | None, Mandate], Awaitable[bool]],
        *,
        is_drained: bool,
    ) -> web.Response:
        body = await body_of(request, endpoint)
        mandate = self._mandates(request, reason=text(body, "reason"))
        provider = ProviderName(request.match_info["name"])
        account = optional_text(body, "account")
        changed = await made(provider, account, mandate)
        drain = {"object": "drain", "provider": provider, "account": account}
        return json_answer({**drain, "is_drained": is_drained, "changed": changed})


def offer_body(line: OfferLine) -> Json:
    """An offer at one account; money is not in it: `GET /v1/models` has the prices."""
    offer, drain = line.offer, line.drain
    sunset_s = offer.lifecycle.sunset_s
    return {
        "object": "provider.offer",
        "provider": offer.provider,
        "account": line.account.name,
        "model": offer.model,
        "state": line.standing.value,
        "detail": line.detail or None,
        "breakers": dict(line.breakers),
        "recent_calls": line.calls,
        "recent_failures": line.failures,
        "slots_used": line.slots_held,
        "slots": line.account.slots,
        "latency_s": line.latency_s,
        "success": line.success,
        "ends_at": None if sunset_s is None else iso_ms(round(sunset_s * 1000)),
        "ends_surely": offer.lifecycle.retires_at_s is not None,
        "successors": list(offer.lifecycle.successors),
        "drained_at": None if drain is None else iso_ms(drain.change.at_ms),
        "drained_by": None if drain is None else drain.change.actor,
    }
