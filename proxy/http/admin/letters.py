"""Handlers of the admin API about letters: who was told what, and telling it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.errors import InvalidRequest
from proxy.domain.instant import iso_ms
from proxy.gateway.ports.letters import Wanted
from proxy.http.admin import endpoints
from proxy.http.admin.bodies import list_body
from proxy.http.admin.fields import body_of, limit_of, optional_text, query_of, text
from proxy.http.answer import json_answer
from proxy.http.letters import letter_bodies, try_body

if TYPE_CHECKING:
    from aiohttp import web

    from proxy.gateway.admin.letters import LetterDesk, ReceiverLine
    from proxy.http.admin.access import TokenMandates

    Json = dict[str, object]

UNDELIVERED, WAITING = "undelivered", "waiting"


class LetterAdminRoutes:
    """Handlers below /admin/v1/webhooks."""

    def __init__(self, desk: LetterDesk, mandates: TokenMandates) -> None:
        self._desk = desk
        self._mandates = mandates

    async def find(self, request: web.Request) -> web.Response:
        """GET /webhooks: of one job, or of all those that nobody took, or that wait."""
        query = query_of(request, endpoints.WEBHOOKS)
        job, state = query.get("job"), query.get("state", UNDELIVERED)
        if state not in (UNDELIVERED, WAITING):
            message = f"{state[:64]!r} is not a state; allowed: {UNDELIVERED}, {WAITING}"
            raise InvalidRequest(message, param="state")
        if job is not None:
            view, has_more = await self._desk.of_job(job), False
        else:
            wanted = Wanted(team=query.get("team"), receiver=query.get("receiver"))
            find = self._desk.waiting if state == WAITING else self._desk.undelivered
            view, has_more = await find(wanted, limit_of(query))
        teams = (letter.text.team or None for letter in view.letters)
        bodies = letter_bodies(view, iso_ms)
        data = [{**body, "team": team} for body, team in zip(bodies, teams, strict=True)]
        return json_answer(list_body(data, has_more=has_more))

    async def receivers(self, _: web.Request) -> web.Response:
        """GET /webhooks/receivers."""
        lines = await self._desk.receivers()
        return json_answer(list_body(map(_receiver, lines)))

    async def replay(self, request: web.Request) -> web.Response:
        """POST /webhooks/replay: a job's end, or what a receiver has not taken."""
        body = await body_of(request, endpoints.REPLAY)
        mandate = self._mandates(request, reason=text(body, "reason"))
        job, receiver = optional_text(body, "job"), optional_text(body, "receiver")
        if job is not None and receiver is None:
            done = await self._desk.replay_job(job, mandate)
        elif receiver is not None and job is None:
            done = await self._desk.replay_receiver(receiver, mandate)
        else:
            message = "give job or receiver, and not both"
            raise InvalidRequest(message, param="job")
        return json_answer(
            {"object": "webhook.replay", "letters": done.letters, "has_more": done.has_more}
        )


def _receiver(line: ReceiverLine) -> Json:
    state, known = line.state, line.known
    rests_until_ms = state.rests_until_ms
    return {
        "object": "webhook.receiver",
        "id": state.id,
        "team": known.team or None if known else None,
        "origin": known.origin if known else None,
        "on": list(known.kinds) if known else [],
        "configured": known is not None,
        "waiting": state.waiting,
        "failures": state.failures,
        "rests_until": None if rests_until_ms is None else iso_ms(rests_until_ms),
        "latest": [{"id": message, **try_body(each, iso_ms)} for each, message in state.latest],
    }
