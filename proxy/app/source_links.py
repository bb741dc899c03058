"""Links to the videos that jobs start from, for providers that fetch them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.domain.ids import JobId
    from proxy.gateway.live import Live
    from proxy.gateway.ports.runtime import Clock
    from proxy.http.links import Links


def source_links(live: Live, links: Links, clock: Clock) -> Callable[[JobId], str | None]:
    """Make what signs a link, at the `public_url` in force; None while there is none."""

    def link(job: JobId) -> str | None:
        public_url = live.snapshot.public_url
        if public_url is None:
            return None
        reachable = replace(links, public_url=public_url)
        return reachable.sign_source(job, now_s=clock.now_s()).url

    return link
