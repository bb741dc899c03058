"""Lua scripts: loading with shared fragments, and running by hash."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from hashlib import sha1
from importlib.resources import files
from typing import TYPE_CHECKING

from proxy.domain.errors import StoreUnavailable
from proxy.store.client import ASKS_FOR_SOURCE
from proxy.store.connection import ReplyError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from proxy.store.client import Client
    from proxy.store.connection import Argument, Reply

INSIST_EVERY_S = 0.1
INSIST_EVERY_S_MAX = 1.0

_INCLUDE = re.compile(r"^ *-- include: (\w+)$", re.MULTILINE)


def source_of(name: str) -> str:
    """Read a script of `proxy/store/lua` and put the fragments it includes in place."""
    folder = files("proxy.store") / "lua"
    text = (folder / f"{name}.lua").read_text(encoding="utf-8")
    return _INCLUDE.sub(lambda match: source_of(match.group(1)), text)


@dataclass(frozen=True, slots=True)
class Script:
    """One script. Every one is replay-safe: sent twice, it acts once and answers the same."""

    name: str
    source: str
    digest: str

    @classmethod
    def load(cls, name: str) -> Script:
        """Load a script by its file name."""
        source = source_of(name)
        return cls(name, source, sha1(source.encode(), usedforsecurity=False).hexdigest())

    async def run(
        self,
        client: Client,
        keys: Sequence[str],
        arguments: Sequence[Argument],
        *,
        again: Sequence[Argument] | None = None,
    ) -> Reply:
        """Run by hash, or by source where the server does not know it yet.

        Args:
            client: the connection.
            keys: every key the script touches.
            arguments: its ARGV.
            again: ARGV of the second sending after a lost reply, where it must differ.

        Raises:
            StoreUnavailable: no answer, also not to the second sending.
        """
        tail = (len(keys), *keys, *arguments)
        resend = tail if again is None else (len(keys), *keys, *again)
        try:
            return await client.call(
                ("EVALSHA", self.digest, *tail),
                resend=("EVALSHA", self.digest, *resend),
                operation=self.name,
            )
        except ReplyError as error:
            if error.kind != ASKS_FOR_SOURCE:
                raise
            return await client.call(
                ("EVAL", self.source, *tail),
                resend=("EVAL", self.source, *resend),
                operation=self.name,
            )


async def insist(ask: Callable[[], Awaitable[Reply]], *, at_most_s: float | None = None) -> Reply:
    """Ask again, with one and the same operation id, until the store answers.

    Args:
        ask: runs a script that is known by its operation id when it comes again.
        at_most_s: for how long; None is without end, which is for whoever may be cancelled.

    Raises:
        StoreUnavailable: no answer in that time.
    """
    loop = asyncio.get_running_loop()
    until_s = None if at_most_s is None else loop.time() + at_most_s
    pause_s = INSIST_EVERY_S
    while True:
        try:
            return await ask()
        except StoreUnavailable:
            if until_s is not None and loop.time() + pause_s > until_s:
                raise
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, INSIST_EVERY_S_MAX)
