"""The routes of /v1/videos that answer JSON."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from proxy.domain.errors import InvalidRequest, StoreUnavailable
from proxy.domain.job import PublicStatus
from proxy.domain.source import Verb
from proxy.gateway.views import Patience
from proxy.http import render
from proxy.http.answer import json_answer, revalidated
from proxy.http.fingerprint import fingerprint
from proxy.http.headers import (
    idempotency_key,
    is_poll_helper,
    preferred_wait_s,
    sdk_try,
    traceparent,
)
from proxy.http.keys import CALLER
from proxy.http.parse import read_create, read_derivation, read_quote
from proxy.http.quote import quote_body
from proxy.http.ratelimit import rate_headers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from proxy.domain.ids import JobId
    from proxy.domain.video import InputFile, VideoJob
    from proxy.gateway.ports.runtime import Clock
    from proxy.gateway.views import Caller, JobView, Start
    from proxy.http.fields import Draft
    from proxy.http.links import Links
    from proxy.http.pictures import Picture
    from proxy.http.services import VideoService

LIST_DEFAULT = 20
LIST_MAX = 100
CREATE_ROUTE = "/v1/videos"
DERIVE_ROUTES: Mapping[Verb, str] = MappingProxyType(
    {
        Verb.REMIX: "/v1/videos/{id}/remix",
        Verb.EDIT: "/v1/videos/edits",
        Verb.EXTEND: "/v1/videos/extensions",
    }
)
"""What tells equal fields from one another in a fingerprint, beside the video they are about."""
_STATUSES = tuple(status.value for status in PublicStatus)


class VideoRoutes:
    """Handlers bound to the use cases once, at start-up."""

    def __init__(self, videos: VideoService, *, links: Links, clock: Clock) -> None:
        self._videos = videos
        self._links = links
        self._clock = clock

    async def create(self, request: web.Request) -> web.Response:
        """POST /v1/videos."""
        caller = request[CALLER]
        key, number = idempotency_key(request), sdk_try(request)
        job_id: JobId | None = None
        async with read_create(request) as draft:
            outline = draft.outline()
            prints = fingerprint(outline, method="POST", route=CREATE_ROUTE)
            job = outline
            try:
                if draft.pictures:
                    job_id = self._videos.new_id()
                    job = await self._with_pictures(caller, draft, job_id)
            except StoreUnavailable as refusal:
                raise await self._videos.refused_early(
                    caller,
                    refusal,
                    fingerprint=prints,
                    idempotency_key=key,
                    sdk_try=number,
                ) from refusal
        return await self._admit(request, job, prints, job_id=job_id)

    async def remix(self, request: web.Request) -> web.Response:
        """POST /v1/videos/{id}/remix."""
        return await self._derive(request, Verb.REMIX, request.match_info["id"])

    async def edit(self, request: web.Request) -> web.Response:
        """POST /v1/videos/edits."""
        return await self._derive(request, Verb.EDIT)

    async def extend(self, request: web.Request) -> web.Response:
        """POST /v1/videos/extensions."""
        return await self._derive(request, Verb.EXTEND)

    async def _derive(
        self, request: web.Request, verb: Verb, video_id: str | None = None
    ) -> web.Response:
        job, start = await read_derivation(request, verb, video_id)
        prints = fingerprint(job, method="POST", route=DERIVE_ROUTES[verb], video=start.video_id)
        return await self._admit(request, job, prints, start=start)

    async def _admit(
        self,
        request: web.Request,
        job: VideoJob,
        prints: str,
        *,
        start: Start | None = None,
        job_id: JobId | None = None,
    ) -> web.Response:
        caller = request[CALLER]
        view = await self._videos.create(
            caller,
            job,
            fingerprint=prints,
            idempotency_key=idempotency_key(request),
            sdk_try=sdk_try(request),
            patience=_patience(request),
            start=start,
            job_id=job_id,
            trace=traceparent(request),
        )
        added = {"Idempotency-Replayed": "true"} if view.is_replay else {}
        if view.budget_warnings:
            added["Greenlight-Budget-Warning"] = ", ".join(view.budget_warnings)
        return self._answer(request, caller, view, added)

    async def _with_pictures(self, caller: Caller, draft: Draft, job_id: JobId) -> VideoJob:
        """Store pictures before admission: no admitted job waits for bytes that may not come."""
        await self._videos.check(caller, draft.outline())
        pictures = [await self._stored(caller, picture, job_id) for picture in draft.pictures]
        return draft.job(pictures)

    async def _stored(self, caller: Caller, picture: Picture, job_id: JobId) -> InputFile:
        source, param = picture.source, picture.param
        if isinstance(source, str):
            return await self._videos.fetch_input(caller, source, param=param, job_id=job_id)
        return await self._videos.save_input(
            caller, source.chunks(), source.media_type, param=param, job_id=job_id
        )

    async def quote(self, request: web.Request) -> web.Response:
        """POST /v1/videos/quote: the body of a create or of another verb, nothing kept."""
        caller = request[CALLER]
        job, start = await read_quote(request)
        view = await self._videos.quote(caller, job, start=start)
        return json_answer(quote_body(view), headers=rate_headers(view.buckets, caller))

    async def retrieve(self, request: web.Request) -> web.Response:
        """GET /v1/videos/{id}: answered from the store."""
        caller = request[CALLER]
        view = await self._videos.get(
            caller, request.match_info["id"], patience=_patience(request)
        )
        ask_ms = view.poll_every_ms if is_poll_helper(request) else view.poll_after_ms
        headers = {"openai-poll-after-ms": str(ask_ms)}
        return revalidated(request, self._answer(request, caller, view, headers))

    async def page(self, request: web.Request) -> web.Response:
        """GET /v1/videos."""
        caller = request[CALLER]
        view = await self._videos.page(
            caller,
            after=request.query.get("after"),
            limit=_limit(request.query.get("limit")),
            is_ascending=_one_of(request, "order", ("asc", "desc")) == "asc",
            status=_one_of(request, "status", _STATUSES),
        )
        scene = render.scene_of(request, self._links, self._clock)
        ids = [job.id for job in view.jobs]
        body = {
            "object": "list",
            "data": [render.video(job, scene, wait=view.waits.get(job.id)) for job in view.jobs],
            "first_id": ids[0] if ids else None,
            "last_id": view.last,
            "has_more": view.has_more,
        }
        answer = json_answer(body, headers=rate_headers(view.buckets, caller))
        return revalidated(request, answer)

    async def cancel(self, request: web.Request) -> web.Response:
        """POST /v1/videos/{id}/cancel."""
        caller = request[CALLER]
        view = await self._videos.cancel(caller, request.match_info["id"])
        return self._answer(request, caller, view, {})

    async def delete(self, request: web.Request) -> web.Response:
        """DELETE /v1/videos/{id}."""
        caller = request[CALLER]
        job_id = request.match_info["id"]
        buckets = await self._videos.delete(caller, job_id)
        body = {"id": job_id, "object": "video.deleted", "deleted": True}
        return json_answer(body, headers=rate_headers(buckets, caller))

    def _answer(
        self, request: web.Request, caller: Caller, view: JobView, headers: dict[str, str]
    ) -> web.Response:
        scene = render.scene_of(request, self._links, self._clock)
        waited = {"Preference-Applied": f"wait={preferred_wait_s(request)}"}
        return json_answer(
            render.video(
                view.job,
                scene,
                wait=view.wait,
                is_stale=view.stale_s is not None,
            ),
            headers={
                **rate_headers(view.buckets, caller),
                **render.aging_headers(view.offer, scene.now_s),
                **(waited if view.has_waited else {}),
                **render.stale_headers(view.stale_s),
                **headers,
            },
        )


def _patience(request: web.Request) -> Patience | None:
    wait_s = preferred_wait_s(request)
    if wait_s is None:
        return None

    def is_gone() -> bool:
        return request.transport is None or request.transport.is_closing()

    return Patience(wait_s=wait_s, is_gone=is_gone)


def _limit(text: str | None) -> int:
    if text is None:
        return LIST_DEFAULT
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(LIST_MAX))
    if not is_number or int(text) > LIST_MAX:
        message = f"limit must be a whole number from 0 to {LIST_MAX}"
        raise InvalidRequest(message, param="limit")
    return int(text)


def _one_of(request: web.Request, name: str, allowed: tuple[str, ...]) -> str | None:
    value = request.query.get(name)
    if value is not None and value not in allowed:
        message = f"{name} must be one of {', '.join(allowed)}"
        raise InvalidRequest(message, param=name)
    return value
