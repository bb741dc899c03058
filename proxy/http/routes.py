"""The route table of the team API: every endpoint with its handler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.domain.errors import NotSupportedYet
from proxy.http import endpoints
from proxy.http.budget import BudgetRoutes
from proxy.http.callbacks import CallbackRoutes
from proxy.http.content import ContentRoutes
from proxy.http.events import EventRoutes
from proxy.http.letters import LetterRoutes
from proxy.http.models import ModelRoutes
from proxy.http.openapi import SpecificationRoute, document
from proxy.http.videos import VideoRoutes

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.typedefs import Handler

    from proxy.gateway.ports.runtime import Clock
    from proxy.http.endpoints import Endpoint
    from proxy.http.links import Links
    from proxy.http.services import CallbackService, VideoService


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint and what serves it."""

    endpoint: Endpoint
    handler: Handler


def routes(
    videos: VideoService, callbacks: CallbackService, *, links: Links, clock: Clock
) -> tuple[Route, ...]:
    """Every route of the team API; GET routes answer HEAD too."""
    video = VideoRoutes(videos, links=links, clock=clock)
    content = ContentRoutes(videos, links=links, clock=clock)
    models = ModelRoutes(videos)
    built = (
        Route(endpoints.CREATE, video.create),
        Route(endpoints.PAGE, video.page),
        Route(endpoints.QUOTE, video.quote),
        Route(endpoints.RETRIEVE, video.retrieve),
        Route(endpoints.DELETE, video.delete),
        Route(endpoints.CANCEL, video.cancel),
        Route(endpoints.REMIX, video.remix),
        Route(endpoints.EDIT, video.edit),
        Route(endpoints.EXTEND, video.extend),
        Route(endpoints.CONTENT, content.fetch),
        Route(endpoints.EVENTS, EventRoutes(videos, links=links, clock=clock).stream),
        Route(endpoints.WEBHOOKS, LetterRoutes(videos).of_video),
        Route(endpoints.MODELS, models.page),
        Route(endpoints.MODEL, models.retrieve),
        Route(endpoints.BUDGET, BudgetRoutes(videos).read),
        Route(endpoints.CALLBACK, CallbackRoutes(callbacks).receive),
    )
    table = built + tuple(Route(endpoint, _refusal(endpoint)) for endpoint in endpoints.NOT_YET)
    described = (*(route.endpoint for route in table), endpoints.SPECIFICATION)
    specification = SpecificationRoute(document(described, server_url=links.public_url or ""))
    return (*table, Route(endpoints.SPECIFICATION, specification.read))


def _refusal(endpoint: Endpoint) -> Handler:
    """The handler of an endpoint that is not built."""
    message = f"{endpoint.method} {endpoint.path} is not supported yet; {endpoint.not_yet}"

    async def refuse(_: web.Request) -> web.StreamResponse:
        raise NotSupportedYet(message)

    return refuse
