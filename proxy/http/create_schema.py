"""Bodies as JSON Schema: what `proxy.http.fields` and `derived` take, field by field."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from proxy.domain.source import Verb
from proxy.domain.video import RESOLUTIONS, Substitute
from proxy.http.derived import QUOTE_FIELDS, SECONDS, VERB_FIELDS, VIDEO
from proxy.http.fields import (
    ALIASES,
    DEADLINE_S_MAX,
    FIELDS,
    METADATA_KEY_CHARS_MAX,
    METADATA_PAIRS_MAX,
    METADATA_VALUE_CHARS_MAX,
    NAME_CHARS_MAX,
    PROMPT_CHARS_MAX,
    SECONDS_MAX,
    SEED_MAX,
    URL_CHARS_MAX,
)
from proxy.http.pictures import REFERENCES_MAX
from proxy.http.schemas import FLAG, NUMBER, Schema, many, mapping, nullable, one_of, text, whole
from proxy.http.sizes import SIZES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NOT_BLANK = r"\S"
_IMAGE: Schema = {
    "anyOf": [
        text("A data URL or a web address."),
        {
            "type": "object",
            "required": ["image_url"],
            "properties": {"image_url": text()},
            "additionalProperties": False,
        },
    ]
}
_FILE: Schema = {"anyOf": [text("A JPEG, PNG or WebP file.", format="binary"), *_IMAGE["anyOf"]]}
_FILES: dict[str, Schema] = {
    "input_reference": _FILE,
    "last_frame": _FILE,
    "reference_images": many(_FILE, maxItems=REFERENCES_MAX),
}
_SECONDS: Schema = {
    "anyOf": [
        whole(minimum=1, maximum=SECONDS_MAX),
        text(pattern="^0*([1-9][0-9]{0,2}|[12][0-9]{3}|3[0-5][0-9]{2}|3600)$", maxLength=9),
    ],
    "description": "The length of the video.",
}

_FIELDS: dict[str, Schema] = {
    "prompt": text("What to show.", minLength=1, maxLength=PROMPT_CHARS_MAX, pattern=_NOT_BLANK),
    "model": text(
        "A model, an alias or a policy, as GET /v1/models lists them.",
        maxLength=NAME_CHARS_MAX,
        pattern=_NOT_BLANK,
    ),
    "policy": text("What ranks the offers.", maxLength=NAME_CHARS_MAX, pattern=_NOT_BLANK),
    "seconds": _SECONDS,
    "size": one_of(SIZES, "Width x height; never together with resolution or aspect_ratio."),
    "resolution": one_of(RESOLUTIONS),
    "aspect_ratio": text("Such as 16:9.", pattern="^[1-9][0-9]?:[1-9][0-9]?$"),
    "input_reference": {**_IMAGE, "description": "The first frame."},
    "last_frame": {**_IMAGE, "description": "The last frame."},
    "reference_images": many(
        _IMAGE, maxItems=REFERENCES_MAX, description="Pictures of what should appear."
    ),
    "audio": FLAG,
    "negative_prompt": text(
        "What not to show.", minLength=1, maxLength=PROMPT_CHARS_MAX, pattern=_NOT_BLANK
    ),
    "seed": whole(minimum=0, maximum=SEED_MAX),
    "metadata": mapping(
        text(maxLength=METADATA_VALUE_CHARS_MAX),
        maxProperties=METADATA_PAIRS_MAX,
        propertyNames={"maxLength": METADATA_KEY_CHARS_MAX, "pattern": _NOT_BLANK},
        description="Kept with the job; budgets can match it.",
    ),
    "webhook_url": text(
        "Where the end of this video is told, by a signed POST; https, to a public host.",
        maxLength=URL_CHARS_MAX,
        pattern=_NOT_BLANK,
    ),
    "max_cost_usd": {
        "anyOf": [
            {**NUMBER, "minimum": 0},
            text(pattern=r"^[0-9]{1,12}(\.[0-9]{1,12})?$"),
        ],
        "description": "The most that all attempts together may cost, in dollars.",
    },
    "deadline_s": whole(
        "No attempt starts later than so many seconds after the create.",
        minimum=1,
        maximum=DEADLINE_S_MAX,
    ),
    "substitute": one_of(Substitute, "Who may take over from what was named."),
    "verb": one_of(Verb, "What would be done; all but a create start from `video`."),
    "video": {
        "type": "object",
        "required": ["id"],
        "properties": {"id": text(minLength=1, maxLength=NAME_CHARS_MAX)},
        "additionalProperties": False,
        "description": "The completed video of the team that is started from.",
    },
}


def _body(names: Sequence[str], *required: str) -> Schema:
    """A body of some fields; an unknown one is refused."""
    fields = {name: _FIELDS[name] for name in names}
    again = {
        alias: {**_FIELDS[name], "description": f"Another word for {name}."}
        for alias, name in ALIASES.items()
        if name in names
    }
    schema: Schema = {
        "type": "object",
        "required": ["prompt", *(name for name in required if name not in ALIASES.values())],
        "properties": {
            name: field if ALIASES.get(name, name) in ("prompt", *required) else nullable(field)
            for name, field in (fields | again).items()
        },
        "additionalProperties": False,
    }
    either = [name for name in required if name in ALIASES.values()]
    if either:
        schema["anyOf"] = [{"required": [word]} for word in _words(either[0])]
    return schema


def _words(name: str) -> list[str]:
    return [name, *(alias for alias, meant in ALIASES.items() if meant == name)]


def _form(schema: Schema) -> Schema:
    """A body as multipart/form-data: the same, but pictures may be files."""
    files = {name: one for name, one in _FILES.items() if name in schema["properties"]}
    return {**schema, "properties": {**schema["properties"], **files}}


_CREATE, _QUOTE = _body(FIELDS), _body(QUOTE_FIELDS)
BODIES: Mapping[str, Schema] = MappingProxyType(
    {
        "CreateVideo": _CREATE,
        "CreateVideoForm": _form(_CREATE),
        "QuoteVideo": _QUOTE,
        "QuoteVideoForm": _form(_QUOTE),
        "RemixVideo": _body(VERB_FIELDS[Verb.REMIX]),
        "EditVideo": _body(VERB_FIELDS[Verb.EDIT], VIDEO),
        "ExtendVideo": _body(VERB_FIELDS[Verb.EXTEND], VIDEO, SECONDS),
    }
)
"""Every body by component name. One with a `...Form` beside it may carry files as multipart."""
