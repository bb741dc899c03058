"""Read a create request as strictly as the vendor: a union by `model`, unknown keys refused.

Source: the request types of runwayml 5.24.0, 2026-10-23.
"""

from dataclasses import dataclass, replace
from typing import Any

from proxy.simulator.callbacks import is_loopback
from proxy.simulator.calls import Inputs
from proxy.simulator.fields import BadFieldError, Fields
from proxy.simulator.images import decode_base64, read_image
from proxy.simulator.vendors.runway.catalog import (
    DATA_URI_CHARACTERS_MAX,
    EDITED_SECONDS_MAX,
    EDITED_SECONDS_MIN,
    EDITED_SIZES,
    FETCHED_BYTES_MAX,
    KEYFRAMES_MAX,
    MODELS,
    PROMPT_UNITS_MAX,
    Kind,
    Model,
    offered,
)
from proxy.simulator.videos import Video, read_video

_SEED_MAX = 2**32 - 1
_UTF16_UNIT_BYTES = 2
_VIDEO = "videoUri"
_THRESHOLDS = ("auto", "low")
_TARGET_RATIOS = ("16:9", "4:3", "3:2", "1:1", "2:3", "3:4", "9:16", "21:9")


@dataclass(frozen=True)
class Create:
    """A valid create request, defaults filled in."""

    model: str
    prompt: str
    seconds: int
    width: int
    height: int
    credits_per_s: int
    inputs: Inputs
    video_url: str | None = None

    def of(self, video: Video | None) -> "Create":
        """Return the order as long, and of the shape, as the video behind `video_url`.

        Raises:
            BadFieldError: The video could not be fetched, or is beyond what is taken.
        """
        if video is None or video.size_bytes > FETCHED_BYTES_MAX:
            problem = "must lead to an MP4 of at most 32MB"
            raise BadFieldError(path=_VIDEO, problem=problem)
        return _like(self, video)


def read_create(body: object, kind: Kind) -> Create:
    """Return the order in a create body.

    Raises:
        BadFieldError: The body breaks a rule of the model.
    """
    fields = Fields(body, "")
    name = fields.required_text("model", allowed=offered(kind))
    model = MODELS[name]
    prompt = _prompt(fields, is_required=kind in model.prompt_required_for)
    frames: dict[str, str] = {}
    video: str | Video | None = None
    if kind is Kind.IMAGE:
        frames = _frames(fields, body, has_last=model.last_frame)
    if kind is Kind.VIDEO:
        video = _video(fields)
        width, height = 1280, 720
        seconds = model.seconds[0]
    else:
        ratio = fields.required_text("ratio", allowed=model.ratios[kind])
        width, height = (int(side) for side in ratio.split(":"))
        seconds = _seconds(fields, model)
    sound = _sound(fields, model)
    negative_prompt, seed = _style(fields, model)
    fields.done()
    create = Create(
        name,
        prompt,
        seconds,
        width=width,
        height=height,
        credits_per_s=max(model.credits_per_s[sound], -(-model.credits_min // seconds)),
        inputs=Inputs(
            first_frame=frames.get("first"),
            last_frame=frames.get("last"),
            negative_prompt=negative_prompt,
            seed=seed,
            video=video if isinstance(video, str) else None,
        ),
        video_url=video if isinstance(video, str) and is_loopback(video) else None,
    )
    return _like(create, video) if isinstance(video, Video) else create


def _like(create: Create, video: Video) -> Create:
    """Return the order as long, and of the shape, as a video."""
    seconds = round(video.seconds)
    if not EDITED_SECONDS_MIN <= seconds <= EDITED_SECONDS_MAX:
        problem = f"must last {EDITED_SECONDS_MIN} to {EDITED_SECONDS_MAX} seconds"
        raise BadFieldError(path=_VIDEO, problem=problem)
    frame = (video.width, video.height)
    width, height = frame if frame in EDITED_SIZES else (create.width, create.height)
    model = MODELS[create.model]
    return replace(
        create,
        seconds=seconds,
        width=width,
        height=height,
        credits_per_s=max(model.credits_per_s[False], -(-model.credits_min // seconds)),
        inputs=replace(create.inputs, video=video.sha256),
    )


def _prompt(fields: Fields, *, is_required: bool) -> str:
    prompt = fields.text("promptText")
    if prompt is None and not is_required:
        return ""
    if prompt is None:
        raise BadFieldError(path="promptText", problem="is required")
    units = len(prompt.encode("utf-16-le", "surrogatepass")) // _UTF16_UNIT_BYTES
    if not 1 <= units <= PROMPT_UNITS_MAX:
        problem = f"must have 1 to {PROMPT_UNITS_MAX} UTF-16 code units"
        raise BadFieldError(path="promptText", problem=problem)
    return prompt


def _seconds(fields: Fields, model: Model) -> int:
    seconds = fields.integer("duration", allowed=model.seconds)
    if seconds is None:
        seconds = model.seconds_default
    if seconds is None:
        raise BadFieldError(path="duration", problem="is required")
    return seconds


def _sound(fields: Fields, model: Model) -> bool:
    if len(model.credits_per_s) == 1:
        return False
    return fields.flag("audio") is not False


def _style(fields: Fields, model: Model) -> tuple[str | None, int | None]:
    """Check what changes neither length, size nor price; return negative prompt and seed."""
    seed = fields.integer("seed")
    if seed is not None and not 0 <= seed <= _SEED_MAX:
        raise BadFieldError(path="seed", problem=f"must be 0 to {_SEED_MAX}")
    if not model.own:
        return fields.text("negativePrompt", longest=PROMPT_UNITS_MAX), seed
    moderation = fields.child("contentModeration")
    if moderation is not None:
        moderation.text("publicFigureThreshold", allowed=_THRESHOLDS)
        moderation.done()
    # The vendor has eleven further formats, each with a surcharge; clips here are MP4 only.
    fields.text("outputFormat", allowed=("mp4",))
    return None, seed


def _frames(
    fields: Fields,
    body: Any,  # noqa: ANN401 - JSON
    *,
    has_last: bool,
) -> dict[str, str]:
    """Return the name of each picture by its position."""
    if isinstance(body.get("promptImage"), str):
        uri = fields.required_text("promptImage")
        return {"first": _check_image(uri, "promptImage")}
    positions: list[str] = []
    names: list[str] = []
    for item in fields.children("promptImage"):
        allowed = ("first", "last") if has_last else ("first",)
        positions.append(item.required_text("position", allowed=allowed))
        names.append(_check_image(item.required_text("uri"), item.path("uri")))
        item.done()
    if positions.count("first") != 1 or positions.count("last") > 1:
        problem = "is required, once" if not positions else "needs exactly one first frame"
        raise BadFieldError(path="promptImage", problem=problem)
    return dict(zip(positions, names, strict=True))


def _video(fields: Fields) -> str | Video:
    """Return the video of a data URI, or the URI itself."""
    uri = fields.required_text(_VIDEO)
    # Nothing on this machine has a certificate: what is there may come by plain http.
    is_here = uri.startswith("http://") and is_loopback(uri)
    data = None if is_here else _check_uri(uri, _VIDEO, mime_type="video/")
    video = None if data is None else read_video(data)
    if data is not None and video is None:
        raise BadFieldError(path=_VIDEO, problem="must hold an MP4")
    for index, keyframe in enumerate(fields.children("keyframes")):
        if index >= KEYFRAMES_MAX:
            raise BadFieldError(path="keyframes", problem=f"must hold at most {KEYFRAMES_MAX}")
        _check_image(keyframe.required_text("uri"), keyframe.path("uri"))
    fields.text("targetAspectRatio", allowed=_TARGET_RATIOS)
    return uri if video is None else video


def _check_image(uri: str, path: str) -> str:
    """Return the picture's name: the SHA-256 of a data URI's content, or the URL itself."""
    data = _check_uri(uri, path, mime_type="image/")
    if data is None:
        return uri
    image = read_image(data)
    if image is None:
        raise BadFieldError(path, problem="must hold a JPEG, PNG or WebP image")
    return image.sha256


def _check_uri(uri: str, path: str, *, mime_type: str) -> bytes | None:
    """Return a data URI's content; None for a URL, which is not fetched."""
    if uri.startswith(("https://", "runway://")):
        return None
    head, comma, text = uri.partition(",")
    is_data = head.startswith(f"data:{mime_type}") and head.endswith(";base64")
    data = decode_base64(text) if comma and is_data else None
    if data is None:
        raise BadFieldError(path, problem="must be an HTTPS URL, a Runway URI or a data URI")
    if len(uri) > DATA_URI_CHARACTERS_MAX:
        raise BadFieldError(path, problem="must be a data URI of at most 5MB")
    return data
