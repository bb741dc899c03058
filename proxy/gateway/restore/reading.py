"""The ledger as a restore reads it: all that the files hold, then what the store adds to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.errors import RestoreNeeded, StateConflict
from proxy.domain.instant import iso_ms
from proxy.domain.ledger_file import id_order
from proxy.domain.recovery import Recovery

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from proxy.domain.job import Job
    from proxy.domain.ledger_file import ArchivedDay
    from proxy.domain.proof import Sums
    from proxy.gateway.archive import Archive
    from proxy.gateway.ports.restore import Repairs


class Reading:
    """Entries up to `as_of`, the last one of the store ("" for none), beside what it holds then.

    `jobs` are those that were unfinished just before, `first_new_ms` is when the first entry was
    written that no file holds.
    """

    def __init__(self, archive: Archive, repairs: Repairs) -> None:
        self._archive = archive
        self._repairs = repairs
        self.recovery = Recovery()
        self.jobs: Sequence[Job] = ()
        self.days: Sequence[ArchivedDay] = ()
        self.cut_at = ""
        self.is_whole = False
        self.is_older = False
        self.as_of = ""
        self.stored: Mapping[str, Sums] = {}
        self.first_new_ms: int | None = None

    @property
    def files_end(self) -> str:
        """The last entry that is in a file, "" for none."""
        return self.days[-1].last_id if self.days else ""

    async def begin(self) -> None:
        """Read everything.

        Raises:
            StateConflict: the store holds entries that should be in the files, and are not.
            StoreUnavailable, ArtifactUnavailable, DamagedArchive: it cannot be read.
        """
        try:
            self.cut_at, self.is_whole = await self._archive.ensure_whole(), True
        except RestoreNeeded:
            self.cut_at = await self._archive.cut_at()
        self.jobs = await self._repairs.unfinished()
        self.as_of, self.stored = await self._repairs.balances()
        self.days = await self._archive.days()
        self.recovery = Recovery({job.attempt_id for job in self.jobs})
        await self._read_files()
        await self._read_stream(self.files_end)

    async def catch_up(self) -> None:
        """Read what the store added since. Raises StoreUnavailable."""
        seen = max(self.files_end, self.as_of, key=lambda entry: id_order(entry or "0-0"))
        self.as_of, self.stored = await self._repairs.balances()
        await self._read_stream(seen)

    async def _read_files(self) -> None:
        if not self.files_end:
            return
        end = id_order(self.files_end)
        strays: set[str] = set()
        async for entry in self._archive.streamed(self.cut_at):
            if id_order(entry.id) > end:
                break
            strays.add(entry.id)
        self.is_older = bool(self.cut_at or strays)
        async for entry in self._archive.archived("", self.files_end):
            self.recovery.post(entry)
            strays.discard(entry.id)
        if strays:
            first = min(strays, key=id_order)
            message = (
                f"{len(strays)} entries of the store, the first of {iso_ms(id_order(first)[0])},"
                " are older than the end of the ledger's files and not in them: the files and"
                " the store are not of the same ledger, or the store's clock went back"
            )
            raise StateConflict(message)

    async def _read_stream(self, after_id: str) -> None:
        if not self.as_of:
            return
        last = id_order(self.as_of)
        async for entry in self._archive.streamed(after_id):
            if id_order(entry.id) > last:
                return
            self.recovery.post(entry)
            if self.first_new_ms is None:
                self.first_new_ms = entry.at_ms
