"""Handlers of the admin API but for finance's: each checks what it is given, and answers JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.errors import InvalidRequest
from proxy.domain.ids import JobId, ProviderName, TeamId
from proxy.domain.job import JobState
from proxy.gateway.admin.audit import Noted, latest
from proxy.gateway.admin.controls import Lift, Target
from proxy.gateway.admin.teams import all_teams
from proxy.gateway.ports.jobs import Sought
from proxy.http.admin import bodies, endpoints
from proxy.http.admin.fields import (
    body_of,
    limit_of,
    optional_instant,
    optional_micro_usd,
    optional_seconds,
    optional_text,
    query_of,
    text,
)
from proxy.http.answer import json_answer

if TYPE_CHECKING:
    from aiohttp import web

    from proxy.gateway.ports.ledger import Mandate
    from proxy.http.admin.access import TokenMandates
    from proxy.http.admin.endpoints import AdminEndpoint
    from proxy.http.admin.fields import Fields
    from proxy.http.admin.services import AdminServices

CHARGED, RELEASED = "charged", "released"


class AdminRoutes:
    """Handlers below /admin/v1."""

    def __init__(self, services: AdminServices, mandates: TokenMandates) -> None:
        self._services = services
        self._mandates = mandates

    async def teams(self, _: web.Request) -> web.Response:
        """GET /teams."""
        lines = await all_teams(self._services.runtime)
        return json_answer(bodies.list_body(map(bodies.team_body, lines)))

    async def overrides(self, _: web.Request) -> web.Response:
        """GET /overrides."""
        found = await self._services.controls.overrides()
        return json_answer(bodies.list_body(map(bodies.override_body, found)))

    async def lift(self, request: web.Request) -> web.Response:
        """POST /overrides: more on a budget, until an instant or its period's end."""
        body, mandate = await self._change(request, endpoints.OVERRIDE)
        team = optional_text(body, "team")
        micro_usd = optional_micro_usd(body, "amount")
        if not micro_usd:
            message = "amount is needed, above 0"
            raise InvalidRequest(message, param="amount")
        until_ms, for_s = optional_instant(body, "until"), optional_seconds(body, "for_s")
        if until_ms is not None and for_s is not None:
            message = "give until or for_s, not both"
            raise InvalidRequest(message, param="for_s")
        wanted = Lift(
            budget=text(body, "budget"),
            team=None if team is None else TeamId(team),
            micro_usd=micro_usd,
            until_ms=until_ms,
            for_ms=None if for_s is None else for_s * 1000,
        )
        lifted = await self._services.controls.lift(wanted, mandate)
        return json_answer(bodies.lifted_body(lifted))

    async def end_override(self, request: web.Request) -> web.Response:
        """POST /overrides/{id}/revoke."""
        _, mandate = await self._change(request, endpoints.REVOKE_OVERRIDE)
        override = request.match_info["id"]
        await self._services.controls.end_override(override, mandate)
        return json_answer({"object": "override", "id": override, "revoked": True})

    async def freezes(self, _: web.Request) -> web.Response:
        """GET /freezes."""
        found = await self._services.controls.freezes()
        return json_answer(bodies.list_body(map(bodies.freeze_body, found)))

    async def freeze(self, request: web.Request) -> web.Response:
        """POST /freezes."""
        body, mandate = await self._change(request, endpoints.FREEZE)
        target = _target(body)
        changed = await self._services.controls.freeze(target, mandate)
        return json_answer(bodies.frozen_body(target, is_frozen=True, is_changed=changed))

    async def thaw(self, request: web.Request) -> web.Response:
        """POST /freezes/thaw."""
        body, mandate = await self._change(request, endpoints.THAW)
        target = _target(body)
        changed = await self._services.controls.thaw(target, mandate)
        return json_answer(bodies.frozen_body(target, is_frozen=False, is_changed=changed))

    async def jobs(self, request: web.Request) -> web.Response:
        """GET /jobs."""
        query = query_of(request, endpoints.JOBS)
        team, after = query.get("team"), query.get("after")
        sought = Sought(
            team=None if team is None else TeamId(team),
            state=_state(query.get("state")),
            since_ms=optional_instant(query, "since"),
        )
        page = await self._services.jobs.find(
            sought, after=None if after is None else JobId(after), limit=limit_of(query)
        )
        waits = await self._services.jobs.waits(page.jobs)
        return json_answer(bodies.jobs_body(page, waits))

    async def job(self, request: web.Request) -> web.Response:
        """GET /jobs/{id}."""
        job = await self._services.jobs.read(request.match_info["id"])
        waits = await self._services.jobs.waits((job,))
        return json_answer(bodies.job_body(job, waits.get(job.id)))

    async def cancel_job(self, request: web.Request) -> web.Response:
        """POST /jobs/{id}/cancel."""
        _, mandate = await self._change(request, endpoints.CANCEL_JOB)
        job = await self._services.jobs.cancel(request.match_info["id"], mandate)
        return json_answer(bodies.job_body(job))

    async def resolve_job(self, request: web.Request) -> web.Response:
        """POST /jobs/{id}/resolve."""
        body, mandate = await self._change(request, endpoints.RESOLVE_JOB)
        outcome, amount = text(body, "outcome"), optional_micro_usd(body, "amount")
        if outcome not in (CHARGED, RELEASED):
            message = f"outcome must be {CHARGED} or {RELEASED}"
            raise InvalidRequest(message, param="outcome")
        if outcome == RELEASED and amount is not None:
            message = "what is released costs nothing: leave amount out"
            raise InvalidRequest(message, param="amount")
        job = await self._services.jobs.resolve(
            request.match_info["id"],
            mandate,
            is_charged=outcome == CHARGED,
            micro_usd=amount,
        )
        return json_answer(bodies.job_body(job))

    async def keys(self, _: web.Request) -> web.Response:
        """GET /keys."""
        lines = await self._services.controls.keys()
        return json_answer(bodies.list_body(map(bodies.key_body, lines)))

    async def revoke_key(self, request: web.Request) -> web.Response:
        """POST /keys/{id}/revoke."""
        _, mandate = await self._change(request, endpoints.REVOKE_KEY)
        key_id = request.match_info["id"]
        key, changed = await self._services.controls.revoke_key(key_id, mandate)
        return json_answer(bodies.revoked_body(key, is_changed=changed))

    async def end_cooldown(self, request: web.Request) -> web.Response:
        """POST /keys/{id}/end_cooldown."""
        _, mandate = await self._change(request, endpoints.END_COOLDOWN)
        key_id = request.match_info["id"]
        key, changed = await self._services.controls.end_cool_down(key_id, mandate)
        return json_answer(bodies.forgiven_body(key, is_changed=changed))

    async def audit(self, request: web.Request) -> web.Response:
        """GET /audit."""
        query = query_of(request, endpoints.AUDIT)
        noted = Noted(
            since_ms=optional_instant(query, "since"),
            until_ms=optional_instant(query, "until"),
            action=query.get("action"),
            actor=query.get("actor"),
            target=query.get("target"),
            limit=limit_of(query),
        )
        found, has_more = await latest(self._services.ledger, noted)
        return json_answer(bodies.list_body(map(bodies.audit_body, found), has_more=has_more))

    async def config(self, _: web.Request) -> web.Response:
        """GET /config."""
        state = self._services.config.state()
        return json_answer(bodies.configs_body([bodies.config_body(state)]))

    async def reload(self, request: web.Request) -> web.Response:
        """POST /config/reload: answers how it stands afterwards, taken or not."""
        _, mandate = await self._change(request, endpoints.RELOAD)
        config = self._services.config
        before = config.state().digest
        took_effect = await config.run()
        after = config.state()
        await self._services.ledger.note(
            mandate,
            action="reload",
            target="config",
            before=before,
            after=after.digest if took_effect else "refused",
        )
        return json_answer(
            bodies.configs_body([{**bodies.config_body(after), "reloaded": took_effect}])
        )

    async def _change(
        self, request: web.Request, endpoint: AdminEndpoint
    ) -> tuple[Fields, Mandate]:
        body = await body_of(request, endpoint)
        return body, self._mandates(request, reason=text(body, "reason"))


def _target(body: Fields) -> Target:
    team, provider = optional_text(body, "team"), optional_text(body, "provider")
    if team is not None and provider is not None:
        message = "give team or provider, not both: a provider is frozen for everybody"
        raise InvalidRequest(message, param="provider")
    return Target(
        team=None if team is None else TeamId(team),
        provider=None if provider is None else ProviderName(provider),
    )


def _state(name: str | None) -> JobState | None:
    if name is None:
        return None
    try:
        return JobState(name)
    except ValueError as error:
        message = f"{name[:64]!r} is not a state; allowed: {', '.join(JobState)}"
        raise InvalidRequest(message, param="state") from error
