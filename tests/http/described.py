"""Holds answers against /openapi.json: each status, header, code and field must be in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aiohttp import web
from openapi_schema_validator import OAS31Validator

from proxy.http.middleware import CLIENT_GONE

if TYPE_CHECKING:
    from collections.abc import Mapping

# What the server and HTTP itself put on any answer.
OF_HTTP = {
    "allow",
    "connection",
    "content-length",
    "content-type",
    "date",
    "server",
    "transfer-encoding",
}
# Errors carry details beside their four fields, each code its own.
OPEN = ("Error", "ErrorDetail")


def closed(schema: Any) -> Any:  # noqa: ANN401 - any JSON
    """The same schema, but its objects have no field that it does not name."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: part if name == "allOf" else closed(part) for name, part in schema.items()}
    is_record = "properties" in schema and "object" in schema.get("type", ())
    return {"additionalProperties": False, **inner} if is_record else inner


class Description:
    """A document, and what was found that it does not say."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        schemas = document["components"]["schemas"]
        self._components = {
            "schemas": {
                name: schema if name in OPEN else closed(schema)
                for name, schema in schemas.items()
            }
        }
        self._validators: dict[str, OAS31Validator] = {}
        self.problems: list[str] = []

    def problems_of(self, schema: Mapping[str, Any], content: object) -> list[str]:
        """What is wrong with some content, by a schema that may point at components."""
        found = self._validator(schema).iter_errors(content)
        return [f"{error.json_path}: {error.message}" for error in found]

    def _validator(self, schema: Mapping[str, Any]) -> OAS31Validator:
        """A validator is dear to make and answers thousands of times."""
        key = json.dumps(schema)
        if key not in self._validators:
            whole = {**schema, "components": self._components}
            made = OAS31Validator(whole, format_checker=OAS31Validator.FORMAT_CHECKER)
            self._validators[key] = made
        return self._validators[key]

    async def watch(self, request: web.Request, response: web.StreamResponse) -> None:
        """Check an answer that is about to be sent (a signal of aiohttp)."""
        said = f"{request.method} {request.path} {response.status}"
        self.problems += [f"{said}: {problem}" for problem in self._problems(request, response)]

    def _problems(self, request: web.Request, response: web.StreamResponse) -> list[str]:
        if response.status == CLIENT_GONE:
            return []  # Nobody gets it.
        resource = request.match_info.route.resource
        path = {} if resource is None else self._document["paths"][resource.canonical]
        operation = path.get(request.method.lower())
        if operation is None:
            return [] if response.status in (404, 405) else ["no route, yet an answer"]
        described = operation["responses"].get(str(response.status))
        if described is None:
            return ["the status is not described"]
        known = OF_HTTP | {name.lower() for name in described["headers"]}
        extra = sorted({name.lower() for name in response.headers} - known)
        return [
            *(f"the header {name} is not described" for name in extra),
            *self._body_problems(described.get("content", {}), response),
        ]

    def _body_problems(
        self, content: Mapping[str, Any], response: web.StreamResponse
    ) -> list[str]:
        if not content or not isinstance(response, web.Response):
            return []
        if response.content_type not in content:
            return [f"the type {response.content_type} is not described"]
        assert isinstance(response.body, bytes)
        schema = content[response.content_type]["schema"]
        return self.problems_of(schema, json.loads(response.body))
