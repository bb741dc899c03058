"""A small server that answers as the team's API does, one prepared answer after the other."""

from __future__ import annotations

import hashlib
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

JOB = "video_abcdefghijklmnopqrstuvwx"
FILM = b"not really a film, but bytes" * 5000

Json = dict[str, object]


def a_video(**changed: object) -> Json:
    status = changed.get("status", "completed")
    has_file = status == "completed"
    return {
        "id": JOB,
        "object": "video",
        "model": "kling-3.0",
        "status": status,
        "progress": 100 if has_file else 40,
        "created_at": 1_795_000_000,
        "seconds": "4",
        "size": "1280x720",
        "error": None,
        "greenlight": {
            "policy": "balanced",
            "provider": "kling",
            "model": "kling-3.0",
            "requested_model": "sora-2",
            "cost_usd": {
                "reserved": "0.000000" if has_file else "0.336000",
                "charged": "0.336000" if has_file else None,
            },
            "attempts": [
                {
                    "number": 1,
                    "provider": "vertex",
                    "model": "veo-3.1",
                    "money": "released",
                    "cost_usd": {"reserved": "1.600000", "charged": "0.000000"},
                    "error": {"code": "provider_unavailable", "message": "503"},
                },
            ],
            "route": [
                an_offer(),
                {
                    "provider": "runway",
                    "model": "gen4.5",
                    "price_usd": None,
                    "skipped": True,
                    "code": "not_configured",
                    "detail": "no account is configured",
                },
            ],
            "artifact": {"sha256": hashlib.sha256(FILM).hexdigest()} if has_file else None,
        },
        **changed,
    }


def an_offer(**changed: object) -> Json:
    return {
        "provider": "kling",
        "model": "kling-3.0",
        "seconds": "4",
        "size": "1280x720",
        "audio": True,
        "price_usd": "0.336000",
        "skipped": False,
        "reason": "score 0.812",
        **changed,
    }


def a_budget() -> Json:
    return {
        "object": "budget",
        "team": "marketing",
        "accounts": [
            {
                "budget": "monthly",
                "scope": "team:marketing",
                "match": None,
                "period": "month",
                "period_id": "2026-11",
                "limit": "5000.000000",
                "spent": "2500.000000",
                "reserved": "0.336000",
                "left": "2499.664000",
                "resets_at": "2026-12-01T05:00:00Z",
            },
            {
                "budget": "veo",
                "scope": "team:marketing",
                "match": {"model": "veo-3.1*"},
                "period": "total",
                "period_id": "total",
                "limit": "0.000000",
                "spent": "0.000000",
                "reserved": "0.000000",
                "left": "0.000000",
                "resets_at": None,
            },
        ],
        "limits": [{"class": "submit", "key": None, "capacity": 20, "remaining": 19}],
        "jobs": {"unfinished": 1, "unfinished_max": 500, "running": 1, "running_max": 8},
    }


def an_error(code: str, message: str) -> Json:
    return {"error": {"code": code, "message": message, "type": "x", "param": None}}


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str


@dataclass
class FakeProxy:
    """`answers` (status and body) are given in order, the last one again and again.

    The first `cuts` requests are answered by the end of the connection.
    """

    url: str = ""
    key: str = "gl_abcdefgh_secret"
    answers: list[tuple[int, Json | bytes]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    cuts: int = 0

    def will_answer(self, body: Json | bytes, status: int = 200) -> None:
        self.answers.append((status, body))

    async def answer(self, request: web.Request) -> web.Response:
        body = (await request.read()).decode(errors="replace")
        query = dict(request.query)
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append(Asked(request.method, request.path, query, headers, body))
        if request.headers.get("Authorization") != f"Bearer {self.key}":
            return web.json_response(an_error("invalid_api_key", "no such key"), status=401)
        if self.cuts > 0 and request.transport is not None:
            self.cuts -= 1
            request.transport.abort()
            return web.Response()
        status, answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if isinstance(answer, bytes):
            return web.Response(body=answer, status=status)
        after = {"openai-poll-after-ms": "10", "x-should-retry": "false"}
        return web.json_response(answer, status=status, headers=after)


@asynccontextmanager
async def serving() -> AsyncIterator[FakeProxy]:
    fake = FakeProxy()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fake.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield fake
    finally:
        await runner.cleanup()
