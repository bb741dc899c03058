"""The route table of the admin API: every endpoint with its handler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from proxy.http.admin import endpoints
from proxy.http.admin.access import TokenMandates
from proxy.http.admin.bodies import endpoint_body, list_body
from proxy.http.admin.decisions import DecisionRoutes
from proxy.http.admin.handlers import AdminRoutes
from proxy.http.admin.letters import LetterAdminRoutes
from proxy.http.admin.orphans import OrphanRoutes
from proxy.http.admin.providers import ProviderRoutes
from proxy.http.admin.restore import RestoreRoutes
from proxy.http.answer import json_answer
from proxy.http.finance import FinanceRoutes

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

    from proxy.http.admin.endpoints import AdminEndpoint
    from proxy.http.admin.services import AdminServices


@dataclass(frozen=True, slots=True)
class AdminRoute:
    """An endpoint and what serves it."""

    endpoint: AdminEndpoint
    handler: Handler


def admin_routes(services: AdminServices) -> tuple[AdminRoute, ...]:
    """Every route of the admin API."""
    mandates = TokenMandates(services.random_bytes)
    own = AdminRoutes(services, mandates)
    providers = ProviderRoutes(services.providers, mandates)
    decisions = DecisionRoutes(services.decisions)
    orphans = OrphanRoutes(services.orphans, mandates)
    restore = RestoreRoutes(services.restore, mandates)
    letters = LetterAdminRoutes(services.letters, mandates)
    finance = FinanceRoutes(services.finance, verify=services.verify, mandates=mandates)
    return (
        AdminRoute(endpoints.INDEX, _index),
        AdminRoute(endpoints.TEAMS, own.teams),
        AdminRoute(endpoints.BUDGETS, finance.budgets),
        AdminRoute(endpoints.PREVIEW, finance.preview),
        AdminRoute(endpoints.OVERRIDES, own.overrides),
        AdminRoute(endpoints.OVERRIDE, own.lift),
        AdminRoute(endpoints.REVOKE_OVERRIDE, own.end_override),
        AdminRoute(endpoints.FREEZES, own.freezes),
        AdminRoute(endpoints.FREEZE, own.freeze),
        AdminRoute(endpoints.THAW, own.thaw),
        AdminRoute(endpoints.PROVIDERS, providers.offers),
        AdminRoute(endpoints.DRAIN, providers.drain),
        AdminRoute(endpoints.RESUME, providers.resume),
        AdminRoute(endpoints.JOBS, own.jobs),
        AdminRoute(endpoints.JOB, own.job),
        AdminRoute(endpoints.CANCEL_JOB, own.cancel_job),
        AdminRoute(endpoints.RESOLVE_JOB, own.resolve_job),
        AdminRoute(endpoints.KEYS, own.keys),
        AdminRoute(endpoints.REVOKE_KEY, own.revoke_key),
        AdminRoute(endpoints.END_COOLDOWN, own.end_cooldown),
        AdminRoute(endpoints.AUDIT, own.audit),
        AdminRoute(endpoints.DECISIONS, decisions.find),
        AdminRoute(endpoints.DRILL, decisions.retire),
        AdminRoute(endpoints.WEBHOOKS, letters.find),
        AdminRoute(endpoints.RECEIVERS, letters.receivers),
        AdminRoute(endpoints.REPLAY, letters.replay),
        AdminRoute(endpoints.CONFIG, own.config),
        AdminRoute(endpoints.RELOAD, own.reload),
        *_books(finance),
        AdminRoute(endpoints.ORPHANS, orphans.survey),
        AdminRoute(endpoints.CHARGE_ORPHANS, orphans.charge),
        AdminRoute(endpoints.SURVEY, restore.survey),
        AdminRoute(endpoints.RESTORE, restore.restore),
        AdminRoute(endpoints.WRITE_OFF, finance.write_off),
    )


def _books(finance: FinanceRoutes) -> tuple[AdminRoute, ...]:
    """What is read of the ledger, and put beside invoices."""
    return (
        AdminRoute(endpoints.REPORT, finance.report),
        AdminRoute(endpoints.LEDGER, finance.entries),
        AdminRoute(endpoints.VERIFY, finance.verify),
        AdminRoute(endpoints.EXPORT, finance.export),
        AdminRoute(endpoints.MANIFEST, finance.manifest),
        AdminRoute(endpoints.RECONCILE, finance.compare),
        AdminRoute(endpoints.POST_INVOICE, finance.correct),
    )


TABLE = tuple(
    value for value in vars(endpoints).values() if isinstance(value, endpoints.AdminEndpoint)
)
"""Every endpoint, in the order in which they are written down."""


def same_handler(handler: Handler) -> tuple[AdminRoute, ...]:
    """The table with one handler for all of it: for whoever passes requests on."""
    return tuple(AdminRoute(endpoint, handler) for endpoint in TABLE)


async def _index(_: web.Request) -> web.Response:
    return json_answer(list_body(map(endpoint_body, TABLE)))


async def refuse_unmatched(request: web.Request) -> web.StreamResponse:
    """Below /admin/v1, but nothing that is served: 405 if it is with another method, else 404."""
    allowed: set[str] = set()
    for resource in request.app.router.resources():
        if resource is not request.match_info.route.resource:
            allowed |= (await resource.resolve(request))[1]
    if allowed:
        raise web.HTTPMethodNotAllowed(request.method, allowed)
    raise web.HTTPNotFound
