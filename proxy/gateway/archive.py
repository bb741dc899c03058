"""The whole ledger: closed days in files beside the artifacts, the rest in the store."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Protocol

from proxy.domain.errors import RestoreNeeded
from proxy.domain.ledger_file import (
    LAST_NUMBER,
    ArchivedDay,
    day_of,
    entry_of,
    id_before,
    id_order,
    line_of,
    start_ms,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Mapping

    from proxy.domain.ledger import Entry
    from proxy.domain.proof import Verification
    from proxy.gateway.ports.archive import LedgerStream
    from proxy.gateway.ports.artifacts import ArtifactStore


FOLDER = "ledger/"
PAGE_ENTRIES = 500
WRITE_BYTES = 64 * 1024
FILE_BYTES_MAX = 1 << 40
MANIFEST_BYTES_MAX = 64 * 1024


class Proven(Protocol):
    """A ledger that can be proven."""

    async def verify(
        self,
        *,
        earlier: AsyncIterable[Entry] | None = None,
        limits: Mapping[str, int] | None = None,
    ) -> Verification:
        """See `Ledger.verify`."""


class DamagedArchive(Exception):
    """A file of the ledger is missing, or does not hold what its manifest says."""


def entries_name(day: str) -> str:
    """Where a closed day's entries are kept."""
    return f"{FOLDER}{day}.jsonl"


def manifest_name(day: str) -> str:
    """Where it is said what they are."""
    return f"{FOLDER}{day}.json"


class Archive:
    """Reads the ledger from wherever its entries are, and moves closed days into files.

    Several processes may do so at once: a day's file is the same bytes whoever writes it, and
    the stream is cut only where the file ends.
    """

    def __init__(self, stream: LedgerStream, files: ArtifactStore) -> None:
        self._stream = stream
        self._files = files

    async def days(self) -> list[ArchivedDay]:
        """Every archived day, oldest first.

        Raises:
            ArtifactUnavailable: the artifact store fails.
            DamagedArchive: a manifest cannot be read.
        """
        found = [await self._manifest(date) for date in await self._dates()]
        return [day for day in found if day is not None]

    async def ensure_whole(self) -> str:
        """Go on only if the store knows all that the files hold.

        Returns the last entry that is only in files, "" for none.

        Raises:
            RestoreNeeded: it was lost, or is an older copy.
            StoreUnavailable: the store does not answer.
            ArtifactUnavailable, DamagedArchive: it cannot be told.
        """
        return await self._holds(await self._last_day())

    async def _holds(self, last: ArchivedDay | None) -> str:
        if last is None:
            return await self.cut_at()
        page = await self._stream.page(id_before(last.last_id), limit=1)
        is_cut = page.trimmed_id and id_order(page.trimmed_id) >= id_order(last.last_id)
        # Between the writing of a file and the cut its entries are in the stream as well.
        if is_cut or any(entry.id == last.last_id for entry in page.entries):
            return page.trimmed_id
        message = (
            f"the store lacks entries of the ledger that its files hold, up to {last.day}: it was"
            " lost, or is an older copy; nothing is spent until `greenlight ledger restore`"
        )
        raise RestoreNeeded(message)

    async def cut_at(self) -> str:
        """The last entry that is only in files, "" for none. Raises StoreUnavailable."""
        return (await self._stream.page("", limit=1)).trimmed_id

    async def entries(
        self, since_ms: int | None = None, until_ms: int | None = None
    ) -> AsyncIterator[Entry]:
        """Entries of [since, until) by the store's clock, oldest first, each once.

        Raises:
            RestoreNeeded: files hold more than the store knows of.
            StoreUnavailable: the store does not answer.
            ArtifactUnavailable: the artifact store fails.
            DamagedArchive: a file is not what its manifest says.
        """
        await self.ensure_whole()
        after_id = "" if not since_ms else f"{since_ms - 1}-{LAST_NUMBER}"
        while True:
            page = await self._stream.page(after_id, limit=PAGE_ENTRIES)
            if page.trimmed_id and id_order(after_id or "0-0") < id_order(page.trimmed_id):
                async for entry in self.archived(after_id, page.trimmed_id):
                    if until_ms is not None and entry.at_ms >= until_ms:
                        return
                    yield entry
                after_id = page.trimmed_id
                continue
            for entry in page.entries:
                if until_ms is not None and entry.at_ms >= until_ms:
                    return
                yield entry
                after_id = entry.id
            if not page.has_more:
                return

    async def verify(
        self, ledger: Proven, limits: Mapping[str, int] | None = None
    ) -> Verification:
        """Prove the laws of the ledger over files and stream together; see `Ledger.verify`.

        Raises:
            RestoreNeeded: files hold more than the store knows of.
            StoreUnavailable, ArtifactUnavailable: something does not answer.
            DamagedArchive: a file is not what its manifest says.
        """
        while True:
            trimmed_id = await self.ensure_whole()
            earlier = self.archived("", trimmed_id) if trimmed_id else None
            found = await ledger.verify(earlier=earlier, limits=limits)
            if trimmed_id == await self.cut_at():
                return found

    async def close_days(self, before_ms: int) -> list[ArchivedDay]:
        """Move every day that ended before an instant into its file; returns what was moved.

        Killed at any point and begun again, it ends with the same files and the same stream.

        Raises:
            RestoreNeeded: files hold more than the store knows of; a day's file of an older copy
                would make it look whole.
            StoreUnavailable, ArtifactUnavailable, DamagedArchive: what is done stays done.
        """
        await self.ensure_whole()
        moved: list[ArchivedDay] = []
        while True:
            first = await self._first()
            if first is None:
                return moved
            day = day_of(first.at_ms)
            end_ms = start_ms(date.fromisoformat(day) + timedelta(days=1))
            if end_ms > before_ms:
                return moved
            written = await self.write_day(day, end_ms)
            if await self._stream.trim(written.last_id, before_ms=end_ms):
                moved.append(written)

    async def adopt(self) -> str:
        """Let the files count in a store that knows less of them; returns up to which entry.

        A new store, or one restored from an older copy, then reads closed days from their files,
        and counts as whole: its balances must be right before.

        Raises:
            StoreUnavailable, ArtifactUnavailable, DamagedArchive: nothing changed.
        """
        days = await self.days()
        return await self._stream.adopt(days[-1].last_id) if days else ""

    async def check(self, day: ArchivedDay) -> None:
        """Read a day's file and compare it with its manifest. Raises DamagedArchive."""
        tally = _Tally()
        async for line in self._lines(day.day):
            tally.count(entry_of(line), line)
        if tally.result(day.day) != day:
            message = f"{entries_name(day.day)} does not hold what its manifest says"
            raise DamagedArchive(message)

    async def _first(self) -> Entry | None:
        page = await self._stream.page("", limit=1)
        if page.trimmed_id and not page.entries:
            page = await self._stream.page(page.trimmed_id, limit=1)
        return page.entries[0] if page.entries else None

    async def write_day(self, day: str, end_ms: int) -> ArchivedDay:
        """Write a day's file and manifest: an earlier file's lines, then those of the stream."""
        tally = _Tally()

        async def chunks() -> AsyncIterator[bytes]:
            waiting: list[str] = []
            size_bytes = 0
            async for entry, line in self._of_day(day, end_ms):
                tally.count(entry, line)
                waiting.append(line + "\n")
                size_bytes += len(waiting[-1])
                if size_bytes >= WRITE_BYTES:
                    yield "".join(waiting).encode()
                    waiting, size_bytes = [], 0
            yield "".join(waiting).encode()

        await self._files.put(entries_name(day), chunks(), bytes_max=FILE_BYTES_MAX)
        written = tally.result(day)
        await self.check(written)
        await self._files.put(
            manifest_name(day), _one(_manifest_text(written)), bytes_max=MANIFEST_BYTES_MAX
        )
        return written

    async def _of_day(self, day: str, end_ms: int) -> AsyncIterator[tuple[Entry, str]]:
        after_id = ""
        async for line in self._lines(day, is_optional=True):
            entry = entry_of(line)
            yield entry, line
            after_id = entry.id
        while True:
            page = await self._stream.page(after_id, limit=PAGE_ENTRIES)
            if page.trimmed_id and id_order(after_id or "0-0") < id_order(page.trimmed_id):
                after_id = page.trimmed_id
                continue
            for entry in page.entries:
                if entry.at_ms >= end_ms:
                    return
                yield entry, line_of(entry)
                after_id = entry.id
            if not page.has_more:
                return

    async def archived(self, after_id: str, last_id: str) -> AsyncIterator[Entry]:
        """Entries after one id and up to another, from files, which are checked on the way.

        Raises ArtifactUnavailable, DamagedArchive.
        """
        first, last = id_order(after_id or "0-0"), id_order(last_id)
        for day in _concerned(await self.days(), after_id, last_id):
            tally = _Tally()
            async for line in self._lines(day.day):
                entry = entry_of(line)
                tally.count(entry, line)
                if first < id_order(entry.id) <= last:
                    yield entry
            if tally.result(day.day) != day:
                message = f"{entries_name(day.day)} does not hold what its manifest says"
                raise DamagedArchive(message)

    async def streamed(self, after_id: str = "") -> AsyncIterator[Entry]:
        """Entries of the store alone, after one id, oldest first. Raises StoreUnavailable."""
        while True:
            page = await self._stream.page(after_id, limit=PAGE_ENTRIES)
            for entry in page.entries:
                yield entry
                after_id = entry.id
            if not page.has_more:
                return

    async def _dates(self) -> list[str]:
        """Dates of which there is a manifest, in their order."""
        names = [stored.name async for stored in self._files.list(FOLDER)]
        return sorted(
            name.removeprefix(FOLDER).removesuffix(".json")
            for name in names
            if name.endswith(".json")
        )

    async def _last_day(self) -> ArchivedDay | None:
        dates = await self._dates()
        return await self._manifest(dates[-1]) if dates else None

    async def _manifest(self, day: str) -> ArchivedDay | None:
        content = b""
        try:
            async for chunk in self._files.open(manifest_name(day)):
                content += chunk
        except FileNotFoundError:
            return None
        try:
            return ArchivedDay(**json.loads(content))
        except (ValueError, TypeError) as error:
            message = f"{manifest_name(day)} cannot be read"
            raise DamagedArchive(message) from error

    async def _lines(self, day: str, *, is_optional: bool = False) -> AsyncIterator[str]:
        rest = b""
        try:
            async for chunk in self._files.open(entries_name(day)):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield line.decode()
        except FileNotFoundError as error:
            if is_optional:
                return
            message = f"{entries_name(day)} is missing"
            raise DamagedArchive(message) from error
        if rest:
            message = f"{entries_name(day)} is cut short"
            raise DamagedArchive(message)


@dataclass(slots=True)
class _Tally:
    """What lines amount to."""

    rows: int = 0
    first_id: str = ""
    last_id: str = ""
    spent_micro_usd: int = 0
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def count(self, entry: Entry, line: str) -> None:
        self.rows += 1
        self.first_id = self.first_id or entry.id
        self.last_id = entry.id
        self.spent_micro_usd += entry.spent_micro_usd
        self.digest.update(line.encode() + b"\n")

    def result(self, day: str) -> ArchivedDay:
        return ArchivedDay(
            day=day,
            rows=self.rows,
            first_id=self.first_id,
            last_id=self.last_id,
            spent_micro_usd=self.spent_micro_usd,
            sha256=self.digest.hexdigest(),
        )


def _concerned(days: list[ArchivedDay], after_id: str, last_id: str) -> list[ArchivedDay]:
    """Days with entries after one id and up to another, all of which must be in files."""
    first, last = id_order(after_id or "0-0"), id_order(last_id)
    if not days or id_order(days[-1].last_id) < last:
        message = f"the files end before the entry {last_id}, up to which there were some"
        raise DamagedArchive(message)
    return [
        day for day in days if first < id_order(day.last_id) and id_order(day.first_id) <= last
    ]


def _manifest_text(day: ArchivedDay) -> bytes:
    return (json.dumps(asdict(day), sort_keys=True, indent=2) + "\n").encode()


async def _one(content: bytes) -> AsyncIterator[bytes]:
    yield content
