"""The team's API as the commands see it: one request, its JSON, or one clear sentence.

The standard library's client is enough here: it starts in no time and follows no redirect.
"""

import http.client
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

import click

DEFAULT_URL = "http://127.0.0.1:8080"
TIMEOUT_S = 30.0
_OK = range(200, 300)

Json = dict[str, object]
Command = TypeVar("Command", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Api:
    """One team's access to a proxy; `url` ends in /v1."""

    url: str
    key: str

    def get(self, path: str, query: Mapping[str, object] | None = None) -> Json:
        """Read one resource below /v1.

        Raises:
            click.ClickException: The proxy can't be reached, or it refused.
        """
        wanted = {name: value for name, value in (query or {}).items() if value is not None}
        return self._ask("GET", f"{path}?{urlencode(wanted)}" if wanted else path, None)

    def post(self, path: str, body: Json) -> Json:
        """Send one JSON body below /v1; raises as `get` does."""
        return self._ask("POST", path, json.dumps(body).encode())

    def _ask(self, method: str, path: str, body: bytes | None) -> Json:
        headers = {"Authorization": f"Bearer {self.key}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return ask(method, self.url + path, headers=headers, body=body)


class NoAnswer(click.ClickException):
    """Nobody answers there; if it `is_cut` in the middle, what was asked may have been done."""

    def __init__(self, message: str, *, is_cut: bool) -> None:
        super().__init__(message)
        self.is_cut = is_cut


def ask(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Json:
    """Send one request and read the object it is answered with.

    Raises:
        NoAnswer: Nobody answers there.
        click.ClickException: The answer is a refusal.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout_s)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    try:
        connection.request(method, target, body, dict(headers or {}))
        answer = connection.getresponse()
        return _json_of(answer.status, answer.read(), url)
    except (OSError, http.client.HTTPException) as error:
        is_cut = isinstance(error, http.client.HTTPException | ConnectionResetError)
        raise NoAnswer(unreachable(url, error), is_cut=is_cut) from error
    finally:
        connection.close()


def api_options(command: Command) -> Command:
    """Add the options that say which proxy is asked, and with which key."""
    url = click.option(
        "--url",
        envvar="GREENLIGHT_URL",
        show_envvar=True,
        default=DEFAULT_URL,
        show_default=True,
        help="Address of the proxy, with or without /v1.",
    )
    key = click.option(
        "--api-key",
        envvar="GREENLIGHT_API_KEY",
        show_envvar=True,
        help="API key; better given by the environment, where no list of processes shows it.",
    )
    return url(key(command))


def open_api(url: str, key: str | None) -> Api:
    """Check an address and a key before anything is sent.

    Raises:
        click.ClickException: No key, or an address that is none.
    """
    if not key:
        message = "no API key: set GREENLIGHT_API_KEY (greenlight keys create makes one)"
        raise click.ClickException(message)
    if not key.isascii() or not key.isprintable():
        message = "the API key holds characters that no key has"
        raise click.ClickException(message)
    return Api(_with_version(url), key)


def _with_version(url: str) -> str:
    address = checked_address(url, DEFAULT_URL)
    return address if address.endswith("/v1") else f"{address}/v1"


def checked_address(url: str, example: str) -> str:
    """Check an address, and leave the slashes behind it out.

    Raises:
        click.ClickException: It is none; the message shows the example.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
        message = f"{url!r} is not an address; write it like {example}"
        raise click.ClickException(message)
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def unreachable(url: str, error: Exception) -> str:
    """Say that nobody answers at an address, and why."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"no answer from {urlsplit(url).netloc}: {reason}"


def _json_of(status: int, content: bytes, url: str) -> Json:
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    if status not in _OK:
        raise click.ClickException(refusal(status, answer))
    if not isinstance(answer, dict):
        message = f"{urlsplit(url).netloc} did not answer JSON; is it a Greenlight proxy?"
        raise click.ClickException(message)
    return answer


def refusal(status: int, body: object) -> str:
    """Write the error object of an answer as one sentence: code, message and status."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return f"the proxy answered {status}"
    return f"{error.get('code') or 'error'}: {error.get('message')} (HTTP {status})"
