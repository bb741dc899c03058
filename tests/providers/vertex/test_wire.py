"""Veo's JSON: what is sent, and reading what comes back however odd it is."""

from __future__ import annotations

import json

import pytest

from proxy.providers.vertex.settings import default_base_url
from proxy.providers.vertex.wire import (
    create_request,
    object_of,
    parent_of,
    read_error,
    read_json,
    read_operation_name,
    read_outcome,
)
from tests.providers.accounts import OPERATION_NAME, VERTEX_UPSTREAM, an_input, an_order


def test_text_to_video_always_says_whether_there_is_sound() -> None:
    order = an_order(upstream=VERTEX_UPSTREAM, audio=True)
    parameters = {
        "durationSeconds": 4,
        "aspectRatio": "16:9",
        "resolution": "720p",
        "sampleCount": 1,
        "generateAudio": True,
    }
    expected = {"parameters": parameters, "instances": [{"prompt": "a red fox in the snow"}]}
    assert expected == create_request(order)


def test_a_bucket_is_named_if_there_is_one() -> None:
    order = an_order(upstream=VERTEX_UPSTREAM)
    parameters = create_request(order, "gs://films/veo")["parameters"]
    assert isinstance(parameters, dict)
    assert "gs://films/veo" == parameters["storageUri"]


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("gs://films/veo/1/sample_0.mp4", ("films", "veo/1/sample_0.mp4")),
        ("gs://my.films_1/ä b", ("my.films_1", "ä b")),
        ("gs://films/", None),
        ("gs://films", None),
        ("gs:///a", None),
        ("gs://UPPER/a", None),
        ("gs://films/a\nb", None),
        ("https://storage.googleapis.com/films/a", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_a_bucket_and_an_object(uri: object, found: tuple[str, str] | None) -> None:
    assert found == object_of(uri)


def test_the_first_frame_stands_last() -> None:
    order = an_order(first_frame=an_input(b"picture", media_type="image/jpeg"))
    text = json.dumps(create_request(order))
    assert text.endswith('"image": {"mimeType": "image/jpeg", "bytesBase64Encoded": ""}}]}')


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("us-central1", "https://us-central1-aiplatform.googleapis.com"),
        ("global", "https://aiplatform.googleapis.com"),
        ("eu", "https://aiplatform.eu.rep.googleapis.com"),
    ],
)
def test_each_location_has_its_host(location: str, url: str) -> None:
    assert url == default_base_url(location)


def test_an_operation_s_name_says_where_to_ask() -> None:
    assert OPERATION_NAME.partition("/operations/")[0] == parent_of(OPERATION_NAME)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "operations/1",
        "projects/p/locations/l/publishers/google/models/m",
        "projects/p/locations/l/publishers/google/models/m/operations/",
        "projects/p/locations/l/publishers/google/models/m/operations/1/2",
        "projects/../locations/l/publishers/google/models/m/operations/1",
        "projects/p/locations/l/publishers/google/models/m/operations/a..b",
        "projects/p?x=/locations/l/publishers/google/models/m/operations/1",
        "https://evil.example/projects/p/locations/l/publishers/google/models/m/operations/1",
        "projects/p/locations/l/publishers/google/models/m/operations/1\n",
    ],
)
def test_any_other_name_is_none(name: str) -> None:
    assert parent_of(name) is None
    assert read_operation_name({"name": name}) is None


@pytest.mark.parametrize("body", [None, b"", b"{", b"7", b"[]", b"[7]", b"\xff", b"[" * 100_000])
def test_what_is_no_object_is_nothing(body: bytes | None) -> None:
    assert read_json(body) is None


def test_an_error_is_read_from_an_object_or_a_list() -> None:
    details = [{"@type": "x", "reason": "BILLING_DISABLED"}, {"reason": ["odd"]}, 7]
    answer = {"error": {"code": 403, "message": "m", "status": "S", "details": details}}
    for body in (answer, [answer]):
        content = read_json(json.dumps(body).encode())
        assert content is not None
        error = read_error(content)
        assert error is not None
        assert (403, "S", "m") == (error.code, error.status, error.message)
        assert error.is_about_billing


@pytest.mark.parametrize("content", [{}, {"error": "text"}, {"error": None}])
def test_no_error_is_none(content: dict[str, object]) -> None:
    assert read_error(content) is None


def test_an_odd_error_is_still_one() -> None:
    error = read_error({"error": {"code": "x", "status": 7, "details": "y"}})
    assert error is not None
    assert (None, "", "", False) == (
        error.code,
        error.status,
        error.message,
        error.is_about_billing,
    )


@pytest.mark.parametrize(
    "content", [{}, {"done": "yes"}, {"done": 1}, {"done": None}, {"name": 7}]
)
def test_an_operation_that_cannot_be_told_is_nothing(content: dict[str, object]) -> None:
    assert read_outcome(content) is None


def test_a_missing_done_means_running() -> None:
    outcome = read_outcome({"name": OPERATION_NAME, "metadata": {}})
    assert outcome is not None
    assert not outcome.is_done
