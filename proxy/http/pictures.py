"""Pictures of a create: which fields hold them, and the forms in which one may be sent."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.domain.errors import InvalidRequest, NotSupportedYet
from proxy.domain.video import InputFile
from proxy.http.upload import Upload

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST_FRAME, LAST_FRAME, REFERENCES = "input_reference", "last_frame", "reference_images"
PICTURE_FIELDS = (FIRST_FRAME, LAST_FRAME, REFERENCES)
REFERENCES_MAX = 10
"""As many as any model takes.

Source: request types of runwayml 5.24.0 (`kling_4`), 2026-10-23.
"""
IMAGE_URL = "image_url"
_URL_BEGINNINGS = ("https://", "http://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture, and the field it came in, such as `reference_images[1]` for the second.

    `source` is a file, or text: a data URL until it is decoded, else a web address.
    """

    param: str
    source: Upload | str

    @property
    def is_link(self) -> bool:
        """Say whether it is a web address."""
        return isinstance(self.source, str) and self.source[:8].lower().startswith(_URL_BEGINNINGS)

    def outline(self) -> InputFile:
        """What tells it from others before it is stored: a file's content, a link's address.

        A link stands for itself: what lies there may change between two tries of one request.
        """
        if isinstance(self.source, Upload):
            return self.source.as_input()
        digest = hashlib.sha256(f"{IMAGE_URL} {self.source}".encode(errors="replace"))
        return InputFile(sha256=digest.hexdigest(), size_bytes=0, media_type="")


def read_pictures(sent: Mapping[str, object]) -> tuple[Picture, ...]:
    """Read every picture of a request: first frame, last frame, reference images.

    Raises:
        InvalidRequest: one is malformed, or there are too many.
        NotSupportedYet: one is named by `file_id`.
    """
    frames = [(name, sent[name]) for name in (FIRST_FRAME, LAST_FRAME) if name in sent]
    return tuple(_picture(param, value) for param, value in (*frames, *_references(sent)))


def _references(sent: Mapping[str, object]) -> list[tuple[str, object]]:
    value = sent.get(REFERENCES, [])
    if not isinstance(value, list):
        message = f"{REFERENCES} must be a list of files, data URLs, or objects with {IMAGE_URL}"
        raise InvalidRequest(message, param=REFERENCES)
    if len(value) > REFERENCES_MAX:
        message = f"{REFERENCES} has {len(value)} items; at most {REFERENCES_MAX} are allowed"
        raise InvalidRequest(message, param=REFERENCES)
    return [(f"{REFERENCES}[{index}]", item) for index, item in enumerate(value)]


def _picture(param: str, value: object) -> Picture:
    if isinstance(value, dict):
        value = _named(param, value)
    if not isinstance(value, str | Upload):
        message = f"{param} must be a file, a data URL, or an object with {IMAGE_URL}"
        raise InvalidRequest(message, param=param)
    return Picture(param=param, source=value)


def _named(param: str, value: dict[str, object]) -> object:
    if "file_id" in value:
        message = f"{param} by file_id is not supported yet; send a file, a data URL or a URL"
        raise NotSupportedYet(message, param=param)
    if list(value) != [IMAGE_URL] or not isinstance(value[IMAGE_URL], str):
        message = f"{param} must have exactly one field, {IMAGE_URL}, a string"
        raise InvalidRequest(message, param=param)
    return value[IMAGE_URL]
