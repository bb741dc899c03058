"""Read a `:predictLongRunning` body as strictly as the vendor, into an order.

Source: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/
veo-video-generation, 2026-11-22.
"""

import re
from dataclasses import dataclass

from proxy.simulator.fields import BadFieldError, Fields
from proxy.simulator.images import decode_base64, read_image
from proxy.simulator.vendors.vertex.catalog import (
    ASPECT_RATIOS,
    CLIPS_MAX,
    PROMPT_MAX,
    SECONDS,
    SECONDS_WITH_REFERENCES,
    Model,
    frame_size,
)

_SEED_MAX = 2**32 - 1
_IMAGE_BYTES_MAX = 20 * 1024**2
_MIME_TYPES = ("image/jpeg", "image/png")
_QUALITIES = ("optimized", "lossless", "OPTIMIZED", "LOSSLESS")
_RESIZE_MODES = ("pad", "crop", "PAD", "CROP")
_STORAGE_URI = re.compile(r"gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](/[^\s]*)?")
_NOT_YET = "is not supported by the simulator yet"


@dataclass(frozen=True)
class Create:
    """A valid create request, defaults filled in."""

    prompt: str
    seconds: int
    width: int
    height: int
    clips: int
    micro_usd_per_s: int
    storage_uri: str | None


@dataclass(frozen=True)
class _Inputs:
    prompt: str
    has_image: bool
    reference_images: int


def read_create(body: object, model: Model) -> Create:
    """Return the order in a create body.

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
    inputs = _instance(instances[0], model)
    return _parameters(parameters, model, inputs)


def _instance(fields: Fields, model: Model) -> _Inputs:
    prompt = fields.text("prompt", longest=PROMPT_MAX) or ""
    has_image = _media(fields, "image")
    has_last_frame = _media(fields, "lastFrame")
    for name in ("video", "mask"):
        if fields.has(name):
            raise BadFieldError(path=fields.path(name), problem=_NOT_YET)
    references = _references(fields, model)
    fields.done()
    if has_last_frame and not has_image:
        raise BadFieldError(path=fields.path("lastFrame"), problem="needs image as well")
    if references and has_image:
        problem = "cannot be combined with image or lastFrame"
        raise BadFieldError(path=fields.path("referenceImages"), problem=problem)
    if not prompt and not has_image:
        raise BadFieldError(path=fields.path("prompt"), problem="is required")
    return _Inputs(prompt, has_image, references)


def _references(fields: Fields, model: Model) -> int:
    items = fields.children("referenceImages")
    if len(items) > model.reference_images_max:
        problem = f"the model takes at most {model.reference_images_max}"
        raise BadFieldError(path=fields.path("referenceImages"), problem=problem)
    for item in items:
        item.required_text("referenceType", allowed=("asset",))
        if not _media(item, "image"):
            raise BadFieldError(path=item.path("image"), problem="is required")
        item.done()
    return len(items)


def _media(parent: Fields, name: str) -> bool:
    """Check a media object; say whether there is one."""
    fields = parent.child(name)
    if fields is None:
        return False
    mime_type = fields.required_text("mimeType", allowed=_MIME_TYPES)
    encoded, uri = fields.text("bytesBase64Encoded"), fields.text("gcsUri")
    fields.done()
    if (encoded is None) == (uri is None):
        path = parent.path(name)
        raise BadFieldError(path=path, problem="needs one of bytesBase64Encoded and gcsUri")
    if uri is not None and not uri.startswith("gs://"):
        raise BadFieldError(path=fields.path("gcsUri"), problem="must begin with gs://")
    if encoded is not None:
        _inline(encoded, mime_type, fields.path("bytesBase64Encoded"))
    return True


def _inline(encoded: str, mime_type: str, path: str) -> None:
    data = decode_base64(encoded)
    if data is None:
        raise BadFieldError(path, problem="Base64 decoding failed")
    image = read_image(data)
    if image is None or image.mime_type != mime_type or len(data) > _IMAGE_BYTES_MAX:
        raise BadFieldError(path, problem=f"is no {mime_type} of at most 20 MB")


def _parameters(fields: Fields, model: Model, inputs: _Inputs) -> Create:
    storage_uri = fields.text("storageUri")
    if storage_uri is not None and not _STORAGE_URI.fullmatch(storage_uri):
        raise BadFieldError(path=fields.path("storageUri"), problem="must be gs://BUCKET/PREFIX")
    resolution = fields.text("resolution", allowed=model.resolutions) or "720p"
    ratio = fields.text("aspectRatio", allowed=ASPECT_RATIOS) or "16:9"
    seconds = fields.integer("durationSeconds", allowed=SECONDS) or SECONDS_WITH_REFERENCES
    clips = fields.integer("sampleCount", allowed=range(1, CLIPS_MAX + 1)) or 1
    # The vendor's pages disagree on the default for 3.1; here a clip has sound unless told off.
    sound = fields.flag("generateAudio") is not False
    _style(fields, inputs)
    fields.done()
    if inputs.reference_images and seconds != SECONDS_WITH_REFERENCES:
        path = fields.path("durationSeconds")
        raise BadFieldError(path, problem="must be 8 with reference images")
    width, height = frame_size(resolution, ratio)
    rate = model.rates[resolution, sound]
    return Create(
        inputs.prompt,
        seconds,
        width=width,
        height=height,
        clips=clips,
        micro_usd_per_s=rate,
        storage_uri=storage_uri,
    )


def _style(fields: Fields, inputs: _Inputs) -> None:
    """Check the parameters that change neither length, size nor price."""
    for name in ("negativePrompt", "personGeneration", "pubsubTopic"):
        fields.text(name)
    fields.flag("enhancePrompt")
    fields.integer("fps")
    fields.text("compressionQuality", allowed=_QUALITIES)
    seed = fields.integer("seed")
    if seed is not None and not 0 <= seed <= _SEED_MAX:
        raise BadFieldError(path=fields.path("seed"), problem="must be an unsigned 32-bit integer")
    if fields.text("resizeMode", allowed=_RESIZE_MODES) and not inputs.has_image:
        raise BadFieldError(path=fields.path("resizeMode"), problem="needs an image")
