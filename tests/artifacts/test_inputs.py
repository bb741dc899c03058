"""Inputs are kept by job and content, once."""

from __future__ import annotations

import hashlib
import os
from contextlib import asynccontextmanager
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from proxy.artifacts.inputs import HashedInputs
from proxy.artifacts.pictures import Picture
from proxy.artifacts.store import Artifacts, open_artifacts
from proxy.domain.video import InputFile
from proxy.gateway.names import input_name
from proxy.gateway.ports.artifacts import ArtifactTooLarge
from tests.builders import MARKETING
from tests.job_builders import a_job_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from proxy.gateway.ports.artifacts import Inputs

PICTURE = b"\x89PNG" + bytes(1000)
URL = "https://pictures.example/a.png"
SHA256 = hashlib.sha256(PICTURE).hexdigest()
NAME = input_name(MARKETING, a_job_id(1), SHA256)
OTHER = input_name(MARKETING, a_job_id(2), SHA256)


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return open_artifacts(f"file://{tmp_path}")


def inputs_in(artifacts: Artifacts, *, bytes_max: int = 4096) -> Inputs:
    return HashedInputs(artifacts, on_the_shelf, random_bytes=os.urandom, bytes_max=bytes_max)


@asynccontextmanager
async def on_the_shelf(url: str) -> AsyncIterator[Picture]:
    assert url == URL
    yield Picture(media_type="image/png", file=BytesIO(PICTURE))


async def chunks_of(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def kept(folder: Path) -> list[str]:
    files = (path for path in (folder / "inputs").rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in files)


async def save(inputs: Inputs, *parts: bytes, number: int = 1) -> InputFile:
    """Keep a picture of the number-th job."""
    return await inputs.save(chunks_of(*parts), "image/png", team=MARKETING, job=a_job_id(number))


async def test_a_file_is_kept_for_its_job_under_its_hash(
    artifacts: Artifacts, tmp_path: Path
) -> None:
    saved = await save(inputs_in(artifacts), PICTURE[:7], PICTURE[7:])
    expected = InputFile(sha256=SHA256, size_bytes=len(PICTURE), media_type="image/png")
    assert expected == saved
    assert [NAME] == kept(tmp_path)
    read = b"".join([part async for part in artifacts.open(NAME)])
    assert PICTURE == read


async def test_the_same_bytes_are_kept_once_for_a_job(
    artifacts: Artifacts, tmp_path: Path
) -> None:
    inputs = inputs_in(artifacts)
    first = await save(inputs, PICTURE)
    again = await save(inputs, *(bytes([byte]) for byte in PICTURE))
    assert first == again
    assert [NAME] == kept(tmp_path)


async def test_no_job_s_file_is_another_s(artifacts: Artifacts, tmp_path: Path) -> None:
    inputs = inputs_in(artifacts)
    assert await save(inputs, PICTURE) == await save(inputs, PICTURE, number=2)
    assert [NAME, OTHER] == kept(tmp_path)
    await artifacts.delete(NAME)
    assert [OTHER] == kept(tmp_path)


async def test_a_picture_at_a_url_is_kept_like_a_file(
    artifacts: Artifacts, tmp_path: Path
) -> None:
    inputs = inputs_in(artifacts)
    fetched = await inputs.fetch(URL, team=MARKETING, job=a_job_id(1))
    assert fetched == await save(inputs, PICTURE)
    assert [NAME] == kept(tmp_path)


async def test_a_file_over_the_limit_is_not_kept(artifacts: Artifacts, tmp_path: Path) -> None:
    with pytest.raises(ArtifactTooLarge):
        await save(inputs_in(artifacts, bytes_max=100), PICTURE)
    assert [] == kept(tmp_path)
