"""Routing decisions for operators: the record, and drills on it. No words of any caller."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from proxy.domain.errors import InvalidRequest
from proxy.domain.money import format_usd
from proxy.gateway.ports.decisions import DecisionQuery
from proxy.http.admin import endpoints
from proxy.http.admin.bodies import list_body
from proxy.http.admin.fields import limit_of, optional_instant, query_of
from proxy.http.answer import json_answer
from proxy.http.render import candidate_entry, policy_switch, skipped_entries

if TYPE_CHECKING:
    from aiohttp import web

    from proxy.domain.decision import Decision
    from proxy.domain.drill import Drill, Move
    from proxy.domain.video import VideoJob
    from proxy.gateway.decisions import DecisionDesk

Json = dict[str, object]


class DecisionRoutes:
    """Handlers below /admin/v1."""

    def __init__(self, desk: DecisionDesk) -> None:
        self._desk = desk

    async def find(self, request: web.Request) -> web.Response:
        """GET /decisions."""
        query = query_of(request, endpoints.DECISIONS)
        found, has_more = await self._desk.find(
            DecisionQuery(
                since_ms=optional_instant(query, "since"),
                until_ms=optional_instant(query, "until"),
                team=query.get("team"),
                outcome=query.get("outcome"),
                policy=query.get("policy"),
                provider=query.get("provider"),
                model=query.get("model"),
                requested_model=query.get("requested_model"),
                limit=limit_of(query),
            )
        )
        return json_answer(list_body(map(decision_body, found), has_more=has_more))

    async def retire(self, request: web.Request) -> web.Response:
        """GET /drill/retire."""
        query = query_of(request, endpoints.DRILL)
        model = query.get("model")
        if not model:
            message = "model is needed: the one to do without"
            raise InvalidRequest(message, param="model")
        since_ms, until_ms = optional_instant(query, "since"), optional_instant(query, "until")
        return json_answer(drill_body(await self._desk.retire(model, since_ms, until_ms)))


def decision_body(decision: Decision) -> Json:
    """A decision with all that went into it."""
    plan, conditions = decision.plan, decision.conditions
    return {
        "object": "decision",
        "id": decision.id,
        "at": datetime.fromtimestamp(decision.at_s, UTC).isoformat(timespec="milliseconds"),
        "team": decision.team,
        "key": decision.key,
        "outcome": decision.outcome,
        "policy": plan.policy,
        "policy_switch": policy_switch(plan),
        "requested_model": plan.requested_model,
        "substitute": plan.substitute.value,
        "asked": _asked(decision.request),
        "chosen": None if decision.chosen is None else decision.chosen + 1,
        "candidates": [
            candidate_entry(candidate, rank) for rank, candidate in enumerate(plan.candidates, 1)
        ],
        "skipped": skipped_entries(plan.skipped),
        "conditions": {
            "closed": {
                name: {"code": closed.why.value, "detail": closed.detail}
                for name, closed in conditions.closed.items()
            },
            "latency_s": dict(conditions.latency_s),
            "success": dict(conditions.success),
        },
        "budgets": [
            {
                "budget": use.budget_id,
                "used": format_usd(use.used_micro_usd),
                "limit": format_usd(use.limit_micro_usd),
            }
            for use in decision.budgets
        ],
        "snapshot": decision.snapshot_digest,
    }


def _asked(request: VideoJob) -> Json:
    """What was asked for, in numbers."""
    return {
        "seconds": request.seconds,
        "resolution": request.resolution,
        "aspect_ratio": request.aspect_ratio,
        "audio": request.audio,
        "prompt_chars": len(request.prompt),
        "pictures": len(request.pictures),
        "max_cost_usd": (
            None if request.max_cost_micro_usd is None else format_usd(request.max_cost_micro_usd)
        ),
    }


def drill_body(drill: Drill) -> Json:
    """What a drill found; amounts are the first candidates' prices."""
    return {
        "object": "drill",
        "model": drill.model,
        "videos": drill.videos,
        "concerned": drill.concerned,
        "of_teams_that_left": drill.strangers,
        "refused": sum(move.videos for move in drill.moves if move.after is None),
        "refused_by_team": dict(drill.refused_teams),
        "cost_usd": {
            "before": format_usd(sum(move.before_micro_usd for move in drill.moves)),
            "after": format_usd(sum(move.after_micro_usd for move in drill.moves)),
        },
        "moves": [_move(move) for move in drill.moves],
    }


def _move(move: Move) -> Json:
    return {
        "from": {"provider": move.before[0], "model": move.before[1]},
        "to": None if move.after is None else {"provider": move.after[0], "model": move.after[1]},
        "videos": move.videos,
        "before_usd": format_usd(move.before_micro_usd),
        "after_usd": format_usd(move.after_micro_usd),
    }
