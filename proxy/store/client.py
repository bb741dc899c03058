"""The way to Redis for everything in the store: one shared connection, explicit timeouts.

Nothing is retried silently: a script whose reply was lost may have run, so a command is sent a
second time only where its caller says what to send then.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.domain.errors import StoreAway, StoreUnavailable
from proxy.domain.events import StoreCalled
from proxy.store.connection import Argument, Connection, Lost, Reply, ReplyError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from proxy.gateway.ports.runtime import Observer
    from proxy.store.address import Address

Command = tuple[Argument, ...]

RETRY_AFTER_S = 5
WAITING_MAX = 20_000
NOT_NOW = frozenset(
    (
        "BUSY",
        "CLUSTERDOWN",
        "LOADING",
        "MASTERDOWN",
        "MISCONF",
        "NOAUTH",
        "NOREPLICAS",
        "OOM",
        "READONLY",
        "TRYAGAIN",
        "WRONGPASS",
    )
)
"""Errors that mean "the server will not do it now", and that it has done nothing."""
ASKS_FOR_SOURCE = "NOSCRIPT"
"""No failure, and not observed: the caller sends the script's source, and that call counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long to wait for a connection and for one answer, in seconds.

    After a connection that was not made the next is tried `retry_s` later, then after twice that,
    up to `retry_s_max`. What is asked in between is answered at once: the store is away.
    """

    connect_s: float = 0.5
    answer_s: float = 1.0
    retry_s: float = 0.05
    retry_s_max: float = 1.0


class Client:
    """A Redis server as its callers see it: it answers, or StoreUnavailable is raised."""

    def __init__(
        self,
        address: Address,
        *,
        timeouts: Timeouts | None = None,
        observer: Observer | None = None,
        random: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Make a client that connects when it is first asked.

        Args:
            address: of the server.
            timeouts: how long it is waited for.
            observer: is told of every call.
            random: uniform in [0, 1): keeps processes from connecting again all at once.
        """
        self.address = address
        self._timeouts = timeouts or Timeouts()
        self._observer = observer
        self._random = random
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()
        self._failures = 0
        self._why_away = ""
        self._retry_at_s = 0.0

    @property
    def patience_ms(self) -> int:
        """How long every caller waits for an answer at least; many wait up to twice that.

        A connection that grows silent takes along whoever came to it late; each has one more.
        """
        return round(self._timeouts.answer_s * 1000)

    async def call(
        self, command: Command, *, resend: Command | None = None, operation: str | None = None
    ) -> Reply:
        """Send one command and wait for its answer.

        Args:
            command: name and arguments.
            resend: what to send, once, if the connection is lost before the answer comes.
            operation: its name in the metrics; the command's own if not given.

        Raises:
            StoreUnavailable: no connection, no answer in time, or the server will not do it now.
            ReplyError: any other error: a bug.
        """
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        outcome: str | None = "error"
        unavailable = None
        try:
            reply = await self._send(command, resend)
            outcome = "ok"
        except asyncio.CancelledError:
            outcome = None  # whoever asked has left: that says nothing of the store
            raise
        except ReplyError as error:
            if error.kind == ASKS_FOR_SOURCE:
                outcome = None
            if error.kind not in NOT_NOW:
                raise
            failed = _unavailable(str(error))
            unavailable = failed.message
            raise failed from error
        except StoreUnavailable as error:
            unavailable = error.message
            raise
        finally:
            if self._observer is not None and outcome is not None:
                name = operation or str(command[0]).lower()
                took_s = loop.time() - began_s
                self._observer.observe(
                    StoreCalled(
                        operation=name, outcome=outcome, took_s=took_s, unavailable=unavailable
                    )
                )
        return reply

    async def read(self, command: Command) -> Reply:
        """Send a command that changes nothing, so that it may be sent again; raises as `call`."""
        return await self.call(command, resend=command)

    async def close(self) -> None:
        """Close the connection; the next call opens a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def _send(self, command: Command, resend: Command | None) -> Reply:
        try:
            return await (await self._connected()).send(command)
        except Lost as error:
            if resend is None:
                raise _unavailable(str(error)) from error
        try:
            return await (await self._connected()).send(resend)
        except Lost as error:
            raise _unavailable(str(error)) from error
        except StoreAway as error:
            # The first sending may have been heard.
            raise _unavailable(self._why_away) from error

    async def _connected(self) -> Connection:
        connection = self._connection
        if connection is None or connection.is_lost:
            connection = await self._connect_once()
        if connection.waiting >= WAITING_MAX:
            message = "too many commands wait for the store"
            raise _unavailable(message)
        return connection

    async def _connect_once(self) -> Connection:
        """Connect; callers that waited for somebody else's failed try share its failure.

        While the store is away one caller tries, now and then; all others are told at once.
        """
        failures = self._failures
        is_turn = asyncio.get_running_loop().time() >= self._retry_at_s
        if failures and (not is_turn or self._connecting.locked()):
            raise self._away()
        async with self._connecting:
            if self._connection is not None and not self._connection.is_lost:
                return self._connection
            if self._failures != failures:
                raise self._away()
            try:
                async with asyncio.timeout(self._timeouts.connect_s):
                    self._connection = await self._connect()
            except (OSError, TimeoutError, Lost, ReplyError) as error:
                reason = str(error) or "no answer in time"
                self._note_failure(f"no connection to {self.address.name}: {reason}")
                raise self._away() from error
            self._failures = 0
            return self._connection

    def _away(self) -> StoreAway:
        return StoreAway(_message(self._why_away), retry_after_s=RETRY_AFTER_S)

    def _note_failure(self, why: str) -> None:
        timeouts = self._timeouts
        pause_s = min(timeouts.retry_s_max, timeouts.retry_s * 2 ** min(self._failures, 16))
        self._retry_at_s = asyncio.get_running_loop().time() + pause_s * (1 - self._random() / 2)
        self._failures += 1
        self._why_away = why

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        address = self.address
        connection = Connection(self._timeouts.answer_s)
        if address.path is not None:
            await loop.create_unix_connection(lambda: connection, address.path)
        else:
            tls = ssl.create_default_context() if address.is_tls else None
            await loop.create_connection(lambda: connection, address.host, address.port, ssl=tls)
        try:
            await self._introduce(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    async def _introduce(self, connection: Connection) -> None:
        address = self.address
        if address.password is not None:
            who: Sequence[Argument] = (address.user,) if address.user else ()
            await connection.send(("AUTH", *who, address.password))
        if address.database:
            await connection.send(("SELECT", address.database))
        # A server that hangs still takes connections: only one that answers is back.
        await connection.send(("PING",))


def _unavailable(reason: str) -> StoreUnavailable:
    return StoreUnavailable(_message(reason), retry_after_s=RETRY_AFTER_S)


def _message(reason: str) -> str:
    return f"the store does not answer: {reason}"
