"""Follows the ledger for what is to be told: overage, and what no attempt explains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.ledger import EntryKind
from proxy.domain.money import format_usd
from proxy.domain.notice import Notice, NoticeKind, new_notice_id
from proxy.gateway.ports.notices import Mail

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from proxy.domain.ledger import Entry
    from proxy.gateway.ports.archive import LedgerStream
    from proxy.gateway.ports.notices import Bulletin, Receiver

PAGE = 500
OLDEST_MS = 86_400_000
"""What is older is not told any more: nobody looked for so long."""
NAMED_MAX = 50
"""So many entries one notice names; it counts and sums them all."""

_KINDS = {
    EntryKind.OVERAGE: NoticeKind.BUDGET_OVERAGE,
    EntryKind.UNATTRIBUTED: NoticeKind.ATTEMPT_UNATTRIBUTED,
}


class LedgerNews:
    """Reads what the ledger gained, if anybody wants to know; its place is shared by all.

    The place moves on in the script that puts the letters out, so nothing is told twice, and
    nothing that was settled is missed when a process dies.
    """

    def __init__(
        self, bulletin: Bulletin, stream: LedgerStream, random_bytes: Callable[[int], bytes]
    ) -> None:
        self._bulletin = bulletin
        self._stream = stream
        self._random_bytes = random_bytes

    async def look(self, receivers: Sequence[Receiver], now_ms: int) -> None:
        """Tell what is new. The first look ever only notes where the ledger ends.

        Raises:
            StoreUnavailable: what was not looked at is looked at the next time.
        """
        if not any(receiver.kinds & set(_KINDS.values()) for receiver in receivers):
            return
        before = await self._bulletin.followed()
        if before is None:
            await self._bulletin.follow(None, await self._bulletin.last_entry(), ())
            return
        place = _later(before, f"{now_ms - OLDEST_MS}-0")
        is_more = True
        while is_more:
            page = await self._stream.page(place, limit=PAGE)
            if not page.entries:
                return
            place, is_more = page.entries[-1].id, page.has_more
            mails = self._mails(page.entries, receivers, now_ms)
            if not await self._bulletin.follow(before, place, mails):
                return
            before = place

    def _mails(
        self, entries: Sequence[Entry], receivers: Sequence[Receiver], now_ms: int
    ) -> list[Mail]:
        groups: dict[tuple[NoticeKind, tuple[tuple[str, str], ...]], list[Entry]] = {}
        for entry in entries:
            kind = _KINDS.get(entry.kind)
            if kind is not None:
                groups.setdefault((kind, _about(kind, entry)), []).append(entry)
        return [
            Mail(
                notice=Notice(
                    id=new_notice_id(self._random_bytes),
                    kind=kind,
                    at_ms=now_ms,
                    data={**dict(about), **_sum(kind, found)},
                ),
                receivers=tuple(each.id for each in receivers if kind in each.kinds),
            )
            for (kind, about), found in groups.items()
        ]


def _later(one: str, other: str) -> str:
    def order(entry_id: str) -> tuple[int, int]:
        at_ms, _, number = entry_id.partition("-")
        return int(at_ms), int(number)

    return max(one, other, key=order)


def _about(kind: NoticeKind, entry: Entry) -> tuple[tuple[str, str], ...]:
    if kind is NoticeKind.BUDGET_OVERAGE:
        return (("team", entry.team),)
    return (("provider", entry.charge.provider), ("account", entry.charge.account))


def _sum(kind: NoticeKind, entries: Sequence[Entry]) -> dict[str, object]:
    total = sum(entry.spent_micro_usd for entry in entries)
    name = "attempts" if kind is NoticeKind.BUDGET_OVERAGE else "tasks"
    return {
        "amount": format_usd(total),
        "count": len(entries),
        name: [_named(kind, entry) for entry in entries[:NAMED_MAX]],
    }


def _named(kind: NoticeKind, entry: Entry) -> dict[str, object]:
    amount = format_usd(entry.spent_micro_usd)
    if kind is NoticeKind.ATTEMPT_UNATTRIBUTED:
        return {"task": entry.charge.task, "amount": amount}
    return {
        "attempt": entry.attempt,
        "job": entry.job,
        "provider": entry.charge.provider,
        "model": entry.charge.model,
        "balances": list(entry.balances),
        "amount": amount,
    }
