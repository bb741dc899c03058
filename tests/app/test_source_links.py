"""Links to the videos that jobs start from, at the address that holds now."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

from proxy.app.source_links import source_links
from proxy.gateway.live import Current, Live
from proxy.http.links import Links
from tests.builders import a_snapshot
from tests.fakes import ScriptedProviders
from tests.http.fakes import StillClock
from tests.job_builders import a_job_id

LINKS = Links(secret=b"0123456789abcdef")


def current(public_url: str | None) -> Current:
    snapshot = replace(a_snapshot(), public_url=public_url)
    return Current(snapshot=snapshot, providers=ScriptedProviders({}))


def test_a_link_begins_with_the_public_url_in_force() -> None:
    clock, live = StillClock(), Live(current(None))
    link_to = source_links(live, LINKS, clock)
    assert link_to(a_job_id()) is None
    live.replace(current("https://video.example.com"))
    link = link_to(a_job_id())
    assert link is not None
    assert link.startswith(f"https://video.example.com/v1/videos/{a_job_id()}/content?")
    query = parse_qs(urlsplit(link).query)
    LINKS.verify(
        a_job_id(),
        expires=query["expires"][0],
        signature=query["signature"][0],
        now_s=clock.now_s(),
        is_source=True,
    )
