"""Letters as JSON, for teams and for administrators, and the team's route to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.video_event import origin_of
from proxy.http.answer import json_answer
from proxy.http.keys import CALLER
from proxy.http.ratelimit import rate_headers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiohttp import web

    from proxy.gateway.ports.letters import LetterState, Try
    from proxy.gateway.ports.notices import KnownReceiver
    from proxy.gateway.views import LettersView
    from proxy.http.services import VideoService

    Json = dict[str, object]
    Moment = Callable[[int], object]
    # Writes an instant, given in Unix milliseconds.


class LetterRoutes:
    """Handlers bound to the use case once, at start-up."""

    def __init__(self, videos: VideoService) -> None:
        self._videos = videos

    async def of_video(self, request: web.Request) -> web.Response:
        """GET /v1/videos/{id}/webhooks."""
        caller = request[CALLER]
        view = await self._videos.letters(caller, request.match_info["id"])
        body = {"object": "list", "data": letter_bodies(view, _unix_s)}
        return json_answer(body, headers=rate_headers(view.buckets, caller))


def letter_bodies(view: LettersView, moment: Moment) -> list[Json]:
    """Each letter, with what became of it."""
    return [_letter(letter, view.known, moment) for letter in view.letters]


def try_body(sending: Try, moment: Moment) -> Json:
    """One sending."""
    return {
        "at": moment(sending.at_ms),
        "outcome": sending.outcome.value,
        "status": sending.status,
        "fault": sending.fault or None,
        "took_ms": sending.took_ms,
    }


def _letter(letter: LetterState, known: Mapping[str, KnownReceiver], moment: Moment) -> Json:
    text = letter.text
    return {
        "object": "webhook.letter",
        "id": text.message,
        "type": text.kind,
        "receiver": text.receiver,
        "origin": _origin(letter, known),
        "sequence": text.sequence,
        "created_at": moment(text.at_ms),
        "state": letter.fate.value,
        "next_at": None if letter.next_at_ms is None else moment(letter.next_at_ms),
        "tries": letter.tries,
        "log": [try_body(each, moment) for each in letter.log],
        "answer": letter.excerpt or None,
    }


def _origin(letter: LetterState, known: Mapping[str, KnownReceiver]) -> str | None:
    if letter.text.url:
        return origin_of(letter.text.url)
    receiver = known.get(letter.text.receiver)
    return receiver.origin if receiver else None


def _unix_s(at_ms: int) -> int:
    return at_ms // 1000
