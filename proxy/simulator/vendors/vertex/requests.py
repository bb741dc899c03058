"""Read a `:predictLongRunning` body as strictly as the vendor, into an order.

Source: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/
veo-video-generation, 2026-11-22.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from proxy.simulator.calls import Inputs
from proxy.simulator.fields import BadFieldError, Fields
from proxy.simulator.images import decode_base64, read_image
from proxy.simulator.vendors.vertex.catalog import (
    ASPECT_RATIOS,
    CLIPS_MAX,
    EXTENDED_RESOLUTION,
    EXTENDED_SECONDS_MAX,
    EXTENDED_SECONDS_MIN,
    EXTENDED_SIZES,
    PROMPT_MAX,
    SECONDS,
    SECONDS_ADDED,
    SECONDS_WITH_REFERENCES,
    Model,
    frame_size,
)
from proxy.simulator.videos import Video, read_video

_SEED_MAX = 2**32 - 1
_IMAGE_BYTES_MAX = 20 * 1024**2
_MIME_TYPES = ("image/jpeg", "image/png")
_REFERENCE_TYPES = ("asset", "ASSET")
_QUALITIES = ("optimized", "lossless", "OPTIMIZED", "LOSSLESS")
_RESIZE_MODES = ("pad", "crop", "PAD", "CROP")
_STORAGE_URI = re.compile(r"gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](/[^\s]*)?")
FindStored = Callable[[str], bytes | None]
"""Return the bytes behind a `gs://` URI, None if there are none."""
_NOT_YET = "is not supported by the simulator yet"


@dataclass(frozen=True)
class Create:
    """A valid create request, defaults filled in.

    `seconds` is the clip's length, of which `given_seconds` are those of the extended video.
    """

    prompt: str
    seconds: int
    width: int
    height: int
    clips: int
    micro_usd_per_s: int
    storage_uri: str | None
    inputs: Inputs
    given_seconds: int = 0


def read_create(body: object, model: Model, find: FindStored) -> Create:
    """Return the order in a create body; `find` gives the video behind a `gs://` URI.

    Raises:
        BadFieldError: The body breaks a rule of the API or the model.
    """
    fields = Fields(body, "")
    instances = fields.children("instances")
    parameters = fields.child("parameters") or Fields({}, "parameters")
    fields.labels("labels")
    fields.done()
    if len(instances) != 1:
        raise BadFieldError(path="instances", problem="must hold exactly one instance")
    video = _video(instances[0], model, find)
    prompt, inputs = _instance(instances[0], model, video)
    return _parameters(parameters, model, prompt, inputs, video=video)


def _video(instance: Fields, model: Model, find: FindStored) -> Video | None:
    """Return the video that is to be gone on with."""
    fields = instance.child("video")
    if fields is None:
        return None
    path = instance.path("video")
    if not model.extends:
        raise BadFieldError(path, problem="the model does not extend videos")
    fields.required_text("mimeType", allowed=("video/mp4",))
    encoded, uri = fields.text("bytesBase64Encoded"), fields.text("gcsUri")
    fields.done()
    if (encoded is None) == (uri is None):
        raise BadFieldError(path, problem="needs one of bytesBase64Encoded and gcsUri")
    data = decode_base64(encoded) if encoded is not None else find(uri or "")
    video = None if data is None else read_video(data)
    if video is None:
        raise BadFieldError(path, problem="is no MP4 video that could be read")
    if not EXTENDED_SECONDS_MIN <= video.seconds <= EXTENDED_SECONDS_MAX:
        problem = f"must last {EXTENDED_SECONDS_MIN} to {EXTENDED_SECONDS_MAX} seconds"
        raise BadFieldError(path, problem)
    if (video.width, video.height) not in EXTENDED_SIZES:
        raise BadFieldError(path, problem="must be 720p or 1080p, 16:9 or 9:16")
    return video


def _instance(fields: Fields, model: Model, video: Video | None) -> tuple[str, Inputs]:
    prompt = fields.text("prompt", longest=PROMPT_MAX) or ""
    first, last = _media(fields, "image"), _media(fields, "lastFrame")
    if fields.has("mask"):
        raise BadFieldError(path=fields.path("mask"), problem=_NOT_YET)
    references = _references(fields, model)
    fields.done()
    if video and (first or last or references):
        problem = "cannot be combined with image, lastFrame or referenceImages"
        raise BadFieldError(path=fields.path("video"), problem=problem)
    if last and not first:
        raise BadFieldError(path=fields.path("lastFrame"), problem="needs image as well")
    if references and first:
        problem = "cannot be combined with image or lastFrame"
        raise BadFieldError(path=fields.path("referenceImages"), problem=problem)
    if not prompt and not first and not video:
        raise BadFieldError(path=fields.path("prompt"), problem="is required")
    name = video.sha256 if video else None
    return prompt, Inputs(
        first_frame=first, last_frame=last, reference_images=references, video=name
    )


def _references(fields: Fields, model: Model) -> tuple[str, ...]:
    items = fields.children("referenceImages")
    if len(items) > model.reference_images_max:
        problem = f"the model takes at most {model.reference_images_max}"
        raise BadFieldError(path=fields.path("referenceImages"), problem=problem)
    names: list[str] = []
    for item in items:
        item.required_text("referenceType", allowed=_REFERENCE_TYPES)
        name = _media(item, "image")
        if name is None:
            raise BadFieldError(path=item.path("image"), problem="is required")
        names.append(name)
        item.done()
    return tuple(names)


def _media(parent: Fields, name: str) -> str | None:
    """Return a media object's name, the SHA-256 of its bytes or its URI; None without one."""
    fields = parent.child(name)
    if fields is None:
        return None
    mime_type = fields.required_text("mimeType", allowed=_MIME_TYPES)
    encoded, uri = fields.text("bytesBase64Encoded"), fields.text("gcsUri")
    fields.done()
    if (encoded is None) == (uri is None):
        path = parent.path(name)
        raise BadFieldError(path=path, problem="needs one of bytesBase64Encoded and gcsUri")
    if uri is not None and not uri.startswith("gs://"):
        raise BadFieldError(path=fields.path("gcsUri"), problem="must begin with gs://")
    if encoded is not None:
        return _inline(encoded, mime_type, fields.path("bytesBase64Encoded"))
    return uri


def _inline(encoded: str, mime_type: str, path: str) -> str:
    data = decode_base64(encoded)
    if data is None:
        raise BadFieldError(path, problem="Base64 decoding failed")
    image = read_image(data)
    if image is None or image.mime_type != mime_type or len(data) > _IMAGE_BYTES_MAX:
        raise BadFieldError(path, problem=f"is no {mime_type} of at most 20 MB")
    return image.sha256


def _parameters(
    fields: Fields, model: Model, prompt: str, inputs: Inputs, *, video: Video | None
) -> Create:
    storage_uri = fields.text("storageUri")
    if storage_uri is not None and not _STORAGE_URI.fullmatch(storage_uri):
        raise BadFieldError(path=fields.path("storageUri"), problem="must be gs://BUCKET/PREFIX")
    resolutions = (EXTENDED_RESOLUTION,) if video else model.resolutions
    resolution = fields.text("resolution", allowed=resolutions) or "720p"
    ratio = fields.text("aspectRatio", allowed=ASPECT_RATIOS) or "16:9"
    lengths = (SECONDS_ADDED,) if video else SECONDS
    seconds = fields.integer("durationSeconds", allowed=lengths) or lengths[-1]
    clips = fields.integer("sampleCount", allowed=range(1, CLIPS_MAX + 1)) or 1
    # The vendor's pages disagree on the default for 3.1; here a clip has sound unless told off.
    sound = fields.flag("generateAudio") is not False
    inputs = _style(fields, inputs)
    fields.done()
    if inputs.reference_images and seconds != SECONDS_WITH_REFERENCES:
        path = fields.path("durationSeconds")
        raise BadFieldError(path, problem="must be 8 with reference images")
    width, height = frame_size(resolution, ratio)
    if video and (video.width > video.height) != (width > height):
        raise BadFieldError(path=fields.path("aspectRatio"), problem="must be the video's own")
    rate = model.rates[resolution, sound]
    # Documented for the Gemini API: the answer is one video of what was there and what is added.
    given = round(video.seconds) if video else 0
    return Create(
        prompt,
        given + seconds,
        width=width,
        height=height,
        clips=clips,
        micro_usd_per_s=rate,
        storage_uri=storage_uri,
        inputs=inputs,
        given_seconds=given,
    )


def _style(fields: Fields, inputs: Inputs) -> Inputs:
    """Check the parameters that change neither length, size nor price; add what they ask for."""
    negative_prompt = fields.text("negativePrompt")
    for name in ("personGeneration", "pubsubTopic"):
        fields.text(name)
    fields.flag("enhancePrompt")
    fields.integer("fps")
    fields.text("compressionQuality", allowed=_QUALITIES)
    seed = fields.integer("seed")
    if seed is not None and not 0 <= seed <= _SEED_MAX:
        raise BadFieldError(path=fields.path("seed"), problem="must be an unsigned 32-bit integer")
    if fields.text("resizeMode", allowed=_RESIZE_MODES) and not inputs.first_frame:
        raise BadFieldError(path=fields.path("resizeMode"), problem="needs an image")
    return replace(inputs, negative_prompt=negative_prompt, seed=seed)
