"""/openapi.json is valid, equals the route table, and says what the parsers take.

That answers are as described is held by the `client` fixture, for every answer of every test.
"""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from proxy.domain.errors import REQUEST_CODES, InvalidRequest, ProxyError
from proxy.domain.job import JobError, JobState, public_status
from proxy.domain.video_event import end_body, end_data, event_of
from proxy.http.admin.routes import TABLE as ADMIN_TABLE
from proxy.http.apps import public_app
from proxy.http.endpoints import CONTENT, CREATE, NOT_YET, RETRIEVE, SPECIFICATION
from proxy.http.errors import status_of
from proxy.http.fields import ALIASES, FIELDS, read_fields
from proxy.http.links import Links
from proxy.http.openapi import document
from proxy.http.parameters import HEADERS, PARAMETERS
from proxy.http.routes import routes
from proxy.http.services import Services
from tests.builders import NOW_MS
from tests.fakes import RecordingObserver
from tests.http.described import closed
from tests.http.fakes import RecordingVideos, StillClock
from tests.http.heard import RecordingCallbacks
from tests.job_builders import a_job, a_request

if TYPE_CHECKING:
    from aiohttp import web

    from tests.http.conftest import Client
    from tests.http.described import Description

LINKS = Links(secret=bytes(16))
TABLE = routes(RecordingVideos(), RecordingCallbacks(), links=LINKS, clock=StillClock())
ENDPOINTS = [route.endpoint for route in TABLE]
DOCUMENT = document(ENDPOINTS, server_url="")


def an_app() -> web.Application:
    videos = RecordingVideos()
    return public_app(
        Services(
            videos=videos,
            authenticate=videos.authenticate,
            callbacks=RecordingCallbacks(),
        ),
        links=LINKS,
        clock=StillClock(),
        observer=RecordingObserver(),
        random_bytes=bytes,
    )


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): operation
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    }


def named_codes(operation: dict[str, Any]) -> set[tuple[int, str]]:
    """Every (status, code) that an operation says."""
    found = set()
    for status, response in operation["responses"].items():
        for media in response.get("content", {}).values():
            for part in media["schema"].get("allOf", []):
                error = part.get("properties", {}).get("error", {})
                codes = error.get("properties", {}).get("code", {}).get("enum", [])
                found |= {(int(status), code) for code in codes}
    return found


def test_it_is_openapi_3_1() -> None:
    errors = OpenAPIV31SpecValidator(DOCUMENT).iter_errors()
    assert [] == [error.message for error in errors]


def test_it_has_every_route_and_method_and_no_other() -> None:
    served = {
        (route.method, route.resource.canonical)
        for route in an_app().router.routes()
        if route.resource is not None
    }
    assert served == set(operations())


async def test_it_is_answered_to_anybody(client: Client) -> None:
    nobody = {"Authorization": ""}
    async with client.get("/openapi.json", headers=nobody) as answer:
        assert (200, "application/json") == (answer.status, answer.content_type)
        assert json.loads(json.dumps(DOCUMENT)) == await answer.json()
        etag = answer.headers["ETag"]
    async with client.get("/openapi.json", headers={**nobody, "If-None-Match": etag}) as answer:
        assert (304, b"") == (answer.status, await answer.read())


def test_every_documented_error_code_stands_at_a_route() -> None:
    said = {code for operation in operations().values() for _, code in named_codes(operation)}
    admin = {code for endpoint in ADMIN_TABLE for code in endpoint.all_errors}
    assert set(REQUEST_CODES) == said | admin
    assert "`route_not_found`" in DOCUMENT["info"]["description"]


def test_every_code_stands_under_its_own_status() -> None:
    for operation in operations().values():
        for status, code in named_codes(operation):
            of_route, of_field = (
                status_of(ProxyError("", code=code, param=param)) for param in (None, "field")
            )
            assert status in (of_route, of_field)
    assert (400, "not_supported_yet") in named_codes(operations()["POST", "/v1/videos"])
    for endpoint in NOT_YET:
        assert (422, "not_supported_yet") in named_codes(
            operations()[endpoint.method, endpoint.path]
        )


def test_a_route_that_is_not_built_promises_nothing() -> None:
    for endpoint in NOT_YET:
        statuses = operations()[endpoint.method, endpoint.path]["responses"]
        assert [] == [status for status in statuses if int(status) < 400]


def test_everything_that_is_there_is_used() -> None:
    text = json.dumps(DOCUMENT)
    kinds = {"schemas": DOCUMENT["components"]["schemas"], "parameters": PARAMETERS}
    for kind, names in {**kinds, "headers": HEADERS}.items():
        assert [] == [name for name in names if f'"#/components/{kind}/{name}"' not in text]


def test_who_may_call_is_said() -> None:
    told = {
        path: operations()["GET", path].get("security")
        for path in DOCUMENT["paths"]
        if "get" in DOCUMENT["paths"][path]
    }
    assert [{"key": []}] == DOCUMENT["security"]
    assert [{"key": []}, {"link": []}] == told[CONTENT.path]
    assert [] == told[SPECIFICATION.path]
    assert told[RETRIEVE.path] is None


def test_the_server_is_where_callers_reach_it() -> None:
    assert [{"url": "/"}] == DOCUMENT["servers"]
    public = replace(LINKS, public_url="https://video.example.com/gl")
    table = routes(RecordingVideos(), RecordingCallbacks(), links=public, clock=StillClock())
    assert table
    made = document([CREATE], server_url="https://video.example.com/gl")
    assert [{"url": "https://video.example.com/gl"}] == made["servers"]


@pytest.mark.parametrize("schema", ["CreateVideo", "CreateVideoForm"])
def test_a_create_has_every_field(schema: str) -> None:
    described = DOCUMENT["components"]["schemas"][schema]
    assert {*FIELDS, *ALIASES} == set(described["properties"])
    assert not described["additionalProperties"]


DATA_URL = "data:image/png;base64,AAAA"
# Field -> values; what the parser takes the schema allows, and nothing else.
VALUES: dict[str, list[object]] = {
    "prompt": ["a fox", "", "  ", "x" * 32_000, "x" * 32_001, 5, None],
    "model": ["kling-3.0", "", " ", "x" * 128, "x" * 129, 3, None],
    "policy": ["cheapest", "", True, None],
    "seconds": [
        4,
        "4",
        "04",
        0,
        "0",
        "",
        "-4",
        "4.0",
        3600,
        "3600",
        3601,
        "3601",
        True,
        "x",
        None,
    ],
    "duration": [8, "8", 0, []],
    "size": ["1280x720", "3840x2160", "1x1", 720, None],
    "resolution": ["720p", "4k", "4K", 720, None],
    "aspect_ratio": ["16:9", "21:9", "0:9", "16x9", "", 16, None],
    "input_reference": [
        DATA_URL,
        {"image_url": DATA_URL},
        {"image_url": 5},
        {"url": "x"},
        5,
        None,
    ],
    "last_frame": [DATA_URL, {"image_url": DATA_URL}, {"url": "x"}, 5, None],
    "reference_images": [[DATA_URL], [{"image_url": DATA_URL}], [5], [DATA_URL] * 11, 5, None],
    "negative_prompt": ["rain", "", " ", 5, None],
    "seed": [0, 7, -1, 2**40, "x", True, None],
    "audio": [True, False, "true", 1, None],
    "metadata": [
        {},
        {"shot": "12"},
        {"shot": ""},
        {"shot": 12},
        {"shot": "x" * 512},
        {"shot": "x" * 513},
        {"x" * 64: "a"},
        {"x" * 65: "a"},
        {" ": "a"},
        {str(n): "a" for n in range(16)},
        {str(n): "a" for n in range(17)},
        [],
        None,
    ],
    "max_cost_usd": ["0.50", 1, "1e3", "-1", -1, "", "x", True, None],
    "deadline_s": [1, 600, 0, "600", 30 * 86_400, 30 * 86_400 + 1, True, None],
    "substitute": ["never", "policy", "always", 1, None],
    "webhook_url": ["https://a.example/x", "nonsense", "", " ", "x" * 2048, "x" * 2049, 5, None],
    "n": [1],
}


def is_taken(field: str, value: object) -> bool:
    try:
        read_fields({"prompt": "a fox", field: value})
    except InvalidRequest:
        return False
    return True


@pytest.mark.parametrize("field", [*FIELDS, *ALIASES, "n"])
def test_the_schema_of_a_create_allows_what_the_parser_takes(
    description: Description, field: str
) -> None:
    schema = {"$ref": "#/components/schemas/CreateVideo"}

    def is_allowed(value: object) -> bool:
        return not description.problems_of(schema, {"prompt": "a fox", field: value})

    values = VALUES[field]
    assert [is_taken(field, value) for value in values] == [is_allowed(value) for value in values]


@pytest.mark.parametrize("charged", [336_000, None])
def test_what_receivers_are_told_is_described(
    description: Description, charged: int | None
) -> None:
    schema = {"$ref": "#/components/schemas/VideoEnded"}
    error = JobError(code="provider_failed", message="x")
    done = replace(a_job(request=a_request(metadata={"shot": "1"})), state=JobState.COMPLETED)
    for job in (done, replace(done, state=JobState.FAILED, error=error)):
        data = end_data(job, charged_micro_usd=charged)
        body = end_body("msg_1", event_of(public_status(job)), data, at_ms=NOW_MS, sequence=1)
        assert [] == description.problems_of(schema, json.loads(body))


def test_dollars_may_have_a_point(description: Description) -> None:
    schema = {"$ref": "#/components/schemas/CreateVideo"}
    assert is_taken("max_cost_usd", Decimal("0.5"))
    assert [] == description.problems_of(schema, {"prompt": "x", "max_cost_usd": 0.5})


def test_an_answer_beside_the_description_is_noticed(description: Description) -> None:
    """What the `client` fixture relies on."""
    deleted = {"id": "video_a", "object": "video.deleted", "deleted": True}
    schema = {"$ref": "#/components/schemas/VideoDeleted"}
    assert [] == description.problems_of(schema, deleted)
    for wrong in ({**deleted, "more": 1}, {**deleted, "deleted": 1}, {"id": "video_a"}):
        assert description.problems_of(schema, wrong)
    record = {"type": ["object", "null"], "properties": {}}
    assert {**record, "additionalProperties": False} == closed(record)
