"""The restore of a lost store: what it would do, and doing it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from proxy.domain.errors import InvalidRequest
from proxy.domain.instant import iso_ms
from proxy.domain.money import format_usd
from proxy.gateway.ports.ledger import Posted
from proxy.gateway.ports.restore import Outlook
from proxy.gateway.restore.desk import Queued, Wanted
from proxy.gateway.restore.survey import Condition
from proxy.http.admin import endpoints
from proxy.http.admin.fields import body_of, optional_text, text
from proxy.http.answer import json_answer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp import web

    from proxy.domain.job import Job
    from proxy.domain.ledger import Entry
    from proxy.domain.proof import Sums
    from proxy.gateway.restore.desk import Restored, RestoreDesk
    from proxy.gateway.restore.survey import Survey
    from proxy.http.admin.access import TokenMandates
    from proxy.http.admin.fields import Fields

Json = dict[str, object]
Choice = TypeVar("Choice", bound=StrEnum)


_FORGOTTEN = ("freezes", "drains", "revoked_keys")
"""What persons had in force, and no file knows."""


class RestoreRoutes:
    """Handlers below /admin/v1."""

    def __init__(self, desk: RestoreDesk, mandates: TokenMandates) -> None:
        self._desk = desk
        self._mandates = mandates

    async def survey(self, _: web.Request) -> web.Response:
        """GET /ledger/restore: changes nothing."""
        return json_answer({**_survey_body(await self._desk.survey()), "applied": False})

    async def restore(self, request: web.Request) -> web.Response:
        """POST /ledger/restore."""
        body = await body_of(request, endpoints.RESTORE)
        mandate = self._mandates(request, reason=text(body, "reason"))
        wanted = Wanted(
            outlook=_choice(body, "open", Outlook), queued=_choice(body, "queued", Queued)
        )
        return json_answer(_restored_body(await self._desk.restore(wanted, mandate)))


def _choice(body: Fields, name: str, kind: type[Choice]) -> Choice | None:
    value = optional_text(body, name)
    if value is None:
        return None
    try:
        return kind(value)
    except ValueError as error:
        message = f"{name} must be {' or '.join(kind)}"
        raise InvalidRequest(message, param=name) from error


def _survey_body(found: Survey) -> Json:
    days = found.days
    return {
        "object": "ledger.restore",
        "store": found.condition.value,
        "needed": found.is_needed,
        "files": {
            "days": len(days),
            "first": days[0].day if days else None,
            "last": days[-1].day if days else None,
        },
        "entries": found.entries,
        "last_entry_at": iso_ms(found.last_ms) if found.last_ms is not None else None,
        "lost": None
        if found.gap is None
        else {"since": iso_ms(found.gap.since_ms), "until": iso_ms(found.gap.until_ms)},
        "balances": {
            "count": found.balances,
            "differing": [
                {
                    "balance": each.balance,
                    **_sums("stored", each.stored),
                    **_sums("", each.expected),
                }
                for each in found.changes
            ],
        },
        "overrides": [
            {
                "id": lift.operation,
                "balance": lift.balance,
                "amount": format_usd(lift.amount_micro_usd),
                "until": iso_ms(lift.until_ms),
            }
            for lift in found.lifts
        ],
        "attempts": [_attempt(entry) for entry in found.lost],
        "overtaken": _jobs(found.overtaken),
        "queued": _jobs(found.queued),
        "unknown": [] if found.condition is Condition.WHOLE else list(_FORGOTTEN),
    }


def _restored_body(done: Restored) -> Json:
    attempts = []
    for entry in done.found.lost:
        result = done.attempts[entry.attempt]
        posted = result if isinstance(result, Posted) else None
        attempts.append(
            {
                **_attempt(entry),
                "entry": posted and posted.entry_id,
                "charged": posted and format_usd(posted.amount_micro_usd),
            }
        )
    return {
        **_survey_body(done.found),
        "applied": True,
        "attempts": attempts,
        "ended": [job.id for job in done.jobs],
    }


def _sums(prefix: str, sums: Sums) -> Json:
    start = f"{prefix}_" if prefix else ""
    return {
        f"{start}spent": format_usd(sums.spent_micro_usd),
        f"{start}held": format_usd(sums.reserved_micro_usd),
    }


def _attempt(entry: Entry) -> Json:
    return {
        "attempt": entry.attempt,
        "team": entry.team,
        "provider": entry.charge.provider,
        "model": entry.charge.model,
        "held": format_usd(entry.reserved_micro_usd),
        "reserved_at": iso_ms(entry.at_ms),
    }


def _jobs(jobs: Iterable[Job]) -> list[Json]:
    return [
        {
            "job": job.id,
            "team": job.team,
            "state": job.state.value,
            "held": format_usd(job.attempt.reserved_micro_usd),
        }
        for job in jobs
    ]
