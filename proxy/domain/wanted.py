"""What a request wants: open fields filled from its source, its policy, and the defaults."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.domain.capability import Wanted
from proxy.domain.errors import InvalidRequest
from proxy.domain.source_fit import Given

if TYPE_CHECKING:
    from proxy.domain.policy import Snapshot
    from proxy.domain.routing import RoutingPolicy
    from proxy.domain.source import Source
    from proxy.domain.video import VideoJob

DEFAULT_RESOLUTION = "720p"
DEFAULT_ASPECT_RATIO = "16:9"


def wanted_of(job: VideoJob, policy: RoutingPolicy, snapshot: Snapshot) -> Wanted:
    """Fill open fields from the source, from the policy's `require`, then from the defaults.

    Raises:
        InvalidRequest: a field, or the source, conflicts with the policy's `require`.
    """
    if job.source is not None:
        job, policy = _like_its_source(job, job.source, policy)
    _refuse_conflicts(job, policy)
    return Wanted(
        seconds=job.seconds or policy.require_seconds,
        resolution=job.resolution or policy.require_resolution or DEFAULT_RESOLUTION,
        aspect_ratio=job.aspect_ratio or policy.require_aspect_ratio or DEFAULT_ASPECT_RATIO,
        audio=policy.require_audio if job.audio is None else job.audio,
        has_first_frame=job.input_reference is not None,
        prompt_chars=len(job.prompt),
        has_last_frame=job.last_frame is not None,
        reference_images=len(job.reference_images),
        negative_prompt_chars=None if job.negative_prompt is None else len(job.negative_prompt),
        has_seed=job.seed is not None,
        pictures=job.pictures,
        given=None if job.source is None else _given(job.source, snapshot),
    )


def _like_its_source(
    job: VideoJob, source: Source, policy: RoutingPolicy
) -> tuple[VideoJob, RoutingPolicy]:
    """Take over the source's form. What a policy says of seconds is about whole videos."""
    shaped = replace(
        job,
        seconds=job.seconds or source.seconds,
        resolution=source.resolution,
        aspect_ratio=source.aspect_ratio,
    )
    return shaped, replace(policy, require_seconds=None)


def _given(source: Source, snapshot: Snapshot) -> Given:
    maker = snapshot.providers.get(source.provider)
    return Given(
        source=source,
        has_account=maker is not None and maker.has(source.account),
        has_links=snapshot.public_url is not None,
    )


def _refuse_conflicts(job: VideoJob, policy: RoutingPolicy) -> None:
    fields: tuple[tuple[str, object, object], ...] = (
        ("seconds", job.seconds, policy.require_seconds),
        ("resolution", job.resolution, policy.require_resolution),
        ("aspect_ratio", job.aspect_ratio, policy.require_aspect_ratio),
        ("audio", job.audio, policy.require_audio),
    )
    for param, asked, required in fields:
        if asked is not None and required is not None and asked != required:
            rule = f"policy {policy.name!r}, which requires {required!r}"
            message = f"{param} {asked!r} conflicts with {rule}"
            is_source_s = job.source is not None and param != "audio"
            if is_source_s:
                message = f"the video's {message}; name another policy"
            raise InvalidRequest(message, param="policy" if is_source_s else param)
