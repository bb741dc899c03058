"""Fields of a create: any mapping becomes a Draft, or an error that names the field."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from proxy.domain.errors import InvalidRequest
from proxy.domain.money import parse_usd
from proxy.domain.video import RESOLUTIONS, Substitute, VideoJob
from proxy.http.pictures import FIRST_FRAME, LAST_FRAME, Picture, read_pictures
from proxy.http.sizes import check_aspect_ratio, split_size

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from proxy.domain.video import InputFile

PROMPT_CHARS_MAX = 32_000
NAME_CHARS_MAX = 128
URL_CHARS_MAX = 2048
SECONDS_MAX = 3600
DEADLINE_S_MAX = 30 * 86_400
SEED_MAX = 2**32 - 1
"""Source: Vertex (`seed`, uint32) and Runway (0 to 4294967295), 2026-11-22."""
METADATA_PAIRS_MAX = 16
METADATA_KEY_CHARS_MAX = 64
METADATA_VALUE_CHARS_MAX = 512

ALIASES = {"duration": "seconds"}
FIELDS = (
    "prompt",
    "model",
    "policy",
    "seconds",
    "size",
    "resolution",
    "aspect_ratio",
    "input_reference",
    "last_frame",
    "reference_images",
    "negative_prompt",
    "seed",
    "audio",
    "metadata",
    "max_cost_usd",
    "deadline_s",
    "substitute",
    "webhook_url",
)

_WHOLE = re.compile(r"[0-9]{1,9}")
_DOLLARS = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?")
_DOLLAR_DIGITS_MAX = 12
_DOLLAR_EXPONENT_MIN = -12


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A checked create; `video` is without its pictures, which are not stored yet."""

    video: VideoJob
    pictures: tuple[Picture, ...] = ()

    def outline(self) -> VideoJob:
        """The request as it is known before its pictures are stored."""
        return self.job([picture.outline() for picture in self.pictures])

    def job(self, stored: Sequence[InputFile]) -> VideoJob:
        """The request with its pictures, as many as there are, as stored."""
        found = dict(zip((picture.param for picture in self.pictures), stored, strict=True))
        return replace(
            self.video,
            input_reference=found.pop(FIRST_FRAME, None),
            last_frame=found.pop(LAST_FRAME, None),
            reference_images=tuple(found.values()),
        )


def read_fields(raw: Mapping[str, object], allowed: Sequence[str] = FIELDS) -> Draft:
    """Check every field; None (JSON null) is the same as leaving it out.

    Args:
        raw: what was sent.
        allowed: the fields there are; whoever allows more than FIELDS reads them.

    Raises:
        InvalidRequest: a field is unknown, missing, malformed or in conflict; `param` names it.
        NotSupportedYet: a documented form of a field that is not built yet.
    """
    sent = _known({name: value for name, value in raw.items() if value is not None}, allowed)
    resolution, aspect_ratio = _frame(sent)
    video = VideoJob(
        prompt=_prompt(sent),
        model=_name(sent, "model"),
        policy=_name(sent, "policy"),
        seconds=_seconds(sent),
        resolution=resolution,
        aspect_ratio=aspect_ratio,
        negative_prompt=_negative_prompt(sent),
        seed=_seed(sent),
        audio=_flag(sent, "audio"),
        metadata=_metadata(sent),
        max_cost_micro_usd=_dollars(sent, "max_cost_usd"),
        deadline_s=_deadline(sent),
        substitute=_substitute(sent),
        webhook_url=_webhook_url(sent),
    )
    return Draft(video=video, pictures=read_pictures(sent))


def _known(sent: dict[str, object], allowed: Sequence[str]) -> dict[str, object]:
    words = (*allowed, *(alias for alias, name in ALIASES.items() if name in allowed))
    for name in sent:
        if name not in words:
            shown = name[:64].encode(errors="replace").decode()
            message = f"there is no field {shown!r}; allowed: {', '.join(words)}"
            raise InvalidRequest(message, param=shown)
    for alias, name in ALIASES.items():
        if alias in sent and name in sent:
            message = f"{alias} is another word for {name}; send one of them"
            raise InvalidRequest(message, param=alias)
    return {ALIASES.get(name, name): value for name, value in sent.items()}


def _text(name: str, value: object, *, chars_max: int) -> str:
    if not isinstance(value, str):
        message = f"{name} must be a string"
        raise InvalidRequest(message, param=name)
    if not value.strip():
        message = f"{name} must not be empty"
        raise InvalidRequest(message, param=name)
    if len(value) > chars_max:
        message = f"{name} has {len(value)} characters; at most {chars_max} are allowed"
        raise InvalidRequest(message, param=name)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            message = f"{name} is not valid Unicode: half a surrogate pair at {error.start}"
            raise InvalidRequest(message, param=name) from error
    return value


def _prompt(sent: Mapping[str, object]) -> str:
    if "prompt" not in sent:
        message = "prompt is required"
        raise InvalidRequest(message, param="prompt")
    return _text("prompt", sent["prompt"], chars_max=PROMPT_CHARS_MAX)


def _webhook_url(sent: Mapping[str, object]) -> str | None:
    name = "webhook_url"
    return None if name not in sent else _text(name, sent[name], chars_max=URL_CHARS_MAX)


def _negative_prompt(sent: Mapping[str, object]) -> str | None:
    name = "negative_prompt"
    return None if name not in sent else _text(name, sent[name], chars_max=PROMPT_CHARS_MAX)


def _name(sent: Mapping[str, object], name: str) -> str | None:
    if name not in sent:
        return None
    return _text(name, sent[name], chars_max=NAME_CHARS_MAX)


def _whole(name: str, value: object, *, maximum: int, minimum: int = 1) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= maximum:
        message = f"{name} must be a whole number from {minimum} to {maximum}"
        raise InvalidRequest(message, param=name)
    return value


def _seconds(sent: Mapping[str, object]) -> int | None:
    if "seconds" not in sent:
        return None
    value = sent["seconds"]
    # OpenAI's clients send it as text.
    is_number = isinstance(value, str) and _WHOLE.fullmatch(value)
    return _whole("seconds", int(str(value)) if is_number else value, maximum=SECONDS_MAX)


def _deadline(sent: Mapping[str, object]) -> int | None:
    value = sent.get("deadline_s")
    return None if value is None else _whole("deadline_s", value, maximum=DEADLINE_S_MAX)


def _seed(sent: Mapping[str, object]) -> int | None:
    value = sent.get("seed")
    return None if value is None else _whole("seed", value, minimum=0, maximum=SEED_MAX)


def _frame(sent: Mapping[str, object]) -> tuple[str | None, str | None]:
    """Resolution and aspect ratio, from `size` or from their own fields."""
    if "size" in sent:
        other = next((name for name in ("resolution", "aspect_ratio") if name in sent), None)
        if other is not None:
            message = f"send size, or resolution and aspect_ratio, not size and {other}"
            raise InvalidRequest(message, param="size")
        return split_size(_text("size", sent["size"], chars_max=NAME_CHARS_MAX))
    ratio = _name(sent, "aspect_ratio")
    return (
        _choice(sent, "resolution", RESOLUTIONS),
        None if ratio is None else check_aspect_ratio(ratio),
    )


def _choice(sent: Mapping[str, object], name: str, allowed: tuple[str, ...]) -> str | None:
    value = sent.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or value not in allowed:
        message = f"{name} must be one of {', '.join(allowed)}"
        raise InvalidRequest(message, param=name)
    return value


def _substitute(sent: Mapping[str, object]) -> Substitute | None:
    value = _choice(sent, "substitute", tuple(item.value for item in Substitute))
    return None if value is None else Substitute(value)


def _flag(sent: Mapping[str, object], name: str) -> bool | None:
    value = sent.get(name)
    if value is not None and not isinstance(value, bool):
        message = f"{name} must be true or false"
        raise InvalidRequest(message, param=name)
    return value


def _dollars(sent: Mapping[str, object], name: str) -> int | None:
    value = sent.get(name)
    if value is None:
        return None
    text = _plain_decimal(value)
    if text is None:
        message = f'{name} must be dollars as a plain decimal, such as "0.50" or 0.5'
        raise InvalidRequest(message, param=name)
    try:
        return parse_usd(text)
    except ValueError as error:
        message = f"{name} {error}"
        raise InvalidRequest(message, param=name) from error


def _plain_decimal(value: object) -> str | None:
    """A number or its text as digits with at most one point; None for anything else."""
    if isinstance(value, Decimal):
        # Looked at before it is printed: 1e999999999 would be a gigabyte of zeros.
        exponent = value.as_tuple().exponent
        is_small = isinstance(exponent, int) and exponent >= _DOLLAR_EXPONENT_MIN
        value = format(value, "f") if is_small and value.adjusted() < _DOLLAR_DIGITS_MAX else ""
    elif isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**_DOLLAR_DIGITS_MAX else ""
    return value if isinstance(value, str) and _DOLLARS.fullmatch(value) else None


def _metadata(sent: Mapping[str, object]) -> dict[str, str]:
    value = sent.get("metadata", {})
    if not isinstance(value, dict):
        message = "metadata must be an object of strings"
        raise InvalidRequest(message, param="metadata")
    if len(value) > METADATA_PAIRS_MAX:
        message = f"metadata has {len(value)} pairs; at most {METADATA_PAIRS_MAX} are allowed"
        raise InvalidRequest(message, param="metadata")
    return dict(_pair(key, item) for key, item in value.items())


def _pair(key: str, value: object) -> tuple[str, str]:
    param = "metadata"
    for what, text, chars_max in (
        ("a metadata key", key, METADATA_KEY_CHARS_MAX),
        (f"metadata {key[:METADATA_KEY_CHARS_MAX]!r}", value, METADATA_VALUE_CHARS_MAX),
    ):
        if value == "" and text is value:
            continue
        try:
            _text(what, text, chars_max=chars_max)
        except InvalidRequest as error:
            raise InvalidRequest(error.message, param=param) from error
    assert isinstance(value, str)
    return key, value
