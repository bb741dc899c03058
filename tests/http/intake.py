"""What a fake of the use cases keeps of the pictures that come for a video."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from proxy.domain.errors import StoreUnavailable
from proxy.domain.video import InputFile
from tests.job_builders import a_job_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from proxy.domain.ids import JobId
    from proxy.domain.job import Job
    from proxy.gateway.views import Caller


@dataclass
class Intake:
    """Notes every call and keeps pictures; `refusal` is raised by every call.

    With `is_full` no picture can be stored; `kept_for` are the jobs that pictures came for.
    """

    jobs: dict[str, Job] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    refusal: BaseException | None = None
    inputs: dict[str, bytes] = field(default_factory=dict)
    pictures: dict[str, bytes] = field(default_factory=dict)
    kept_for: list[JobId] = field(default_factory=list)
    is_full: bool = False

    def note(self, what: str, **details: object) -> None:
        self.calls.append((what, details))
        if self.refusal is not None:
            raise self.refusal

    def new_id(self) -> JobId:
        return a_job_id(len(self.jobs) + 1)

    async def save_input(
        self,
        caller: Caller,
        chunks: AsyncIterator[bytes],
        media_type: str,
        *,
        param: str,
        job_id: JobId,
    ) -> InputFile:
        self.note("save_input", media_type=media_type, param=param)
        self.kept_for.append(job_id)
        if self.is_full:
            raise StoreUnavailable(param, retry_after_s=5)
        return self._keep(b"".join([chunk async for chunk in chunks]), media_type)

    async def fetch_input(
        self, caller: Caller, url: str, *, param: str, job_id: JobId
    ) -> InputFile:
        self.note("fetch_input", url=url, param=param)
        self.kept_for.append(job_id)
        return self._keep(self.pictures[url], "image/png")

    def _keep(self, content: bytes, media_type: str) -> InputFile:
        digest = hashlib.sha256(content).hexdigest()
        self.inputs[digest] = content
        return InputFile(sha256=digest, size_bytes=len(content), media_type=media_type)
