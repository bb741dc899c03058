"""Adapters of throw-away accounts, and what they are asked for."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from proxy.domain.errors import ProviderError
from proxy.domain.ids import AttemptId
from proxy.domain.video import Order, OrderInput, Shape
from proxy.gateway.ports.provider import Pending, Succeeded
from proxy.providers import PROVIDERS
from proxy.providers.manifest import ProviderSettings
from proxy.providers.vertex.adapter import VertexProvider

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable
    from pathlib import Path

    from proxy.domain.failure import Failure
    from proxy.domain.job import Operation
    from proxy.gateway.ports.provider import Status, VideoProvider
    from proxy.gateway.ports.runtime import Clock
    from proxy.outgoing.session import Sessions

ATTEMPT = AttemptId("video_abcdefghijklmnopqrstuvwx-1")
API_KEY = "kling-api-key-0123456789"
ACCESS_KEY, SECRET_KEY = "access-key", "a-secret-of-at-least-thirty-two-bytes"
PROJECT, CLIENT_EMAIL = "film-studio", "greenlight@film-studio.iam.gserviceaccount.com"
API_SECRET, OPENAI_KEY = "runway-secret-0123456789", "openai-key-0123456789"
KLING_UPSTREAM, VERTEX_UPSTREAM = "kling-3.0", "veo-3.1-fast-generate-001"
RUNWAY_UPSTREAM, OPENAI_UPSTREAM = "gen4.5", "sora-2"
PATIENT_S, HASTY_S = 10.0, 0.4
"""Limits of a call: for whatever ends by itself on a busy machine, and for what never does."""
SIGNED_BEFORE = "eyJ.signed.before"
VIDEO = b"\x00\x00\x00\x18ftypisom" + bytes(range(256)) * 8

_private_key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
PUBLIC_KEY_PEM = (
    _private_key.public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode()
)
PRIVATE_KEY_PEM = _private_key.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
).decode()
SERVICE_ACCOUNT = json.dumps(
    {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "key-1",
        "private_key": PRIVATE_KEY_PEM,
        "client_email": CLIENT_EMAIL,
        "token_uri": "https://oauth2.googleapis.com/token",
    }
)
KLING_CREDENTIALS = {"api_key": API_KEY}
KLING_KEY_PAIR = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY}
RUNWAY_CREDENTIALS = {"api_secret": API_SECRET}
OPENAI_CREDENTIALS = {"api_key": OPENAI_KEY}
VERTEX_CREDENTIALS = {"project": PROJECT, "service_account": SERVICE_ACCOUNT}


@dataclass
class HandClock:
    """A clock moved by hand."""

    wall_s: float = 1_795_000_000.0
    passed_s: float = 0.0

    def now_s(self) -> float:
        return self.wall_s + self.passed_s

    def monotonic_s(self) -> float:
        return self.passed_s

    async def sleep(self, seconds: float) -> None:
        self.passed_s += seconds


@dataclass
class Accounts:
    """Builds adapters on one pair of sessions and one clock."""

    sessions: Sessions
    clock: Clock

    def build(
        self, name: str, credentials: dict[str, str], settings: ProviderSettings
    ) -> VideoProvider:
        manifest = PROVIDERS[name]
        valid = manifest.credentials_model.model_validate(credentials)
        return manifest.build(valid, settings, self.sessions, self.clock)

    def signing_vertex(self, base_url: str) -> VideoProvider:
        """An adapter that signs its own tokens."""
        return self.build("vertex", VERTEX_CREDENTIALS, settings_for(base_url))

    def kling(
        self,
        base_url: str,
        credentials: dict[str, str] | None = None,
        *,
        call_s: float = PATIENT_S,
    ) -> VideoProvider:
        settings = settings_for(base_url, call_s=call_s)
        return self.build("kling", credentials or KLING_CREDENTIALS, settings)

    def runway(self, base_url: str, *, call_s: float = PATIENT_S) -> VideoProvider:
        return self.build("runway", RUNWAY_CREDENTIALS, settings_for(base_url, call_s=call_s))

    def openai(self, base_url: str, *, call_s: float = PATIENT_S) -> VideoProvider:
        return self.build("openai", OPENAI_CREDENTIALS, settings_for(base_url, call_s=call_s))

    def vertex(
        self,
        base_url: str,
        *,
        call_s: float = PATIENT_S,
        download_s: float | None = None,
        spool_dir: Path | None = None,
        inline_bytes_max: int = 2**29,
        storage: dict[str, str] | None = None,
    ) -> VideoProvider:
        """An adapter that has its first token: reading a key takes a fifth of a second."""
        settings = replace(
            settings_for(base_url, call_s=call_s),
            download_s=download_s or call_s,
            spool_dir=spool_dir,
            inline_bytes_max=inline_bytes_max,
        )
        adapter = self.build("vertex", {**VERTEX_CREDENTIALS, **(storage or {})}, settings)
        assert isinstance(adapter, VertexProvider)
        adapter._token._token = SIGNED_BEFORE
        adapter._token._renew_at_s = self.clock.now_s() + 3_000
        return adapter


def patience_with(scenario: str) -> float:
    """How long a call to a simulated provider may take."""
    return HASTY_S if "hang" in scenario else PATIENT_S


def settings_for(base_url: str, *, call_s: float = PATIENT_S) -> ProviderSettings:
    return ProviderSettings(
        base_url=base_url, connect_s=call_s, submit_s=call_s, status_s=call_s, download_s=call_s
    )


def an_order(
    prompt: str = "a red fox in the snow",
    *,
    upstream: str = KLING_UPSTREAM,
    seconds: int = 4,
    audio: bool = False,
    first_frame: OrderInput | None = None,
) -> Order:
    shape = Shape(seconds=seconds, resolution="720p", aspect_ratio="16:9", audio=audio)
    return Order(prompt=prompt, upstream=upstream, shape=shape, first_frame=first_frame)


def an_input(
    content: bytes, *, size_bytes: int | None = None, media_type: str = "image/png"
) -> OrderInput:
    """An input that is read in odd pieces; `size_bytes` lies about its length if set."""

    async def read() -> AsyncIterator[bytes]:
        step = 65_537
        for start in range(0, len(content), step):
            yield content[start : start + step]

    size = len(content) if size_bytes is None else size_bytes
    return OrderInput(media_type=media_type, size_bytes=size, open=read)


def a_png(*, width_px: int = 320, height_px: int = 320) -> bytes:
    """A black picture, large enough for a strict vendor."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width_px + 1) * height_px))
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", rows), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def a_lost_input() -> OrderInput:
    async def read() -> AsyncIterator[bytes]:
        yield b"its beginning"
        message = "inputs/0000"
        raise FileNotFoundError(message)

    return OrderInput(media_type="image/png", size_bytes=1_000, open=read)


def a_done_veo_answer(video: bytes = VIDEO) -> dict[str, object]:
    """What Vertex answers when a video is ready."""
    item = {"bytesBase64Encoded": base64.b64encode(video).decode(), "mimeType": "video/mp4"}
    response = {"raiMediaFilteredCount": 0, "videos": [item]}
    return {"name": OPERATION_NAME, "done": True, "response": response}


OPERATION_NAME = (
    f"projects/{PROJECT}/locations/us-central1/publishers/google/models/{VERTEX_UPSTREAM}"
    "/operations/6f7c1b1e-0000-4000-8000-000000000001"
)
KLING_OPERATION: Operation = {"task_id": "884517297639900085", "design": "new"}
RUNWAY_OPERATION: Operation = {"task_id": "182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e"}
OPENAI_OPERATION: Operation = {"task_id": "video_68f7a1b2c3d4"}
VERTEX_OPERATION: Operation = {
    "name": OPERATION_NAME,
    "task_id": OPERATION_NAME.rpartition("/")[2],
}


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def failure_of(call: Awaitable[object]) -> Failure:
    """Return the failure that a call raises."""
    try:
        answer = await call
    except ProviderError as error:
        return error.failure
    message = f"no failure, but {answer!r}"
    raise AssertionError(message)


async def download_failure(
    adapter: VideoProvider, result: Succeeded, operation: Operation | None = None
) -> Failure:
    """Return the failure that a download raises."""
    return await failure_of(downloaded(adapter, result, operation))


async def downloaded(
    adapter: VideoProvider, result: Succeeded, operation: Operation | None = None
) -> bytes:
    chunks = [chunk async for chunk in adapter.download(operation or {}, result)]
    return b"".join(chunks)


async def end_of(adapter: VideoProvider, operation: Operation, clock: HandClock) -> Status:
    """Follow an operation, moving the clock, until it is not pending any more."""
    for _ in range(200):
        status = await adapter.status(operation)
        if not isinstance(status, Pending):
            return status
        await clock.sleep(1.0)
    message = "the operation never ended"
    raise AssertionError(message)


async def success_of(adapter: VideoProvider, operation: Operation, clock: HandClock) -> Succeeded:
    status = await end_of(adapter, operation, clock)
    assert isinstance(status, Succeeded), status
    return status
