"""Does things over a socket that loses the reply, and compares all that the server then holds.

A test is marked with the scripts whose replies it loses. When it has ended, what was sent then is
sent once more: a copy that was held up on the way, and comes after all that followed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from proxy.store.client import Client
from tests.store.dump import dump

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence

    from proxy.store.client import Command
    from proxy.store.connection import Reply
    from tests.store.lossy_redis import LossyRedis
    from tests.store.stores import Store


class RecordedClient(Client):
    """A client that remembers all that it sent, each with its script's or the command's name."""

    sent: list[tuple[str, Command]]

    @override
    async def call(
        self, command: Command, *, resend: Command | None = None, operation: str | None = None
    ) -> Reply:
        self.sent.append((operation or str(command[0]).lower(), command))
        return await super().call(command, resend=resend, operation=operation)


class Losing:
    """Does one thing with its reply lost, and checks that the second sending changed nothing."""

    def __init__(
        self, store: Store, far: Store, lossy: LossyRedis, sent: list[tuple[str, Command]]
    ) -> None:
        self.store = store
        self.lost: list[tuple[str, Command]] = []
        self._far = far
        self._lossy = lossy
        self._sent = sent
        self._seen: dict[str, object] = {}

    async def once(
        self, act: Callable[[Store], Awaitable[object]], *, renewing: str | Sequence[str] = ()
    ) -> object:
        """Act through the losing socket; returns the answer to the second sending.

        `renewing` names keys with leases, whose ends the second sending may put off.
        """
        self._lossy.losses = 1
        self._lossy.on_loss = self._look
        self._sent.clear()
        answer = await act(self._far)
        self.lost.append(self._sent[0])
        assert 0 == self._lossy.losses, "no reply was lost"
        after = await dump(self.store.client)
        for key in (renewing,) if isinstance(renewing, str) else renewing:
            for seen in (self._seen, after):
                seen[key] = _without_ends(seen[key])
        assert self._seen == after
        return answer

    async def twice(self, act: Callable[[Store], Awaitable[object]]) -> None:
        """Act, with both replies lost; raises as `act` does."""
        self._lossy.losses = 2
        self._sent.clear()
        try:
            await act(self._far)
        finally:
            self.lost.append(self._sent[0])

    async def come_late(self, spared: Collection[str] = ()) -> None:
        """Send all of it again whose reply was lost, in its order: nothing changes.

        `spared` are scripts of which a late copy changes something that ends by itself.
        """
        before = await dump(self.store.client)
        for name, command in self.lost:
            if name not in spared:
                await self.store.client.call(command)
        assert before == await dump(self.store.client), "a late copy changed something"

    async def _look(self) -> None:
        self._seen = await dump(self.store.client)


def _without_ends(leases: object) -> object:
    """Leases (scores of a ZSET, or the times of breakers) without the times at which they end."""
    if isinstance(leases, list):
        return leases[::2]
    assert isinstance(leases, dict)
    return {name: [*text.split()[:5], *text.split()[6:]] for name, text in leases.items()}
