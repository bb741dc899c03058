"""GET /v1/budget: the team's accounts at every level, its limits and its jobs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from proxy.domain.money import format_usd
from proxy.domain.period import FOREVER_MS
from proxy.http.answer import json_answer
from proxy.http.keys import CALLER
from proxy.http.ratelimit import rate_headers

if TYPE_CHECKING:
    from aiohttp import web

    from proxy.domain.bucket import BucketState
    from proxy.domain.policy import Match
    from proxy.gateway.ports.admission import BalanceState
    from proxy.gateway.views import BudgetView
    from proxy.http.services import VideoService

_US_PER_S = 1_000_000


class BudgetRoutes:
    """The handler of GET /v1/budget."""

    def __init__(self, videos: VideoService) -> None:
        self._videos = videos

    async def read(self, request: web.Request) -> web.Response:
        """GET /v1/budget."""
        caller = request[CALLER]
        view = await self._videos.budget(caller)
        return json_answer(budget_body(view), headers=rate_headers(view.buckets, caller))


def budget_body(view: BudgetView) -> dict[str, object]:
    """The budgets of key, team and organisation, the token buckets, and the jobs."""
    return {
        "object": "budget",
        "team": view.team.id,
        "cost_center": view.team.cost_center,
        "accounts": [account_body(state) for state in view.state.balances],
        "limits": [_limit(bucket) for bucket in view.state.buckets],
        "jobs": {
            "unfinished": view.state.open_jobs,
            "unfinished_max": view.team.queued,
            "running": view.state.running_jobs,
            "running_max": view.team.running,
        },
    }


def account_body(state: BalanceState) -> dict[str, object]:
    """One budget's account in its current period."""
    balance = state.balance
    return {
        "budget": balance.budget_id,
        "scope": balance.scope,
        "match": _match(balance.match),
        "period": _kind(balance.account),
        "period_id": balance.period.id,
        "limit": format_usd(balance.limit_micro_usd),
        "override": format_usd(state.lifted_micro_usd),
        "spent": format_usd(state.spent_micro_usd),
        "reserved": format_usd(state.reserved_micro_usd),
        "left": format_usd(state.left_micro_usd),
        "on_exceed": balance.on_exceed.value,
        "resets_at": _iso(balance.period.end_ms),
    }


def _kind(account: str) -> str:
    """The period's kind, from an account's name: "team:a|month@15" -> "month"."""
    return account.rpartition("|")[2].partition("@")[0]


def _match(match: Match | None) -> dict[str, object] | None:
    if match is None:
        return None
    fields = {"model": match.model, "provider": match.provider, "policy": match.policy}
    named: dict[str, object] = {name: value for name, value in fields.items() if value}
    return {**named, **({"metadata": dict(match.metadata)} if match.metadata else {})}


def _limit(bucket: BucketState) -> dict[str, object]:
    route_class, _, key_id = bucket.name.partition(":")
    return {
        "class": route_class,
        "key": key_id or None,
        "capacity": bucket.capacity,
        "remaining": bucket.remaining,
        "full_in_s": bucket.reset_us / _US_PER_S,
        "mode": bucket.mode.value,
    }


def _iso(at_ms: int) -> str | None:
    if at_ms >= FOREVER_MS:
        return None
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
