from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.errors import InvalidRequest, NotSupportedYet
from proxy.domain.video import InputFile, Substitute, VideoJob
from proxy.http.fields import FIELDS, Draft, read_fields
from tests.http.outcome import outcome


def read(**fields: object) -> VideoJob:
    return read_fields({"prompt": "a fox", **fields}).video


def test_everything_that_is_left_out_stays_open() -> None:
    assert VideoJob(prompt="a fox") == read()


def test_null_is_the_same_as_left_out() -> None:
    assert read() == read(model=None, seconds=None, metadata=None, size=None, input_reference=None)


def test_every_field_is_read() -> None:
    assert VideoJob(
        prompt="a fox",
        model="kling-3.0",
        policy="balanced",
        seconds=8,
        resolution="4k",
        aspect_ratio="9:16",
        negative_prompt="rain",
        seed=0,
        audio=True,
        metadata={"shot": "12", "empty": ""},
        max_cost_micro_usd=500_000,
        deadline_s=600,
        substitute=Substitute.SAME_MODEL,
    ) == read(
        model="kling-3.0",
        policy="balanced",
        seconds="8",
        resolution="4k",
        aspect_ratio="9:16",
        negative_prompt="rain",
        seed=0,
        audio=True,
        metadata={"shot": "12", "empty": ""},
        max_cost_usd=Decimal("0.5"),
        deadline_s=600,
        substitute="same_model",
    )


@pytest.mark.parametrize("seconds", ["8", 8], ids=["text", "number"])
@pytest.mark.parametrize("name", ["seconds", "duration"])
def test_seconds_are_text_or_a_number_under_two_names(name: str, seconds: object) -> None:
    assert 8 == read(**{name: seconds}).seconds


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("1280x720", ("720p", "16:9")),
        ("720x1280", ("720p", "9:16")),
        ("854x480", ("480p", "16:9")),
        ("1080x1080", ("1080p", "1:1")),
        ("3840x2160", ("4k", "16:9")),
        ("2160x3840", ("4k", "9:16")),
    ],
)
def test_a_size_is_a_resolution_and_an_aspect_ratio(size: str, expected: tuple[str, str]) -> None:
    video = read(size=size)
    assert expected == (video.resolution, video.aspect_ratio)


@pytest.mark.parametrize(
    "amount", ["0.50", Decimal("0.5"), Decimal("5E-1")], ids=["text", "number", "exponent"]
)
def test_dollars_are_text_or_a_number(amount: object) -> None:
    assert 500_000 == read(max_cost_usd=amount).max_cost_micro_usd


def test_whole_dollars_are_a_number_too() -> None:
    assert 3_000_000 == read(max_cost_usd=3).max_cost_micro_usd


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"prompt": None}, "prompt", "required"),
    ({"prompt": ""}, "prompt", "empty"),
    ({"prompt": " \n"}, "prompt", "empty"),
    ({"prompt": 5}, "prompt", "string"),
    ({"prompt": "x" * 32_001}, "prompt", "32000"),
    ({"prompt": "\ud800"}, "prompt", "Unicode"),
    ({"model": 5}, "model", "string"),
    ({"model": "m" * 129}, "model", "128"),
    ({"policy": ["x"]}, "policy", "string"),
    ({"seconds": 0}, "seconds", "whole number"),
    ({"seconds": -4}, "seconds", "whole number"),
    ({"seconds": "4.5"}, "seconds", "whole number"),
    ({"seconds": Decimal("8.0")}, "seconds", "whole number"),
    ({"seconds": True}, "seconds", "whole number"),
    ({"seconds": 3601}, "seconds", "3600"),
    ({"seconds": "٨"}, "seconds", "whole number"),
    ({"seconds": 8, "duration": 8}, "duration", "another word for seconds"),
    ({"size": "1792x1024"}, "size", "1280x720"),
    ({"size": "1000x720"}, "size", "1280x720"),
    ({"size": "1280X720"}, "size", "1280x720"),
    ({"size": 720}, "size", "string"),
    ({"size": "1280x720", "resolution": "720p"}, "size", "resolution"),
    ({"size": "1280x720", "aspect_ratio": "16:9"}, "size", "aspect_ratio"),
    ({"resolution": "2k"}, "resolution", "480p, 720p, 1080p, 4k"),
    ({"resolution": {}}, "resolution", "480p"),
    ({"aspect_ratio": "16/9"}, "aspect_ratio", "16:9"),
    ({"aspect_ratio": "0:9"}, "aspect_ratio", "16:9"),
    ({"audio": "yes"}, "audio", "true or false"),
    ({"audio": 1}, "audio", "true or false"),
    ({"metadata": "x"}, "metadata", "object"),
    ({"metadata": {"a": 1}}, "metadata", "string"),
    ({"metadata": {"": "x"}}, "metadata", "key"),
    ({"metadata": {"a": "x" * 513}}, "metadata", "512"),
    ({"metadata": {"k" * 65: "x"}}, "metadata", "64"),
    ({"metadata": {f"k{n}": "x" for n in range(17)}}, "metadata", "16"),
    ({"metadata": {"a": "\udfff"}}, "metadata", "Unicode"),
    ({"max_cost_usd": "$1"}, "max_cost_usd", "plain decimal"),
    ({"max_cost_usd": "1e3"}, "max_cost_usd", "plain decimal"),
    ({"max_cost_usd": "-1"}, "max_cost_usd", "plain decimal"),
    ({"max_cost_usd": Decimal(-1)}, "max_cost_usd", "plain decimal"),
    ({"max_cost_usd": True}, "max_cost_usd", "plain decimal"),
    ({"max_cost_usd": Decimal("1E999999999")}, "max_cost_usd", "plain decimal"),
    ({"max_cost_usd": Decimal("1E-999999999")}, "max_cost_usd", "plain decimal"),
    ({"max_cost_usd": 10**40}, "max_cost_usd", "plain decimal"),
    ({"max_cost_usd": "0.0000001"}, "max_cost_usd", "micro-dollar"),
    ({"max_cost_usd": "999999999999"}, "max_cost_usd", "at most"),
    ({"deadline_s": 0}, "deadline_s", "whole number"),
    ({"deadline_s": "60"}, "deadline_s", "whole number"),
    ({"substitute": "always"}, "substitute", "never, same_model, policy"),
    ({"input_reference": 5}, "input_reference", "file"),
    ({"input_reference": {}}, "input_reference", "image_url"),
    ({"input_reference": {"image_url": 5}}, "input_reference", "image_url"),
    ({"input_reference": {"image_url": "data:", "x": 1}}, "input_reference", "image_url"),
    ({"last_frame": ["data:"]}, "last_frame", "file"),
    ({"last_frame": {"image_url": None}}, "last_frame", "image_url"),
    ({"reference_images": "data:"}, "reference_images", "list"),
    ({"reference_images": {"image_url": "data:"}}, "reference_images", "list"),
    ({"reference_images": ["data:"] * 11}, "reference_images", "at most 10"),
    ({"reference_images": ["data:", 7]}, "reference_images[1]", "file"),
    ({"negative_prompt": ""}, "negative_prompt", "empty"),
    ({"negative_prompt": 7}, "negative_prompt", "string"),
    ({"negative_prompt": "x" * 32_001}, "negative_prompt", "32000"),
    ({"seed": -1}, "seed", "from 0 to 4294967295"),
    ({"seed": 2**32}, "seed", "from 0 to 4294967295"),
    ({"seed": "7"}, "seed", "whole number"),
    ({"seed": True}, "seed", "whole number"),
    ({"seed": Decimal("1.0")}, "seed", "whole number"),
    ({"webhook_url": 7}, "webhook_url", "string"),
    ({"webhook_url": " "}, "webhook_url", "empty"),
    ({"webhook_url": "x" * 2049}, "webhook_url", "2048"),
    ({"n": 2}, "n", "allowed: prompt, model"),
    ({"video_length": 2}, "video_length", "duration"),
]


@pytest.mark.parametrize(("fields", "param", "phrase"), BAD)
def test_a_bad_field_is_named_with_what_is_allowed(
    fields: dict[str, Any], param: str, phrase: str
) -> None:
    with pytest.raises(InvalidRequest, match=phrase) as caught:
        read(**fields)
    assert param == caught.value.param


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input_reference": {"file_id": "file_1"}}, "input_reference"),
        ({"reference_images": [{"file_id": "file_1"}]}, "reference_images[0]"),
    ],
)
def test_a_file_id_is_not_supported_yet(fields: dict[str, object], param: str) -> None:
    with pytest.raises(NotSupportedYet) as caught:
        read(**fields)
    assert param == caught.value.param


def test_pictures_are_named_by_their_fields() -> None:
    draft = read_fields(
        {
            "prompt": "x",
            "reference_images": ["data:3", {"image_url": "https://a.example/4"}],
            "last_frame": "data:2",
            "input_reference": {"image_url": "data:1"},
        }
    )
    assert [
        ("input_reference", "data:1", False),
        ("last_frame", "data:2", False),
        ("reference_images[0]", "data:3", False),
        ("reference_images[1]", "https://a.example/4", True),
    ] == [(picture.param, picture.source, picture.is_link) for picture in draft.pictures]
    files = [InputFile(sha256=name, size_bytes=1, media_type="image/png") for name in "abcd"]
    job = draft.job(files)
    assert (files[0], files[1], tuple(files[2:])) == (
        job.input_reference,
        job.last_frame,
        job.reference_images,
    )


def test_a_request_without_pictures_is_its_own_outline() -> None:
    draft = read_fields({"prompt": "x", "reference_images": []})
    assert draft.video == draft.outline() == VideoJob(prompt="x")


def test_a_link_stands_for_itself_until_it_is_fetched() -> None:
    def outline(url: str) -> InputFile | None:
        return read_fields({"prompt": "x", "last_frame": url}).outline().last_frame

    one, other = outline("https://a.example/1"), outline("https://a.example/2")
    assert one == outline("https://a.example/1")
    assert one is not None
    assert one != other


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = st.sampled_from([*FIELDS, "duration", "n"]) | st.text(max_size=10)


@given(st.dictionaries(NAMES, ANYTHING, max_size=6))
def test_any_fields_become_a_draft_or_a_named_error(fields: dict[str, object]) -> None:
    found = outcome(lambda: read_fields(fields))
    if isinstance(found, Draft):
        assert found.video.prompt
    else:
        assert found.param is not None
