"""Inputs are kept by content, once."""

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

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from proxy.gateway.ports.artifacts import Inputs

PICTURE = b"\x89PNG" + bytes(1000)
URL = "https://pictures.example/a.png"
SHA256 = hashlib.sha256(PICTURE).hexdigest()


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
    return sorted(path.name for path in (folder / "inputs").iterdir())


async def test_a_file_is_kept_under_its_hash(artifacts: Artifacts, tmp_path: Path) -> None:
    saved = await inputs_in(artifacts).save(chunks_of(PICTURE[:7], PICTURE[7:]), "image/png")
    expected = InputFile(sha256=SHA256, size_bytes=len(PICTURE), media_type="image/png")
    assert expected == saved
    assert [SHA256] == kept(tmp_path)
    read = b"".join([part async for part in artifacts.open(input_name(SHA256))])
    assert PICTURE == read


async def test_the_same_bytes_are_kept_once(artifacts: Artifacts, tmp_path: Path) -> None:
    inputs = inputs_in(artifacts)
    first = await inputs.save(chunks_of(PICTURE), "image/png")
    again = await inputs.save(chunks_of(*(bytes([byte]) for byte in PICTURE)), "image/png")
    assert first == again
    assert [SHA256] == kept(tmp_path)


async def test_a_picture_at_a_url_is_kept_like_a_file(
    artifacts: Artifacts, tmp_path: Path
) -> None:
    inputs = inputs_in(artifacts)
    assert await inputs.fetch(URL) == await inputs.save(chunks_of(PICTURE), "image/png")
    assert [SHA256] == kept(tmp_path)


async def test_a_file_over_the_limit_is_not_kept(artifacts: Artifacts, tmp_path: Path) -> None:
    with pytest.raises(ArtifactTooLarge):
        await inputs_in(artifacts, bytes_max=100).save(chunks_of(PICTURE), "image/png")
    assert not (tmp_path / "inputs").exists() or [] == kept(tmp_path)
