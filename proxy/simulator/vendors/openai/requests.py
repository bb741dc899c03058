"""Read the bodies of the Videos API as strictly as the vendor, into orders.

Source: https://github.com/openai/openai-openapi (openapi.json 2.3.0), 2026-08-21.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from proxy.simulator.calls import Inputs
from proxy.simulator.fields import BadFieldError, Fields
from proxy.simulator.images import decode_base64, read_image
from proxy.simulator.tasks import Task
from proxy.simulator.vendors.openai.catalog import (
    CHARACTER_NAME_MAX,
    CHARACTERS_MAX,
    DATA_URL_CHARACTERS_MAX,
    DEFAULT_MODEL,
    DEFAULT_SECONDS,
    DEFAULT_SIZE,
    MODELS,
    PROMPT_MAX,
    SECONDS,
    SECONDS_OF_EXTENSION,
    frame_size,
)
from proxy.simulator.vendors.openai.errors import OpenAIError
from proxy.simulator.vendors.openai.forms import Form

FindVideo = Callable[[str], Task]
"""Return a completed video by its id, or raise the vendor's error."""


@dataclass(frozen=True)
class Create:
    """A valid order, defaults filled in.

    `seconds` is the clip's length, of which `given_seconds` are not newly made.
    """

    prompt: str
    model: str
    seconds: int
    size: str
    given_seconds: int = 0
    remixed_from: str | None = None
    inputs: Inputs = field(default_factory=Inputs)

    @property
    def micro_usd_per_s(self) -> int:
        """The price of a new second."""
        return MODELS[self.model][self.size]


def read_create(form: Form, knows_character: Callable[[str], bool]) -> Create:
    """Return the order in a `POST /videos` body.

    Raises:
        BadFieldError: The body breaks a rule of the model.
        OpenAIError: The reference image is not of the asked size.
    """
    fields = form.fields
    prompt = _prompt(fields)
    model = fields.text("model", allowed=MODELS) or DEFAULT_MODEL
    seconds = _seconds(form, fields, SECONDS) or DEFAULT_SECONDS
    size = fields.text("size", allowed=MODELS[model]) or DEFAULT_SIZE
    reference = _reference(form, fields)
    first_frame = reference if isinstance(reference, str) else None
    if isinstance(reference, bytes):
        first_frame = _check_reference(reference, size)
    _characters(fields, knows_character)
    fields.done()
    _refuse_files(form, "input_reference")
    return Create(prompt, model, int(seconds), size, inputs=Inputs(first_frame=first_frame))


def read_remix(form: Form, source: Task) -> Create:
    """Return the order in a remix of `source`: everything but the prompt is its own.

    Raises:
        BadFieldError: The body breaks a rule.
    """
    fields = form.fields
    prompt = _prompt(fields)
    fields.done()
    return replace(_like(source), prompt=prompt, remixed_from=source.task_id)


def read_edit(form: Form, find: FindVideo) -> Create:
    """Return the order in an edit of a video or an uploaded file.

    Raises:
        BadFieldError: The body breaks a rule.
        OpenAIError: There is no such completed video.
    """
    fields = form.fields
    prompt = _prompt(fields)
    create = _source(form, fields, find)
    fields.done()
    return replace(create, prompt=prompt)


def read_extension(form: Form, find: FindVideo) -> Create:
    """Return the order in an extension; its clip is the source and the new seconds.

    Raises:
        BadFieldError: The body breaks a rule.
        OpenAIError: There is no such completed video.
    """
    fields = form.fields
    prompt = _prompt(fields)
    seconds = _seconds(form, fields, SECONDS_OF_EXTENSION)
    if seconds is None:
        raise BadFieldError(path="seconds", problem="is required")
    source = _source(form, fields, find)
    fields.done()
    total = source.seconds + int(seconds)
    return replace(source, prompt=prompt, seconds=total, given_seconds=source.seconds)


def read_character(form: Form) -> str:
    """Return the name in a new character's body.

    Raises:
        BadFieldError: No name of 1 to 80 characters, or no video.
    """
    fields = form.fields
    name = fields.required_text("name", longest=CHARACTER_NAME_MAX)
    fields.done()
    if not name:
        raise BadFieldError(path="name", problem="must not be empty")
    if "video" not in form.files:
        raise BadFieldError(path="video", problem="is required")
    _refuse_files(form, "video")
    return name


def _prompt(fields: Fields) -> str:
    prompt = fields.required_text("prompt", longest=PROMPT_MAX)
    if not prompt:
        raise BadFieldError(path="prompt", problem="must not be empty")
    return prompt


def _seconds(form: Form, fields: Fields, allowed: tuple[str, ...]) -> str | None:
    if fields.has("seconds") and not form.is_text("seconds"):
        choice = ", ".join(f"'{seconds}'" for seconds in allowed)
        raise BadFieldError(path="seconds", problem=f"must be a string, one of {choice}")
    return fields.text("seconds", allowed=allowed)


def _reference(form: Form, fields: Fields) -> bytes | str | None:
    """Return the reference image, or where it is; None if there is none."""
    name = "input_reference"
    given = fields.child(name)
    if given is None:
        return form.files.get(name)
    url, file_id = given.text("image_url"), given.text("file_id")
    given.done()
    if (url is None) == (file_id is None) or name in form.files:
        raise BadFieldError(path=name, problem="needs exactly one of image_url and file_id")
    if url is None or url.startswith(("https://", "http://")):
        return url or file_id
    head, _, text = url.partition(",")
    is_data = head.startswith("data:image/") and head.endswith(";base64")
    data = decode_base64(text) if is_data else None
    if data is None or len(url) > DATA_URL_CHARACTERS_MAX:
        problem = "needs a URL, or a data URL of at most 20 MiB"
        raise BadFieldError(path=given.path("image_url"), problem=problem)
    return data


def _check_reference(data: bytes, size: str) -> str:
    image = read_image(data)
    if image is None:
        problem = "only image/jpeg, image/png and image/webp are supported"
        raise BadFieldError(path="input_reference", problem=problem)
    if (image.width, image.height) != frame_size(size):
        # Source: https://github.com/MicrosoftLearning/mslearn-ai-vision/issues/78, 2026: 400 with
        # a null code; the wording is ours.
        message = f"The reference image is {image.width}x{image.height}, but must be {size}."
        raise OpenAIError(400, message)
    return image.sha256


def _characters(fields: Fields, knows: Callable[[str], bool]) -> None:
    characters = fields.children("characters")
    if len(characters) > CHARACTERS_MAX:
        raise BadFieldError(path="characters", problem=f"holds more than {CHARACTERS_MAX}")
    for character in characters:
        if not knows(character.required_text("id")):
            raise BadFieldError(character.path("id"), problem="there is no such character")
        character.done()


def _source(form: Form, fields: Fields, find: FindVideo) -> Create:
    """Return what an edit or extension starts from; an uploaded file counts as four seconds."""
    given = fields.child("video")
    _refuse_files(form, "video")
    if given is not None:
        video_id = given.required_text("id")
        given.done()
        return _like(find(video_id))
    if "video" not in form.files:
        raise BadFieldError(path="video", problem="is required")
    model = fields.text("model", allowed=MODELS) or DEFAULT_MODEL
    return Create("", model, int(DEFAULT_SECONDS), DEFAULT_SIZE)


def _like(source: Task) -> Create:
    order = source.order
    return Create("", order.model, order.seconds, f"{order.width}x{order.height}")


def _refuse_files(form: Form, allowed: str) -> None:
    for name in form.files:
        if name != allowed:
            raise BadFieldError(path=name, problem="unknown field")
