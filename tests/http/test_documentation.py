"""docs/api.md names every route, field and header."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.http.apps import public_app
from proxy.http.fields import ALIASES, FIELDS
from proxy.http.links import Links
from proxy.http.services import Services
from tests.fakes import RecordingObserver
from tests.http.fakes import RecordingVideos, StillClock
from tests.http.heard import RecordingCallbacks

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


def served() -> set[str]:
    """Every method and path of the team API, as the document writes them."""
    videos = RecordingVideos()
    app = public_app(
        Services(
            videos=videos,
            authenticate=videos.authenticate,
            callbacks=RecordingCallbacks(),
        ),
        links=Links(secret=b"0123456789abcdef"),
        clock=StillClock(),
        observer=RecordingObserver(),
        random_bytes=bytes,
    )
    return {
        f"{route.method} {route.resource.canonical}"
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }


@pytest.mark.parametrize("route", sorted(served()))
def test_every_route_is_documented(route: str) -> None:
    assert f"`{route}`" in PAGE


@pytest.mark.parametrize("field", [*FIELDS, *ALIASES])
def test_every_field_is_documented(field: str) -> None:
    assert f"`{field}`" in PAGE
