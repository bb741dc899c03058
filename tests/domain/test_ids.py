"""Ids have one form, and nothing else passes for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.ids import (
    JOB_ID_RANDOM_BYTES,
    attempt_id,
    is_job_id,
    job_of_attempt,
    new_job_id,
)
from tests.job_builders import a_job_id

raws = st.binary(min_size=JOB_ID_RANDOM_BYTES, max_size=JOB_ID_RANDOM_BYTES)


def id_of(raw: bytes) -> str:
    def random_bytes(size: int) -> bytes:
        assert size == len(raw)
        return raw

    return new_job_id(random_bytes)


@given(st.sets(raws, min_size=2, max_size=20))
def test_every_bit_counts_in_a_well_formed_id(drawn: set[bytes]) -> None:
    made = {id_of(raw) for raw in drawn}
    assert len(drawn) == len(made)
    assert all(is_job_id(text) for text in made)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "video_",
        "video_" + "a" * 23,
        "video_" + "a" * 25,
        "video_" + "A" * 24,
        "video_" + "1" * 24,
        "video_" + "a" * 24 + "\n",
        "../" + "a" * 24,
    ],
)
def test_anything_else_is_no_job_id(text: str) -> None:
    assert not is_job_id(text)


def test_attempts_are_numbered_after_their_job() -> None:
    job = a_job_id(5)
    assert is_job_id(job)
    assert f"{job}-2" == attempt_id(job, 2)


def test_an_attempt_leads_to_its_job() -> None:
    job = a_job_id(5)
    for number in (1, 20):
        assert (job, number) == job_of_attempt(attempt_id(job, number))


@pytest.mark.parametrize(
    "text",
    ["", "video_", "video_" + "a" * 24, "video_" + "a" * 24 + "-0", "video_" + "A" * 24 + "-1",
     "video_" + "a" * 24 + "-1\n", "x" + "video_" + "a" * 24 + "-1", "gl:{main}:org"],
)  # fmt: skip
def test_anything_else_is_no_attempt(text: str) -> None:
    with pytest.raises(ValueError, match="not the id of an attempt"):
        job_of_attempt(text)
