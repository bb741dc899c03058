"""Typed builders of finished videos that are started from, and of offers that do so."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from proxy.domain.source import Source, SourceSupport, Verb, Way
from proxy.domain.source_fit import Given
from tests.builders import an_offer
from tests.job_builders import a_job

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from proxy.domain.ids import JobId
    from proxy.domain.job import Job
    from proxy.domain.policy import Offer, Snapshot
    from proxy.domain.video import VideoJob
    from proxy.gateway.views import Start


def a_source(
    verb: Verb = Verb.REMIX,
    job: Job | None = None,
    *,
    seconds: int | None = None,
    size_bytes: int = 1_000,
    account: str = "main",
) -> Source:
    """A finished video that is started from, made by the first candidate of `job`."""
    made = job or a_job()
    candidate = made.plan.candidates[0]
    return Source(
        id=made.id,
        verb=verb,
        seconds=made.seconds if seconds is None else seconds,
        resolution=candidate.shape.resolution,
        aspect_ratio=candidate.shape.aspect_ratio,
        size_bytes=size_bytes,
        sha256=hashlib.sha256(b"a video").hexdigest(),
        model=candidate.model,
        provider=candidate.provider,
        upstream=candidate.upstream,
        account=account,
        operation={"task_id": "task-1"},
    )


def begun(request: VideoJob, start: Start | None, find: Callable[[str], Job]) -> VideoJob:
    """The request with the video that it starts from, if it does."""
    if start is None:
        return request
    return replace(request, source=a_source(start.verb, find(start.video_id)))


def a_link(snapshot: Snapshot, job: JobId) -> str | None:
    """Where a provider would fetch the video that a job starts from."""
    return None if snapshot.public_url is None else f"{snapshot.public_url}/{job}"


def a_given(
    source: Source | None = None, *, has_account: bool = True, has_links: bool = True
) -> Given:
    return Given(source=source or a_source(), has_account=has_account, has_links=has_links)


def a_support(
    *ways: Way,
    bytes_max: Mapping[Way, int] | None = None,
    seconds: Sequence[int] = (),
    adds: Sequence[int] = (),
    models: Sequence[str] = (),
    is_silent: bool = False,
) -> SourceSupport:
    """Where the video was made, unless other ways are given."""
    return SourceSupport(
        ways=ways or (Way.ORIGIN,),
        bytes_max=MappingProxyType(dict(bytes_max or {})),
        seconds=tuple(seconds),
        adds=tuple(adds),
        models=tuple(models),
        is_silent=is_silent,
    )


def that_can(verbs: Mapping[Verb, SourceSupport], offer: Offer | None = None) -> Offer:
    """An offer that does more than create, at the prices of its creates."""
    sold = offer or an_offer()
    return replace(
        sold,
        can=replace(sold.can, verbs=MappingProxyType(dict(verbs))),
        prices=tuple(replace(price, verbs=frozenset(Verb)) for price in sold.prices),
    )
