"""The route table of the team API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.domain.errors import NotSupportedYet
from proxy.domain.policy import Scope
from proxy.http.budget import BudgetRoutes
from proxy.http.content import ContentRoutes
from proxy.http.middleware import ANYBODY, Access
from proxy.http.models import ModelRoutes
from proxy.http.videos import VideoRoutes

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.typedefs import Handler

    from proxy.gateway.ports.runtime import Clock
    from proxy.http.links import Links
    from proxy.http.services import VideoService

SUBMIT = Access(scope=Scope.SUBMIT)
READ = Access(scope=Scope.READ)
READ_OR_LINK = Access(scope=Scope.READ, takes_link=True)


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path."""

    method: str
    path: str
    handler: Handler
    access: Access


NOT_YET: tuple[tuple[str, str, Access], ...] = (
    ("POST", "/v1/videos/{id}/remix", SUBMIT),
    ("POST", "/v1/videos/edits", SUBMIT),
    ("POST", "/v1/videos/extensions", SUBMIT),
    ("POST", "/v1/videos/characters", SUBMIT),
    ("GET", "/v1/videos/characters/{id}", READ),
    ("GET", "/v1/videos/{id}/events", READ),
    ("GET", "/v1/models/{id}", READ),
    ("POST", "/callbacks/{provider}/{token}", ANYBODY),
    ("GET", "/openapi.json", ANYBODY),
)
"""Documented routes that are not built: they say so instead of not being there."""


def routes(videos: VideoService, *, links: Links, clock: Clock) -> tuple[Route, ...]:
    """Every route of the team API; GET routes answer HEAD too."""
    video = VideoRoutes(videos, links=links, clock=clock)
    content = ContentRoutes(videos, links=links, clock=clock)
    built = (
        Route("POST", "/v1/videos", video.create, SUBMIT),
        Route("GET", "/v1/videos", video.page, READ),
        Route("POST", "/v1/videos/quote", video.quote, READ),
        Route("GET", "/v1/videos/{id}", video.retrieve, READ),
        Route("DELETE", "/v1/videos/{id}", video.delete, SUBMIT),
        Route("POST", "/v1/videos/{id}/cancel", video.cancel, SUBMIT),
        Route("GET", "/v1/videos/{id}/content", content.fetch, READ_OR_LINK),
        Route("GET", "/v1/models", ModelRoutes(videos).page, READ),
        Route("GET", "/v1/budget", BudgetRoutes(videos).read, READ),
    )
    return built + tuple(Route(m, path, _not_built, access) for m, path, access in NOT_YET)


async def _not_built(request: web.Request) -> web.StreamResponse:
    resource = request.match_info.route.resource
    assert resource is not None
    message = f"{request.method} {resource.canonical} is not supported yet"
    raise NotSupportedYet(message)
