"""The official openai client, as `submit` and `demo` use it: create, follow, download.

It takes half a second to import: nothing else may import this module.
"""

import hashlib
import json
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import click
import httpx2  # the client's own transport, whose errors it lets through while a body streams
import openai

from proxy.cli.api import refusal, unreachable
from proxy.cli.video import Video

_CHUNK_BYTES = 1 << 16
_POLL_S = 1.0
_POLL_MIN_S = 0.1
_POLL_MAX_S = 15.0


class VideoClient:
    """Videos of one team; every failure is a click.ClickException with one clear sentence."""

    def __init__(self, url: str, key: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._url = url
        self._sleep = sleep
        self._client = openai.OpenAI(base_url=url, api_key=key)

    def create(
        self,
        prompt: str,
        fields: Mapping[str, object],
        *,
        reference: Path | None = None,
        idempotency_key: str | None = None,
    ) -> Video:
        """Submit a job; with a key, however often it is repeated, one job comes of it."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else None
        with self._errors():
            answer = self._client.videos.with_raw_response.create(
                prompt=prompt,
                input_reference=openai.omit if reference is None else reference,
                extra_body=dict(fields),
                extra_headers=headers,
            )
        return Video(json.loads(answer.content))

    def follow(self, video_id: str, show: Callable[[Video], None]) -> Video:
        """Ask until the job has ended, as often as the proxy finds useful; show every answer."""
        while True:
            with self._errors():
                answer = self._client.videos.with_raw_response.retrieve(video_id)
            video = Video(json.loads(answer.content))
            show(video)
            if video.has_ended:
                return video
            self._sleep(_pause_s(answer.headers.get("openai-poll-after-ms")))

    def download(self, video: Video, path: Path) -> int:
        """Save the file, all of it or nothing, and return its size in bytes."""
        part = path.with_name(path.name + ".part")
        digest = hashlib.sha256()
        try:
            with (
                self._errors(),
                self._client.videos.with_streaming_response.download_content(video.id) as answer,
                part.open("wb") as stream,
            ):
                for chunk in answer.iter_bytes(_CHUNK_BYTES):
                    digest.update(chunk)
                    stream.write(chunk)
            if video.sha256 not in (None, digest.hexdigest()):
                message = "the file that arrived is not the one that was made (SHA-256 differs)"
                raise click.ClickException(message)
            size_bytes = part.stat().st_size
            part.replace(path)
        except OSError as error:
            again = f"the video is kept; greenlight submit --resume {video.id} fetches it again"
            message = f"{path} can't be written: {error.strerror}; {again}"
            raise click.ClickException(message) from error
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        return size_bytes

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            with warnings.catch_warnings():
                # The client calls its videos deprecated because OpenAI's own were switched off.
                warnings.simplefilter("ignore", DeprecationWarning)
                yield
        except openai.APIStatusError as error:
            body = {"error": error.body}
            raise click.ClickException(refusal(error.status_code, body)) from error
        except (openai.APIConnectionError, httpx2.HTTPError) as error:
            reason = error.__cause__ if isinstance(error.__cause__, Exception) else error
            raise click.ClickException(unreachable(self._url, reason)) from error
        except openai.OpenAIError as error:
            raise click.ClickException(str(error)) from error


def _pause_s(after_ms: str | None) -> float:
    if after_ms is None or not after_ms.isdigit():
        return _POLL_S
    return min(_POLL_MAX_S, max(_POLL_MIN_S, int(after_ms) / 1000))
