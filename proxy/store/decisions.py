"""The record of routing decisions as one capped stream."""

from __future__ import annotations

import json
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from proxy.domain.conditions import Closed, Closure, Conditions
from proxy.domain.decision import Decision
from proxy.domain.ids import JobId, KeyId, TeamId
from proxy.domain.job import Job
from proxy.domain.policy import Match
from proxy.domain.usage import BudgetUse
from proxy.store.packing import json_text, pack, unpack
from proxy.store.script import Script

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from proxy.store.client import Client
    from proxy.store.keys import Keys

GUARD_LIFE_MS = 600_000
"""Longer than the store is away for, as a rule: a batch is sent again until its answer comes."""
PAGE = 200
_NO_FINGERPRINT = "0" * 64
_MARK = b"\n"
"""Between the facts (JSON, which has no line break) and the packed request with its plan."""


class RedisDecisionLog:
    """DecisionLog over Redis."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys
        self._decide = Script.load("decide")

    async def append(self, decisions: Sequence[Decision], *, keep: int) -> None:
        """Add decisions, in one replay-safe step, and forget all but about the latest `keep`.

        The same decisions again, within ten minutes, are known by the first and the last of them.
        """
        operation = f"{decisions[0].id}-{decisions[-1].id}"
        await self._decide.run(
            self._client,
            [self._keys.decisions(), self._keys.decided(operation)],
            [keep, GUARD_LIFE_MS, *map(encode, decisions)],
        )

    async def read(
        self,
        since_ms: int | None = None,
        until_ms: int | None = None,
        *,
        is_latest_first: bool = False,
    ) -> AsyncIterator[Decision]:
        """Decisions of [since, until) by the store's clock, read by pages."""
        first = "-" if since_ms is None else str(since_ms)
        last = "+" if until_ms is None else f"({until_ms}-0"
        while True:
            if is_latest_first:
                command = ("XREVRANGE", self._keys.decisions(), last, first, "COUNT", PAGE)
            else:
                command = ("XRANGE", self._keys.decisions(), first, last, "COUNT", PAGE)
            page = await self._client.read(command)
            for _, fields in page:
                with suppress(ValueError, LookupError, TypeError, zlib.error):
                    # What another version wrote, as during an upgrade, is left out.
                    yield decode(fields[1])
            if len(page) < PAGE:
                return
            after = f"({page[-1][0].decode()}"
            first, last = (first, after) if is_latest_first else (after, last)


def encode(decision: Decision) -> bytes:
    """A decision as one field: its facts, then what a job packs of a request and its plan."""
    conditions = decision.conditions
    facts: list[object] = [
        decision.id,
        decision.at_s,
        decision.outcome,
        decision.chosen,
        {name: [closed.why, closed.detail] for name, closed in conditions.closed.items()},
        dict(conditions.latency_s),
        dict(conditions.success),
        [
            [use.budget_id, use.used_micro_usd, use.limit_micro_usd, int(use.match is not None)]
            for use in decision.budgets
        ],
    ]
    carrier = Job(
        id=JobId(decision.id),
        team=decision.team,
        key=decision.key,
        created_at_ms=0,
        deadline_at_ms=0,
        request=decision.request,
        fingerprint=_NO_FINGERPRINT,
        snapshot_digest=decision.snapshot_digest,
        plan=decision.plan,
    )
    return json_text(facts).encode() + _MARK + pack(carrier)


def decode(text: bytes) -> Decision:
    """Read one. Raises ValueError, LookupError, TypeError or zlib.error when it is damaged."""
    written, _, packed = text.partition(_MARK)
    facts: list[Any] = json.loads(written)
    number, at_s, outcome, chosen, closed, latency_s, success, budgets = facts
    # Past the cache: one look at the record must not push out the jobs that clients poll.
    team, key, _, _, _, digest, request, plan, *_ = unpack.__wrapped__(packed)
    return Decision(
        id=number,
        at_s=at_s,
        team=TeamId(team),
        key=KeyId(key),
        snapshot_digest=digest,
        request=request,
        conditions=Conditions(
            closed={
                name: Closed(why=Closure(why), detail=detail)
                for name, (why, detail) in closed.items()
            },
            latency_s=latency_s,
            success=success,
        ),
        budgets=tuple(
            BudgetUse(
                budget_id=budget,
                used_micro_usd=used,
                limit_micro_usd=limit,
                # Routing looks at whether a budget counts everything, not at what it counts.
                match=Match() if is_matched else None,
            )
            for budget, used, limit, is_matched in budgets
        ),
        plan=plan,
        outcome=outcome,
        chosen=chosen,
    )
