"""The JSON of this edge's answers as JSON Schema (draft 2020-12), for /openapi.json.

An object names every field it always has; callers must bear with fields they do not know.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from proxy.domain.bucket import LimitMode
from proxy.domain.errors import JOB_CODES, REQUEST_CODES
from proxy.domain.job import PublicStatus, Resolution, StoppedBy
from proxy.domain.policy import AudioSupport, FrameSupport, OnExceed, RouteClass
from proxy.domain.routing import Failover
from proxy.domain.source import Verb, Way
from proxy.domain.video import RESOLUTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    """Point at a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def text(description: str = "", **more: object) -> Schema:
    """A string."""
    return {"type": "string", **({"description": description} if description else {}), **more}


def whole(description: str = "", **more: object) -> Schema:
    """A whole number."""
    return {"type": "integer", **({"description": description} if description else {}), **more}


def one_of(values: Iterable[str], description: str = "") -> Schema:
    """One of so many strings."""
    return text(description, enum=[str(value) for value in values])


def constant(value: str) -> Schema:
    """The same string always."""
    return {"type": "string", "const": value}


def many(items: Schema, **more: object) -> Schema:
    """A list."""
    return {"type": "array", "items": items, **more}


def nullable(schema: Schema) -> Schema:
    """The same, or null."""
    if "enum" in schema:
        return {**schema, "type": [schema["type"], "null"], "enum": [*schema["enum"], None]}
    if isinstance(schema.get("type"), str):
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [*schema.get("anyOf", [schema]), {"type": "null"}]}


def record(properties: Mapping[str, Schema], *, optional: tuple[str, ...] = ()) -> Schema:
    """An object whose fields are all there, but for the optional ones."""
    return {
        "type": "object",
        "required": [name for name in properties if name not in optional],
        "properties": dict(properties),
    }


def mapping(values: Schema, **more: object) -> Schema:
    """An object with names that callers or the catalog choose."""
    return {"type": "object", "additionalProperties": values, **more}


FLAG: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "number"}
UNIX_S = whole("Unix time in seconds.")
DOLLARS = text("Dollars with six decimals.", pattern=r"^-?[0-9]+\.[0-9]{6}$")
SIZE = text("Width x height in pixels.", pattern="^[1-9][0-9]*x[1-9][0-9]*$")
SECONDS = text("Whole seconds.", pattern="^[1-9][0-9]*$")

ERROR_OF_JOB = nullable(record({"code": one_of(JOB_CODES), "message": text()}))

_CANDIDATE: Mapping[str, Schema] = {
    "rank": whole("Place among the candidates; the first is 1."),
    "provider": text(),
    "model": text(),
    "seconds": SECONDS,
    "size": SIZE,
    "audio": FLAG,
    "price_usd": nullable(DOLLARS),
    "score": nullable(NUMBER),
    "skipped": {"type": "boolean", "const": False},
    "reason": text("Why it stands where it stands."),
}
_SKIPPED = record(
    {
        "provider": text(),
        "model": text(),
        "price_usd": nullable(DOLLARS),
        "skipped": {"type": "boolean", "const": True},
        "code": text("Why it is not tried, as a word."),
        "detail": text("Why it is not tried, in words."),
    }
)
_SWITCH = nullable(
    record({"asked": text(), "budget_used": nullable(text()), "budget": nullable(text())})
)
FATES = ("chosen", "failed", "passed_over", "open")
"""What becomes of a candidate of a job."""

_ATTEMPT = record(
    {
        "id": text(),
        "number": whole(),
        "provider": text(),
        "model": text(),
        "cost_usd": record({"reserved": DOLLARS, "charged": nullable(DOLLARS)}),
        "money": one_of(Resolution),
        "reserved_at": UNIX_S,
        "submitted_at": nullable(UNIX_S),
        "error": ERROR_OF_JOB,
    }
)

_GREENLIGHT = record(
    {
        "policy": text("What ranked the offers."),
        "policy_switch": _SWITCH,
        "provider": text(),
        "model": text(),
        "requested_model": nullable(text("What was sent.")),
        "cost_usd": record({"reserved": DOLLARS, "charged": nullable(DOLLARS)}),
        "attempts": many(_ATTEMPT),
        "route": many({"anyOf": [ref("RoutedCandidate"), ref("SkippedOffer")]}),
        "stopped_by": nullable(one_of(StoppedBy)),
        "queue": nullable(
            record(
                {
                    "position": whole(),
                    "starts_in_s": nullable(NUMBER),
                    "reason": text("Of several things that it waits for the longest."),
                }
            )
        ),
        "artifact": nullable(
            record(
                {
                    "url": text("A signed link: it needs no key.", format="uri"),
                    "sha256": text(pattern="^[0-9a-f]{64}$"),
                    "bytes": whole(),
                    "expires_at": UNIX_S,
                }
            )
        ),
        "metadata": mapping(text()),
        "source": nullable(
            record(
                {
                    "id": text("The video that it was made from."),
                    "verb": one_of(verb for verb in Verb if verb is not Verb.CREATE),
                    "how": one_of(Way, "How the provider is given it."),
                }
            )
        ),
        "stale": {
            "type": "boolean",
            "const": True,
            "description": "The store does not answer: this is how the video last stood.",
        },
    },
    optional=("stale",),
)

_VIDEO = record(
    {
        "id": text(),
        "object": constant("video"),
        "model": text(),
        "status": one_of(PublicStatus),
        "progress": whole("Per cent.", minimum=0, maximum=100),
        "created_at": UNIX_S,
        "completed_at": nullable(UNIX_S),
        "expires_at": nullable(UNIX_S),
        "prompt": nullable(text()),
        "seconds": SECONDS,
        "size": SIZE,
        "remixed_from_video_id": nullable(text()),
        "error": ERROR_OF_JOB,
        "greenlight": _GREENLIGHT,
    }
)

_LEFT = record({"budget": text(), "scope": text(), "period": text(), "left": DOLLARS})
_QUOTE = record(
    {
        "object": constant("video.quote"),
        "would": {
            "anyOf": [
                {"const": 200},
                {"allOf": [ref("ErrorDetail"), record({"status": whole()})]},
            ],
            "description": "200, or the refusal that a create would get.",
        },
        "policy": nullable(text()),
        "policy_switch": _SWITCH,
        "requested_model": nullable(text()),
        "chosen": nullable(ref("Candidate")),
        "candidates": many(
            {
                "anyOf": [
                    record({**_CANDIDATE, "fits": FLAG, "left": many(_LEFT)}),
                    ref("SkippedOffer"),
                ]
            }
        ),
    }
)

_LIFECYCLE = record(
    {
        "state": one_of(("active", "deprecated", "retired")),
        "deprecated_at": nullable(UNIX_S),
        "retires_not_before": nullable(UNIX_S),
        "retires_at": nullable(UNIX_S),
        "successors": many(text()),
    }
)
_SUPPORT = record(
    {
        "how": many(one_of(Way)),
        "bytes_max": mapping(whole()),
        "seconds": nullable(many(whole("A length of the video that is started from."))),
        "adds": nullable(many(whole("A length that may be added."))),
        "resolutions": many(one_of(RESOLUTIONS)),
        "aspect_ratios": many(text()),
        "models": nullable(many(text("What may have made it; `*` stands for anything."))),
        "audio": one_of(AudioSupport),
    }
)
_OFFER = record(
    {
        "provider": text(),
        "upstream": text("The provider's name of the model."),
        "seconds": many(whole()),
        "resolutions": many(one_of(RESOLUTIONS)),
        "aspect_ratios": many(text()),
        "audio": one_of(AudioSupport),
        "audio_default": FLAG,
        "first_frame": one_of(FrameSupport),
        "last_frame": many(text("A resolution.")),
        "reference_images": nullable(
            record({"at_most": whole(), "seconds": many(whole()), "with_frames": FLAG})
        ),
        "negative_prompt": FLAG,
        "seed": FLAG,
        "prompt_chars_max": nullable(whole()),
        "pictures": record({"types": many(text("A media type.")), "bytes_max": whole()}),
        "create": FLAG,
        **{verb.value: nullable(_SUPPORT) for verb in Verb if verb is not Verb.CREATE},
        "typical_render_s": nullable(NUMBER),
        "prices": many(
            record(
                {
                    "for": many(one_of(Verb)),
                    "resolution": text(),
                    "audio": nullable(FLAG),
                    "per_second_usd": DOLLARS,
                    "of": one_of(("new", "whole"), "Which seconds of an extension."),
                    "at_least_usd": DOLLARS,
                },
            )
        ),
        "lifecycle": _LIFECYCLE,
    }
)
_ABOUT_MODEL = record(
    {
        "kind": constant("model"),
        "aliases": many(text()),
        "scores": mapping(NUMBER),
        "scores_as_of": nullable(text()),
        "offers": many(_OFFER),
    }
)
_OFFERS_MEANT = record({"provider": text(), "model": text()}, optional=("provider", "model"))
_ABOUT_POLICY = record(
    {
        "kind": constant("policy"),
        "is_default": FLAG,
        "require": record(
            {"seconds": whole(), "resolution": text(), "aspect_ratio": text(), "audio": FLAG},
            optional=("seconds", "resolution", "aspect_ratio", "audio"),
        ),
        "order": many(text()),
        "weigh": mapping(NUMBER),
        "when": many(
            record({"budget_used": text(), "budget": nullable(text()), "use": text()}),
        ),
        "prefer": many(_OFFERS_MEANT),
        "exclude": many(_OFFERS_MEANT),
        "fallback": nullable(text("The policy that plans where this one finds no offer.")),
        "failover": one_of(Failover),
    }
)
_MODEL = record(
    {
        "id": text(),
        "object": constant("model"),
        "created": whole(),
        "owned_by": text(),
        "greenlight": {"anyOf": [_ABOUT_MODEL, _ABOUT_POLICY]},
    }
)

_MATCHED = {"model": text(), "provider": text(), "policy": text(), "metadata": mapping(text())}
_ACCOUNT = record(
    {
        "budget": text(),
        "scope": text(),
        "match": nullable(record(_MATCHED, optional=tuple(_MATCHED))),
        "period": text(),
        "period_id": text(),
        "limit": DOLLARS,
        "spent": DOLLARS,
        "reserved": DOLLARS,
        "left": DOLLARS,
        "override": DOLLARS,
        "on_exceed": one_of(OnExceed),
        "resets_at": nullable(text(format="date-time")),
    }
)
_BUCKET = record(
    {
        "class": one_of(RouteClass),
        "key": nullable(text()),
        "capacity": whole(),
        "remaining": whole(),
        "full_in_s": NUMBER,
        "mode": one_of(LimitMode, "In shadow nobody is refused."),
    }
)
_COUNTS = ("unfinished", "unfinished_max", "running", "running_max")
_BUDGET = record(
    {
        "object": constant("budget"),
        "team": text(),
        "cost_center": nullable(text()),
        "accounts": many(_ACCOUNT),
        "limits": many(_BUCKET),
        "jobs": record({name: whole() for name in _COUNTS}),
    }
)

_ERROR_DETAIL = record(
    {
        "message": text("For people; it may change."),
        "type": text(),
        "param": nullable(text("The field, header or query parameter at fault.")),
        "code": one_of(REQUEST_CODES),
    }
)

COMPONENTS: Mapping[str, Schema] = MappingProxyType(
    {
        "Video": _VIDEO,
        "VideoList": record(
            {
                "object": constant("list"),
                "data": many(ref("Video")),
                "first_id": nullable(text()),
                "last_id": nullable(text()),
                "has_more": FLAG,
            }
        ),
        "VideoDeleted": record(
            {
                "id": text(),
                "object": constant("video.deleted"),
                "deleted": {"type": "boolean", "const": True},
            }
        ),
        "Candidate": record(_CANDIDATE),
        "RoutedCandidate": record({**_CANDIDATE, "outcome": one_of(FATES)}),
        "SkippedOffer": _SKIPPED,
        "Quote": _QUOTE,
        "Model": _MODEL,
        "ModelList": record({"object": constant("list"), "data": many(ref("Model"))}),
        "Budget": _BUDGET,
        "Specification": {"type": "object", "description": "This document."},
        "ErrorDetail": _ERROR_DETAIL,
        "Error": record({"error": ref("ErrorDetail")}),
    }
)
"""Every schema that an endpoint of this edge answers, by name."""
