"""The admin API as the commands see it: one request and its JSON, or its bytes as they come."""

import http.client
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, TypeVar
from urllib.parse import urlencode, urlsplit

import click

from proxy.cli.api import Json, NoAnswer, ask, checked_address, refusal, unreachable

DEFAULT_ADMIN_URL = "http://127.0.0.1:8081"
LONG_S = 600.0
"""Reports, exports and proofs read the whole ledger before they answer."""
_PREFIX = "/admin/v1"
_KEY_BYTES = 16

Command = TypeVar("Command", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Admin:
    """One person's access to the admin listener; `url` ends in /admin/v1."""

    url: str
    token: str

    def get(self, path: str, query: Mapping[str, object] | None = None) -> Json:
        """Read one resource below /admin/v1.

        Raises:
            click.ClickException: The listener can't be reached, or it refused.
        """
        return ask("GET", self._address(path, query), headers=self._headers(), timeout_s=LONG_S)

    def post(self, path: str, body: Json) -> Json:
        """Send one JSON body below /admin/v1; raises as `get` does.

        If the connection breaks before the answer it is sent once more, under the same key: a
        change is made once.
        """
        headers = {**self._headers(), "Content-Type": "application/json"}
        headers["Idempotency-Key"] = secrets.token_urlsafe(_KEY_BYTES)
        send = partial(
            ask,
            *("POST", self.url + path),
            headers=headers,
            body=json.dumps(body).encode(),
            timeout_s=LONG_S,
        )
        try:
            return send()
        except NoAnswer as error:
            if not error.is_cut:
                raise
        try:
            return send()
        except NoAnswer as error:
            message = (
                f"{error.message}; it may have been done all the same: greenlight audit tells"
            )
            raise click.ClickException(message) from error

    @contextmanager
    def reading(self, path: str, query: Mapping[str, object]) -> Iterator[BinaryIO]:
        """Read one resource's bytes as they come; a connection that breaks raises, as `get`."""
        address = self._address(path, query)
        parts = urlsplit(address)
        is_safe = parts.scheme == "https"
        kind = http.client.HTTPSConnection if is_safe else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=LONG_S)
        try:
            connection.request("GET", f"{parts.path}?{parts.query}", headers=self._headers())
            answer = connection.getresponse()
            if answer.status != http.client.OK:
                raise click.ClickException(_refused(answer))
            yield answer
        except (OSError, http.client.HTTPException) as error:
            raise click.ClickException(unreachable(address, error)) from error
        finally:
            connection.close()

    def _address(self, path: str, query: Mapping[str, object] | None) -> str:
        wanted = {name: value for name, value in (query or {}).items() if value is not None}
        return f"{self.url}{path}?{urlencode(wanted)}" if wanted else self.url + path

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Accept": "*/*"}


def admin_options(command: Command) -> Command:
    """Add the options that say which admin listener is asked, and with which token."""
    url = click.option(
        "--admin-url",
        envvar="GREENLIGHT_ADMIN_URL",
        show_envvar=True,
        default=DEFAULT_ADMIN_URL,
        show_default=True,
        help="Address of the admin listener.",
    )
    token = click.option(
        "--admin-token",
        envvar="GREENLIGHT_ADMIN_TOKEN",
        show_envvar=True,
        help="Admin token; better given by the environment, where no list of processes shows it.",
    )
    return url(token(command))


def open_admin(url: str, token: str | None) -> Admin:
    """Check an address and a token before anything is sent.

    Raises:
        click.ClickException: No token, or an address that is none.
    """
    if not token:
        message = "no admin token: set GREENLIGHT_ADMIN_TOKEN (greenlight keys create-admin)"
        raise click.ClickException(message)
    if not token.isascii() or not token.isprintable():
        message = "the admin token holds characters that no token has"
        raise click.ClickException(message)
    address = checked_address(url, DEFAULT_ADMIN_URL)
    return Admin(address if address.endswith(_PREFIX) else address + _PREFIX, token)


def _refused(answer: http.client.HTTPResponse) -> str:
    try:
        body = json.loads(answer.read())
    except ValueError:
        body = None
    return refusal(answer.status, body)
