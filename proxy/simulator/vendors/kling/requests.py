"""Read a create request as strictly as the vendor, into an order.

Source: https://kling.ai/document-api/api/video/3-0-omni/text-to-video and its sibling pages
per model, 2026-09-20. One field-level rule the vendor does not state is noted where it stands.
"""

from dataclasses import dataclass

from proxy.simulator.calls import Inputs
from proxy.simulator.fields import BadFieldError, Fields
from proxy.simulator.images import Image, decode_base64, read_image
from proxy.simulator.vendors.kling.catalog import (
    ASPECT_RATIOS,
    BASE_VIDEO_AREA_PX_MAX,
    BASE_VIDEO_BYTES_MAX,
    BASE_VIDEO_RATIOS,
    BASE_VIDEO_SECONDS,
    BASE_VIDEO_SIDES_PX,
    Audio,
    Model,
    Omni,
    frame_size,
)
from proxy.simulator.videos import Video

_IMAGE_BYTES_MAX = 50 * 1024**2
_IMAGE_SIDE_PX_MIN = 300
_IMAGE_RATIO_MAX = 2.5
_PROMPT, _FIRST, _LAST, _BASE = "prompt", "first_frame", "last_frame", "base_video"


@dataclass(frozen=True)
class Options:
    """What the caller calls the task, and where it wants to hear of it."""

    external_id: str | None = None
    callback_url: str | None = None


@dataclass(frozen=True)
class Create:
    """A valid create request, defaults filled in."""

    prompt: str
    seconds: int
    width: int
    height: int
    micro_usd_per_s: int
    options: Options
    inputs: Inputs


@dataclass(frozen=True)
class Edit:
    """A valid request to change a video, which is yet to be fetched."""

    prompt: str
    resolution: str
    micro_usd_per_s: int
    options: Options
    url: str

    def of(self, video: Video | None) -> Create:
        """Return the order, as long as the video and nearly of its shape.

        Raises:
            BadFieldError: The video could not be fetched, or is beyond what is taken.
        """
        if video is None:
            raise BadFieldError(path=_BASE, problem="could not be fetched, or is no MP4")
        _check_base_video(video)
        width, height = frame_size(self.resolution, _nearest_ratio(video))
        rate, seconds = self.micro_usd_per_s, round(video.seconds)
        inputs = Inputs(video=video.sha256)
        return Create(self.prompt, seconds, width, height, rate, self.options, inputs)


@dataclass(frozen=True)
class _Settings:
    resolution: str
    aspect_ratio: str | None
    seconds: int
    sound: bool


@dataclass(frozen=True)
class _Frame:
    """A picture by name; `image` is None for a URL, which is not fetched."""

    name: str
    image: Image | None = None


def read_text_to_video(body: object, model: Model) -> Create:
    """Return the order in a `/text-to-video/{model}` body.

    Raises:
        BadFieldError: The body breaks a rule of the model.
    """
    fields = Fields(body, "")
    prompt = _prompt(fields, "prompt", model.prompt_max)
    settings = _settings(fields, model, has_aspect_ratio=True)
    options = _options(fields)
    fields.done()
    rate = model.rates[settings.resolution, settings.sound]
    ratio = settings.aspect_ratio or "16:9"
    return _create(prompt, settings, rate, ratio=ratio, options=options, inputs=Inputs())


def read_image_to_video(body: object, model: Model) -> Create:
    """Return the order in an `/image-to-video/{model}` body.

    The first frame sets the picture's shape; the nearest of the three ratios is rendered.

    Raises:
        BadFieldError: The body breaks a rule of the model.
    """
    fields = Fields(body, "")
    settings = _settings(fields, model, has_aspect_ratio=False)
    prompt, frames = _contents(fields, model)
    options = _options(fields)
    fields.done()
    if _FIRST not in frames:
        raise BadFieldError(path="contents", problem="a first_frame is required")
    if _LAST in frames and settings.resolution not in model.last_frame_at:
        problem = f"first and last frame are not supported at {settings.resolution}"
        raise BadFieldError(path="contents", problem=problem)
    rate = model.rates[settings.resolution, settings.sound]
    ratio = _nearest_ratio(frames[_FIRST].image)
    inputs = Inputs(
        first_frame=frames[_FIRST].name,
        last_frame=frames[_LAST].name if _LAST in frames else None,
    )
    return _create(prompt, settings, rate, ratio=ratio, options=options, inputs=inputs)


def read_omni_video(body: object, model: Omni) -> Edit:
    """Return what an `/omni-video/{model}` body wants changed about which video.

    Everything else that such a body may hold is not here.

    Raises:
        BadFieldError: The body breaks a rule of the model.
    """
    fields = Fields(body, "")
    settings = fields.child("settings") or Fields({}, "settings")
    resolution = settings.text("resolution", allowed=model.rates) or "720p"
    # With a video there is no new sound: it keeps its own, or has none.
    settings.text("audio", allowed=("original", "off"))
    settings.flag("multi_shot")
    settings.done()
    found: dict[str, str] = {}
    for item in fields.children("contents"):
        kind = item.text("type", allowed=(_PROMPT, _BASE)) or ""
        if kind in found:
            raise BadFieldError(item.path("type"), "is given twice")
        if kind == _PROMPT:
            found[kind] = _prompt(item, "text", model.prompt_max)
        else:
            found[kind] = _video_url(item)
        item.done()
    for kind in (_PROMPT, _BASE):
        if kind not in found:
            raise BadFieldError(path="contents", problem=f"a {kind} is required")
    options = _options(fields)
    fields.done()
    return Edit(found[_PROMPT], resolution, model.rates[resolution], options, found[_BASE])


def _video_url(item: Fields) -> str:
    url = item.required_text("url")
    if not url.startswith(("http://", "https://")):
        raise BadFieldError(item.path("url"), "must be a URL: videos are not taken as Base64")
    return url


def _check_base_video(video: Video) -> None:
    short_px, long_px = sorted((video.width, video.height))
    least_px, most_px = BASE_VIDEO_SIDES_PX
    flattest, widest = BASE_VIDEO_RATIOS
    least_s, most_s = BASE_VIDEO_SECONDS
    problem = None
    if video.size_bytes > BASE_VIDEO_BYTES_MAX:
        problem = "must have at most 200MB"
    elif not least_s <= video.seconds <= most_s:
        problem = f"must last {least_s:g} to {most_s:g} seconds"
    elif short_px < least_px or long_px > most_px:
        problem = f"needs sides of {least_px} to {most_px} px"
    elif video.width * video.height > BASE_VIDEO_AREA_PX_MAX:
        problem = f"may have {BASE_VIDEO_AREA_PX_MAX} px at most"
    elif not flattest <= video.width / video.height <= widest:
        problem = f"needs a ratio of {flattest:g} to {widest:g}"
    if problem is not None:
        raise BadFieldError(path=_BASE, problem=problem)


def _create(
    prompt: str,
    settings: _Settings,
    rate: int,
    *,
    ratio: str,
    options: Options,
    inputs: Inputs,
) -> Create:
    width, height = frame_size(settings.resolution, ratio)
    return Create(prompt, settings.seconds, width, height, rate, options, inputs)


def _prompt(fields: Fields, name: str, longest: int) -> str:
    prompt = fields.text(name, longest=longest)
    if not prompt:
        raise BadFieldError(fields.path(name), "is required")
    return prompt


def _settings(body: Fields, model: Model, *, has_aspect_ratio: bool) -> _Settings:
    fields = body.child("settings") or Fields({}, "settings")
    resolution = fields.text("resolution", allowed=model.resolutions) or "720p"
    ratio = fields.text("aspect_ratio", allowed=ASPECT_RATIOS) if has_aspect_ratio else None
    seconds = fields.integer("duration", allowed=model.seconds) or 5
    sound = model.audio is Audio.ALWAYS
    if model.audio is Audio.CHOICE:
        sound = fields.text("audio", allowed=("native", "off")) == "native"
    if model.multi_shot:
        fields.flag("multi_shot")
    fields.done()
    if (resolution, sound) not in model.rates:
        raise BadFieldError(
            path="settings.audio", problem=f"native is not supported at {resolution}"
        )
    return _Settings(resolution, ratio, seconds, sound)


def _options(body: Fields) -> Options:
    fields = body.child("options")
    if fields is None:
        return Options()
    # The vendor's own example sends "" for "none".
    url = fields.text("callback_url") or None
    if url and not url.startswith(("http://", "https://")):
        raise BadFieldError(path="options.callback_url", problem="must be an http or https URL")
    external_id = fields.text("external_task_id") or None
    # Not stated by the vendor: a comma separates ids in a query, so none may hold one.
    if external_id and "," in external_id:
        raise BadFieldError(path="options.external_task_id", problem="must not contain a comma")
    watermark = fields.child("watermark_info")
    if watermark is not None:
        watermark.flag("enabled")
        watermark.done()
    fields.done()
    return Options(external_id, url)


def _contents(body: Fields, model: Model) -> tuple[str, dict[str, _Frame]]:
    prompt: str | None = None
    frames: dict[str, _Frame] = {}
    kinds = (_PROMPT, _FIRST, _LAST) if model.last_frame_at else (_PROMPT, _FIRST)
    for item in body.children("contents"):
        kind = item.text("type", allowed=kinds)
        if kind == _PROMPT and prompt is None:
            prompt = _prompt(item, "text", model.image_prompt_max)
        elif kind in {_FIRST, _LAST} and kind not in frames:
            frames[kind] = _frame(item)
        else:
            raise BadFieldError(item.path("type"), "is missing or given twice")
        item.done()
    if prompt is None:
        raise BadFieldError(path="contents", problem="a prompt is required")
    return prompt, frames


def _frame(item: Fields) -> _Frame:
    text = item.text("url")
    if not text:
        raise BadFieldError(item.path("url"), "is required")
    if text.startswith(("http://", "https://")):
        return _Frame(text)
    data = decode_base64(text)
    if data is None:
        raise BadFieldError(item.path("url"), "is neither a URL nor Base64 (without data: prefix)")
    image = read_image(data)
    if image is None or len(data) > _IMAGE_BYTES_MAX:
        raise BadFieldError(item.path("url"), "must be a JPEG or PNG of at most 50MB")
    short_px, long_px = sorted((image.width, image.height))
    if short_px < _IMAGE_SIDE_PX_MIN or long_px > short_px * _IMAGE_RATIO_MAX:
        raise BadFieldError(item.path("url"), "needs sides of 300px and a ratio within 1:2.5")
    return _Frame(image.sha256, image)


def _nearest_ratio(image: Image | Video | None) -> str:
    if image is None:
        return "16:9"
    wanted = image.width / image.height
    return min(ASPECT_RATIOS, key=lambda name: abs(_ratio(name) - wanted))


def _ratio(name: str) -> float:
    across, down = ASPECT_RATIOS[name]
    return across / down
