"""Pictures that come with a create: whether they are worth taking in, and from where.

They are kept for the job that is about to be created, and for no other: the id is drawn first.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from proxy.domain.errors import ImageUnavailable, ImageUrlRefused, PayloadTooLarge
from proxy.gateway.ports.artifacts import ArtifactTooLarge, PictureRefused, PictureUnavailable
from proxy.gateway.read import answering_unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from proxy.domain.ids import JobId, TeamId
    from proxy.domain.video import InputFile
    from proxy.gateway.runtime import Runtime
    from proxy.gateway.views import Caller

FETCHES_AT_ONCE = 16
"""Fetches of one team in one process; nobody's token bucket pays for a create that is refused."""


class PictureIntake:
    """Takes pictures into our store, for their job under their SHA-256, before admission."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._fetching: Counter[TeamId] = Counter()

    async def save(
        self,
        caller: Caller,
        chunks: AsyncIterator[bytes],
        media_type: str,
        *,
        param: str,
        job: JobId,
    ) -> InputFile:
        """Keep a file that came with the request; `param` is the field it came in.

        Raises:
            PayloadTooLarge: the file is over the limit.
            StoreUnavailable: the artifact store does not answer.
        """
        try:
            with answering_unavailable():
                return await self._runtime.inputs.save(
                    chunks, media_type, team=caller.team.id, job=job
                )
        except ArtifactTooLarge as error:
            message = f"{param} is too large a file"
            raise PayloadTooLarge(message, param=param) from error

    async def fetch(self, caller: Caller, url: str, *, param: str, job: JobId) -> InputFile:
        """Keep the picture at a caller's URL; `param` is the field that names it.

        Raises:
            ImageUrlRefused: the URL leads where nothing is fetched from.
            ImageUnavailable: no picture came, or the team has too many fetches under way.
            StoreUnavailable: the artifact store does not answer.
        """
        team = caller.team.id
        if self._fetching[team] >= FETCHES_AT_ONCE:
            message = (
                f"{param} is not fetched: {FETCHES_AT_ONCE} pictures of the team are being fetched"
                " already; try again"
            )
            raise ImageUnavailable(message, param=param)
        self._fetching[team] += 1
        try:
            with answering_unavailable():
                return await self._runtime.inputs.fetch(url, team=team, job=job)
        except PictureRefused as error:
            message = f"the URL of {param} is not fetched: {error}"
            raise ImageUrlRefused(message, param=param) from error
        except PictureUnavailable as error:
            message = f"no picture came from the URL of {param}: {error}"
            raise ImageUnavailable(message, param=param) from error
        finally:
            self._fetching[team] -= 1
