"""Every endpoint of the team API as data: what it is called with, and what it may answer.

`proxy.http.routes` gives each its handler, `proxy.http.openapi` describes each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.domain.policy import Scope
from proxy.http.middleware import ANYBODY, Access

if TYPE_CHECKING:
    from collections.abc import Sequence

SUBMIT = Access(scope=Scope.SUBMIT)
READ = Access(scope=Scope.READ)
READ_OR_LINK = Access(scope=Scope.READ, takes_link=True)

_CREATE_ERRORS = (
    "invalid_request",
    "not_supported_yet",
    "payload_too_large",
    "image_url_refused",
    "image_unavailable",
    "webhook_url_refused",
    "model_not_found",
)
RATE_HEADERS = (
    "RateLimit-Policy",
    "RateLimit",
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
)
_AGING = ("Deprecation", "Sunset")
_ADMISSION_ERRORS = (
    "no_route",
    "idempotency_conflict",
    "too_many_jobs",
    "moderation_cooldown",
    "budget_exceeded",
    "spending_frozen",
    "restore_needed",
)
_ADMISSION_PARAMETERS = ("IdempotencyKey", "Prefer", "Traceparent")
_ADMISSION_HEADERS = (
    *_AGING,
    "Preference-Applied",
    "Idempotency-Replayed",
    "Greenlight-Budget-Warning",
    "Greenlight-Stale",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One method of one path; a GET answers HEAD too.

    `answer` names the schema of the JSON it answers (None: a file). `errors`, `parameters` and
    `headers` are its own, beside what all of its kind have; the latter two are names of
    `proxy.http.parameters`. `body` names the schema of its body, `takes_event` says that this is
    whatever a provider sends, which is answered without a body. `is_stream`: it answers
    server-sent events. One with a `not_yet` is not built: it refuses with that advice.
    """

    method: str
    path: str
    access: Access
    id: str
    summary: str
    answer: str | None = None
    errors: Sequence[str] = ()
    parameters: Sequence[str] = ()
    headers: Sequence[str] = ()
    body: str | None = None
    takes_event: bool = False
    is_stream: bool = False
    is_revalidated: bool = False
    not_yet: str | None = None


CREATE = Endpoint(
    method="POST",
    path="/v1/videos",
    access=SUBMIT,
    id="createVideo",
    summary="Create a video",
    answer="Video",
    errors=(*_CREATE_ERRORS, *_ADMISSION_ERRORS),
    parameters=_ADMISSION_PARAMETERS,
    headers=_ADMISSION_HEADERS,
    body="CreateVideo",
)
PAGE = Endpoint(
    method="GET",
    path="/v1/videos",
    access=READ,
    id="listVideos",
    summary="List the team's videos",
    answer="VideoList",
    errors=("invalid_request",),
    parameters=("Limit", "After", "Order", "Status"),
    is_revalidated=True,
)
QUOTE = Endpoint(
    method="POST",
    path="/v1/videos/quote",
    access=READ,
    id="quoteVideo",
    summary="Say what a create, remix, edit or extension would do and cost, and do nothing",
    answer="Quote",
    errors=(*_CREATE_ERRORS, "video_not_found", "video_not_ready"),
    body="QuoteVideo",
)
_DERIVE_ERRORS = (
    "invalid_request",
    "not_supported_yet",
    "payload_too_large",
    "model_not_found",
    "video_not_found",
    "video_not_ready",
    "webhook_url_refused",
)
REMIX = Endpoint(
    method="POST",
    path="/v1/videos/{id}/remix",
    access=SUBMIT,
    id="remixVideo",
    summary="Make a completed video again, by another prompt",
    answer="Video",
    errors=(*_DERIVE_ERRORS, *_ADMISSION_ERRORS),
    parameters=("VideoId", *_ADMISSION_PARAMETERS),
    headers=_ADMISSION_HEADERS,
    body="RemixVideo",
)
EDIT = Endpoint(
    method="POST",
    path="/v1/videos/edits",
    access=SUBMIT,
    id="editVideo",
    summary="Change something in a completed video",
    answer="Video",
    errors=(*_DERIVE_ERRORS, *_ADMISSION_ERRORS),
    parameters=_ADMISSION_PARAMETERS,
    headers=_ADMISSION_HEADERS,
    body="EditVideo",
)
EXTEND = Endpoint(
    method="POST",
    path="/v1/videos/extensions",
    access=SUBMIT,
    id="extendVideo",
    summary="Make a completed video longer",
    answer="Video",
    errors=(*_DERIVE_ERRORS, *_ADMISSION_ERRORS),
    parameters=_ADMISSION_PARAMETERS,
    headers=_ADMISSION_HEADERS,
    body="ExtendVideo",
)
RETRIEVE = Endpoint(
    method="GET",
    path="/v1/videos/{id}",
    access=READ,
    id="retrieveVideo",
    summary="Retrieve a video as it stands",
    answer="Video",
    errors=("video_not_found",),
    parameters=("VideoId", "Prefer"),
    headers=(*_AGING, "openai-poll-after-ms", "Preference-Applied", "Greenlight-Stale"),
    is_revalidated=True,
)
DELETE = Endpoint(
    method="DELETE",
    path="/v1/videos/{id}",
    access=SUBMIT,
    id="deleteVideo",
    summary="Cancel what is unfinished, remove the file and forget the video",
    answer="VideoDeleted",
    errors=("video_not_found", "restore_needed"),
    parameters=("VideoId",),
)
CANCEL = Endpoint(
    method="POST",
    path="/v1/videos/{id}/cancel",
    access=SUBMIT,
    id="cancelVideo",
    summary="Cancel an unfinished video",
    answer="Video",
    errors=("video_not_found", "restore_needed"),
    parameters=("VideoId",),
    headers=_AGING,
)
CONTENT = Endpoint(
    method="GET",
    path="/v1/videos/{id}/content",
    access=READ_OR_LINK,
    id="downloadVideo",
    summary="Download the file of a completed video, or a range of it",
    errors=(
        "invalid_request",
        "not_supported_yet",
        "video_not_found",
        "video_not_ready",
        "range_not_satisfiable",
    ),
    parameters=("VideoId", "Variant", "Expires", "Range", "IfRange"),
    headers=(
        "Accept-Ranges",
        "Repr-Digest",
        "Content-Disposition",
        "Content-Security-Policy",
        "X-Content-Type-Options",
        "Greenlight-Stale",
    ),
    is_revalidated=True,
)
EVENTS = Endpoint(
    method="GET",
    path="/v1/videos/{id}/events",
    access=READ,
    id="streamEvents",
    summary="Follow a video by server-sent events, each with the whole Video as its data",
    errors=("video_not_found", "too_many_streams", "server_busy"),
    parameters=("VideoId", "LastEventId"),
    headers=("Cache-Control", "X-Accel-Buffering", "X-Content-Type-Options"),
    is_stream=True,
)
WEBHOOKS = Endpoint(
    method="GET",
    path="/v1/videos/{id}/webhooks",
    access=READ,
    id="listVideoWebhooks",
    summary="List who was told of a video's end, and what came of it",
    answer="WebhookLetters",
    errors=("video_not_found",),
    parameters=("VideoId",),
)
MODELS = Endpoint(
    method="GET",
    path="/v1/models",
    access=READ,
    id="listModels",
    summary="List the models and policies that the team may use",
    answer="ModelList",
    is_revalidated=True,
)
MODEL = Endpoint(
    method="GET",
    path="/v1/models/{id}",
    access=READ,
    id="retrieveModel",
    summary="Retrieve a model by its name or an alias, or a policy",
    answer="Model",
    errors=("model_not_found",),
    parameters=("ModelId",),
    is_revalidated=True,
)
BUDGET = Endpoint(
    method="GET",
    path="/v1/budget",
    access=READ,
    id="readBudget",
    summary="Read the team's accounts, limits and counts",
    answer="Budget",
)
SPECIFICATION = Endpoint(
    method="GET",
    path="/openapi.json",
    access=ANYBODY,
    id="readSpecification",
    summary="Read this document",
    answer="Specification",
    is_revalidated=True,
)
CALLBACK = Endpoint(
    method="POST",
    path="/callbacks/{provider}/{token}",
    access=ANYBODY,
    id="receiveCallback",
    summary="Receive a provider's word that a video is done, as a hint to ask about it",
    errors=(
        "invalid_request",
        "invalid_signature",
        "route_not_found",
        "payload_too_large",
        "store_unavailable",
    ),
    parameters=("Provider", "CallbackToken"),
    takes_event=True,
)

CREATE_CHARACTER = Endpoint(
    method="POST",
    path="/v1/videos/characters",
    access=SUBMIT,
    id="createCharacter",
    summary="Keep a character",
    not_yet="show the character in `input_reference` of a POST /v1/videos instead",
)
CHARACTER = Endpoint(
    method="GET",
    path="/v1/videos/characters/{id}",
    access=READ,
    id="retrieveCharacter",
    summary="Retrieve a character",
    parameters=("CharacterId",),
    not_yet="show the character in `input_reference` of a POST /v1/videos instead",
)

NOT_YET = (CREATE_CHARACTER, CHARACTER)
"""Documented endpoints that are not built: they say so instead of not being there."""
