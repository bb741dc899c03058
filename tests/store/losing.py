"""Does things over a socket that loses the reply, and compares all that the server then holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.store.dump import dump

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.store.lossy_redis import LossyRedis
    from tests.store.stores import Store

SCRIPTS = (
    "adjust", "admit", "adopt", "begin", "cancel", "claim", "close", "commit", "due",
    "end_cooldown", "fail_over", "fetched", "finish", "flag", "follow", "hint", "learn",
    "ledger_page", "letter_end", "letter_take", "mark", "note", "note_refusal", "open", "override",
    "put_off", "rezone", "silence", "slot_give_back", "slot_take", "spend", "tell_once", "trim",
    "unattributed", "write_off",
)  # fmt: skip


class Losing:
    """Does one thing with its reply lost, and checks that the second sending changed nothing."""

    def __init__(self, store: Store, far: Store, lossy: LossyRedis) -> None:
        self.store = store
        self._far = far
        self._lossy = lossy
        self._seen: dict[str, object] = {}

    async def once(
        self, act: Callable[[Store], Awaitable[object]], *, renewing: str | None = None
    ) -> object:
        """Act through the losing socket; returns the answer to the second sending.

        `renewing` names a key of leases, whose ends the second sending may put off.
        """
        self._lossy.losses = 1
        self._lossy.on_loss = self._look
        answer = await act(self._far)
        assert 0 == self._lossy.losses, "no reply was lost"
        after = await dump(self.store.client)
        if renewing is not None:
            for seen in (self._seen, after):
                leases = seen[renewing]
                assert isinstance(leases, list)
                seen[renewing] = leases[::2]
        assert self._seen == after
        return answer

    async def _look(self) -> None:
        self._seen = await dump(self.store.client)
