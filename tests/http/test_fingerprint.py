from __future__ import annotations

from dataclasses import fields, replace

import pytest

from proxy.domain.video import InputFile, Substitute, VideoJob
from proxy.http.fields import read_fields
from proxy.http.fingerprint import fingerprint

FILE = InputFile(sha256="a" * 64, size_bytes=3, media_type="image/png")
FULL = VideoJob(
    prompt="a fox",
    model="kling-3.0",
    policy="balanced",
    seconds=8,
    resolution="720p",
    aspect_ratio="16:9",
    audio=True,
    input_reference=FILE,
    last_frame=FILE,
    reference_images=(FILE,),
    negative_prompt="no rain",
    seed=7,
    metadata={"a": "1", "b": "2"},
    max_cost_micro_usd=1,
    deadline_s=60,
    substitute=Substitute.NEVER,
    webhook_url="https://a.example/hook",
)


def of(job: VideoJob) -> str:
    return fingerprint(job, method="POST", route="/v1/videos")


def test_it_is_a_sha256() -> None:
    assert 64 == len(of(FULL))


def test_aliases_and_forms_of_one_value_are_equal() -> None:
    one = read_fields({"prompt": "x", "duration": 8, "max_cost_usd": "1.0", "size": "1280x720"})
    other = read_fields(
        {
            "prompt": "x",
            "seconds": "8",
            "max_cost_usd": 1,
            "resolution": "720p",
            "aspect_ratio": "16:9",
        }
    )
    assert of(one.video) == of(other.video)


def test_the_order_of_metadata_does_not_matter() -> None:
    assert of(FULL) == of(replace(FULL, metadata={"b": "2", "a": "1"}))


# What is started from is counted by its id: the rest is known later.
OWN_FIELDS = [field.name for field in fields(VideoJob) if field.name != "source"]


@pytest.mark.parametrize("name", OWN_FIELDS)
def test_every_field_counts(name: str) -> None:
    empty: dict[str, object] = {"prompt": "another", "reference_images": (), "metadata": {}}
    changed = replace(FULL, **{name: empty.get(name)})  # type: ignore[arg-type]
    assert of(FULL) != of(changed)


def test_a_default_is_not_the_same_as_left_out() -> None:
    assert of(replace(FULL, audio=None)) != of(replace(FULL, audio=False))


def test_a_file_counts_by_its_hash_alone() -> None:
    renamed = replace(FILE, media_type="image/jpeg")
    assert of(FULL) == of(replace(FULL, input_reference=renamed))
    assert of(FULL) != of(replace(FULL, input_reference=replace(FILE, sha256="b" * 64)))


def test_method_and_route_count() -> None:
    assert of(FULL) != fingerprint(FULL, method="POST", route="/v1/videos/edits")
    assert of(FULL) != fingerprint(FULL, method="PUT", route="/v1/videos")


def test_the_video_that_is_started_from_counts() -> None:
    def remix(video: str | None) -> str:
        return fingerprint(FULL, method="POST", route="/v1/videos/{id}/remix", video=video)

    assert 3 == len({remix(None), remix("video_a"), remix("video_b")})
    assert remix("video_a") == remix("video_a")
