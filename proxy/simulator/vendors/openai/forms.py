"""Read a body that comes as JSON, as multipart, or as a form with bracketed keys.

The SDK sends `{"a": {"b": 1}}` as the form field `a[b]`, and a list's items as `a[][b]`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from proxy.simulator.fields import BadFieldError, Fields
from proxy.simulator.vendors.openai.errors import OpenAIError

_NESTED = re.compile(r"(\w+)\[(\w+)\]")
_LISTED = re.compile(r"(\w+)\[\d*\]\[(\w+)\]")
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


@dataclass(frozen=True)
class Form:
    """A body: its values as JSON would hold them, and the uploaded files by field."""

    values: object
    files: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def fields(self) -> Fields:
        """The values, to be read one by one.

        Raises:
            BadFieldError: The body is not an object.
        """
        return Fields(self.values, "")

    def is_text(self, name: str) -> bool:
        """Say whether a field was sent as a plain string."""
        return isinstance(self.values, dict) and isinstance(self.values.get(name), str)


async def read_form(request: web.Request) -> Form:
    """Return the body of a request.

    Raises:
        OpenAIError: It is of another type, or cannot be read.
    """
    if request.content_type in _FORMS:
        return await _read_multipart(request)
    if request.content_type != "application/json":
        message = f"Unsupported content type: '{request.content_type}'."
        raise OpenAIError(400, message, code="unsupported_content_type")
    try:
        return Form(json.loads(await request.read()))
    except ValueError as error:
        message = "We could not parse the JSON body of your request."
        raise OpenAIError(400, message) from error


async def _read_multipart(request: web.Request) -> Form:
    values: dict[str, object] = {}
    files: dict[str, bytes] = {}
    try:
        posted = await request.post()
    except ValueError as error:
        message = "Could not parse multipart form."
        raise OpenAIError(400, message) from error
    for key, value in posted.items():
        if isinstance(value, web.FileField):
            if key in files:
                raise BadFieldError(key, problem="is given twice")
            files[key] = value.file.read()
        else:
            _put(values, key, value if isinstance(value, str) else bytes(value).decode())
    return Form(values, files)


def _put(values: dict[str, object], key: str, text: str) -> None:
    nested, listed = _NESTED.fullmatch(key), _LISTED.fullmatch(key)
    if nested:
        inner = values.setdefault(nested[1], {})
        if isinstance(inner, dict):
            inner[nested[2]] = text
    elif listed:
        items = values.setdefault(listed[1], [])
        if isinstance(items, list):
            items.append({listed[2]: text})
    elif key in values:
        raise BadFieldError(key, problem="is given twice")
    else:
        values[key] = text
