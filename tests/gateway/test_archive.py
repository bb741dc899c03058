"""Closed days go into files, and the whole ledger is read from wherever its entries are."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from proxy.artifacts.store import Artifacts, open_artifacts
from proxy.domain.errors import RestoreNeeded
from proxy.domain.ledger_file import DAY_MS, day_of, start_ms
from proxy.domain.proof import Verification
from proxy.gateway.archive import Archive, DamagedArchive, entries_name, manifest_name
from proxy.store.archive import RedisLedgerStream
from proxy.store.client import Client
from proxy.store.keys import Keys
from proxy.store.ledger import RedisLedger

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Mapping
    from pathlib import Path

    from proxy.domain.ledger import Entry
    from proxy.gateway.ports.archive import LedgerPage
    from proxy.gateway.ports.artifacts import StoredObject
    from proxy.store.embedded import EmbeddedStore

MONDAY = start_ms(date(2026, 11, 23))
KIND = ("kind", "reserve", "op", "", "attempt", "v-9")
FIELDS = ("reserved", "1", "spent", "0", "balances", "T|total|total", "facts", "marketing")


@dataclass(frozen=True)
class Books:
    """A ledger in a store, and the folder its files go to."""

    client: Client
    artifacts: Artifacts
    folder: Path

    @property
    def stream(self) -> RedisLedgerStream:
        return RedisLedgerStream(self.client, Keys())

    @property
    def archive(self) -> Archive:
        return Archive(self.stream, self.artifacts)

    async def write(self, at_ms: int, count: int = 1) -> None:
        """Let entries appear at an instant, as the store's clock would have it."""
        for number in range(count):
            identity = (f"{at_ms}-*", "kind", "reserve", "op", "", "attempt", f"v-{number}")
            await self.client.call(("XADD", Keys().ledger(), *identity, *FIELDS))

    async def ids(self, since_ms: int | None = None, until_ms: int | None = None) -> list[str]:
        return [entry.id async for entry in self.archive.entries(since_ms, until_ms)]

    async def left(self) -> list[Entry]:
        return [entry async for entry in RedisLedger(self.client, Keys()).entries()]


@pytest.fixture
async def books(store: EmbeddedStore, tmp_path: Path) -> AsyncIterator[Books]:
    client = Client(store.address)
    await client.call(("FLUSHALL",))
    yield Books(client, open_artifacts(f"file://{tmp_path}/kept"), tmp_path / "kept")
    await client.close()


async def three_days(books: Books) -> list[str]:
    for day in range(3):
        await books.write(MONDAY + day * DAY_MS, 3)
        await books.write(MONDAY + (day + 1) * DAY_MS - 1)
    return [entry.id for entry in await books.left()]


async def test_closed_days_move_and_are_read_as_before(books: Books) -> None:
    everything = await three_days(books)
    moved = await books.archive.close_days(MONDAY + 2 * DAY_MS)
    assert [("2026-11-23", 4), ("2026-11-24", 4)] == [(day.day, day.rows) for day in moved]
    assert everything[8:] == [entry.id for entry in await books.left()]
    assert everything == await books.ids()
    assert moved == await books.archive.days()
    assert [] == await books.archive.close_days(MONDAY + 2 * DAY_MS)


@pytest.mark.parametrize(
    ("since", "until", "first", "last"),
    [
        (None, 1, 0, 3),
        (0, 1, 0, 3),
        (1, None, 3, 12),
        (1, DAY_MS, 3, 4),
        (DAY_MS, 2 * DAY_MS, 4, 8),
        (2 * DAY_MS, None, 8, 12),
        (DAY_MS + 1, 2 * DAY_MS + 1, 7, 11),
        (9 * DAY_MS, None, 12, 12),
    ],
)
async def test_a_window_is_cut_across_files_and_stream(
    books: Books, since: int | None, until: int | None, first: int, last: int
) -> None:
    everything = await three_days(books)
    await books.archive.close_days(MONDAY + 2 * DAY_MS)
    window = [None if offset is None else MONDAY + offset for offset in (since, until)]
    assert everything[first:last] == await books.ids(*window)


async def test_more_than_a_page_is_read_whole(books: Books) -> None:
    await books.write(MONDAY, 1100)
    await books.write(MONDAY + DAY_MS, 1100)
    everything = [entry.id for entry in await books.left()]
    assert everything == await books.ids()
    (moved,) = await books.archive.close_days(MONDAY + DAY_MS)
    assert 1100 == moved.rows
    assert everything == await books.ids()
    assert everything[1100:] == [entry.id async for entry in books.archive.streamed()]


async def test_a_day_is_trimmed_while_it_is_read(books: Books) -> None:
    await books.write(MONDAY, 700)
    await books.write(MONDAY + DAY_MS, 700)
    everything = [entry.id for entry in await books.left()]
    reading = books.archive.entries()
    seen = [(await anext(reading)).id]
    await books.archive.close_days(MONDAY + DAY_MS)
    seen += [entry.id async for entry in reading]
    assert everything == seen


async def test_a_crash_before_the_cut_leads_to_the_same_file(books: Books) -> None:
    everything = await three_days(books)
    written = await books.archive.write_day("2026-11-23", MONDAY + DAY_MS)
    content = (books.folder / entries_name("2026-11-23")).read_bytes()
    assert everything == await books.ids()
    assert [written] == await books.archive.close_days(MONDAY + DAY_MS)
    assert content == (books.folder / entries_name("2026-11-23")).read_bytes()
    assert everything == await books.ids()


async def test_an_entry_after_the_file_is_not_cut(books: Books) -> None:
    """The store's clock went back over midnight: the day goes on."""
    await books.write(MONDAY, 2)
    written = await books.archive.write_day("2026-11-23", MONDAY + DAY_MS)
    await books.write(MONDAY + 5)
    assert not await books.stream.trim(written.last_id, before_ms=MONDAY + DAY_MS)
    everything = await books.ids()
    (moved,) = await books.archive.close_days(MONDAY + DAY_MS)
    assert (3, []) == (moved.rows, await books.left())
    assert everything == await books.ids()


async def test_a_cut_day_that_goes_on_is_added_to(books: Books) -> None:
    await books.write(MONDAY, 2)
    await books.archive.close_days(MONDAY + DAY_MS)
    await books.write(MONDAY + 5)
    everything = await books.ids()
    (moved,) = await books.archive.close_days(MONDAY + DAY_MS)
    assert 3 == moved.rows == len(everything)
    assert everything == await books.ids()


async def test_several_processes_may_close_a_day(books: Books) -> None:
    everything = await three_days(books)
    first = await books.archive.write_day("2026-11-23", MONDAY + DAY_MS)
    await books.archive.close_days(MONDAY + DAY_MS)
    assert await books.stream.trim(first.last_id, before_ms=MONDAY + DAY_MS)
    assert everything == await books.ids()


async def test_a_new_store_adopts_the_files(books: Books) -> None:
    everything = await three_days(books)
    await books.archive.close_days(MONDAY + 3 * DAY_MS)
    assert "" == await Archive(books.stream, empty_folder(books)).adopt()
    await books.client.call(("FLUSHALL",))
    with pytest.raises(RestoreNeeded, match="2026-11-25"):
        await books.ids()
    assert everything[-1] == await books.archive.adopt()
    assert everything == await books.ids()
    await books.write(MONDAY + 3 * DAY_MS)
    assert len(everything) + 1 == len(await books.ids())


async def test_an_older_copy_of_the_store_reads_each_entry_once(books: Books) -> None:
    everything = await three_days(books)
    rows = await books.client.call(("DUMP", Keys().ledger()))
    await books.archive.close_days(MONDAY + 2 * DAY_MS)
    await books.client.call(("FLUSHALL",))
    await books.client.call(("RESTORE", Keys().ledger(), 0, rows))
    assert everything[7] == await books.archive.adopt()
    assert (4, everything) == (len(await books.left()), await books.ids())
    await books.archive.close_days(MONDAY + 2 * DAY_MS)
    assert (4, everything) == (len(await books.left()), await books.ids())


@pytest.mark.parametrize("number", ["0", "7"])
async def test_a_store_without_the_files_last_entry_is_not_whole(
    books: Books, number: str
) -> None:
    await books.write(MONDAY, 2)
    await books.client.call(("XADD", Keys().ledger(), f"{MONDAY + 1}-{number}", *KIND, *FIELDS))
    written = await books.archive.write_day("2026-11-23", MONDAY + DAY_MS)
    assert "" == await books.archive.ensure_whole()
    await books.client.call(("XDEL", Keys().ledger(), written.last_id))
    for refused in (books.archive.ensure_whole(), books.archive.close_days(MONDAY + DAY_MS)):
        with pytest.raises(RestoreNeeded):
            await refused
    with pytest.raises(RestoreNeeded):
        await books.archive.verify(Counted(books))


async def test_days_of_which_no_file_is_left_are_missed(books: Books) -> None:
    await three_days(books)
    await books.archive.close_days(MONDAY + 2 * DAY_MS)
    for name in (entries_name, manifest_name):
        (books.folder / name("2026-11-24")).unlink()
    with pytest.raises(DamagedArchive, match="the files end before"):
        await books.ids()
    with pytest.raises(DamagedArchive, match="the files end before"):
        await Archive(books.stream, empty_folder(books)).verify(Counted(books))


async def test_an_empty_ledger_has_nothing_to_close(books: Books) -> None:
    assert [] == await books.archive.close_days(MONDAY)
    assert [] == await books.archive.days()
    assert [] == await books.ids()


@pytest.mark.parametrize("damage", ["edited", "cut", "gone", "manifest"])
async def test_a_damaged_file_is_never_read_as_the_truth(books: Books, damage: str) -> None:
    await three_days(books)
    await books.archive.close_days(MONDAY + 2 * DAY_MS)
    name = manifest_name if damage == "manifest" else entries_name
    path = books.folder / name("2026-11-24")
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "edited":
        path.write_bytes(content.replace(b'"v-1"', b'"v-7"'))
    else:
        path.write_bytes(content[:-5])
    with pytest.raises(DamagedArchive):
        await books.ids()


async def test_a_file_is_read_again_after_it_was_written(books: Books) -> None:
    await three_days(books)
    (day,) = await books.archive.close_days(MONDAY + DAY_MS)
    await books.archive.check(day)
    with pytest.raises(DamagedArchive):
        await books.archive.check(replace(day, rows=5))


async def test_a_manifest_that_goes_while_it_is_read_is_passed_over(books: Books) -> None:
    await three_days(books)
    await books.archive.close_days(MONDAY + DAY_MS)
    vanishing = Vanishing(books.artifacts)
    assert [] == await Archive(books.stream, vanishing).days()  # type: ignore[arg-type]


async def test_the_ledger_is_proven_again_if_a_day_moves_meanwhile(books: Books) -> None:
    everything = await three_days(books)
    proven = Counted(books)
    found = await books.archive.verify(proven)
    assert len(everything) == found.entries
    assert [False, True] == proven.had_earlier


async def test_a_day_that_goes_on_while_its_file_is_written_is_written_again(
    books: Books,
) -> None:
    await books.write(MONDAY, 2)
    stream = GoingOn(books)
    (moved,) = await Archive(stream, books.artifacts).close_days(MONDAY + DAY_MS)
    assert (3, 1) == (moved.rows, stream.refused)
    assert 3 == len(await books.ids())


@dataclass
class Vanishing:
    """Files whose manifests go between the listing and the reading."""

    artifacts: Artifacts

    def list(self, prefix: str) -> AsyncIterator[StoredObject]:
        return self.artifacts.list(prefix)

    def open(self, name: str) -> AsyncIterator[bytes]:
        return self.artifacts.open(name + ".gone")


@dataclass
class Counted:
    """Counts what it is given to prove; the first time a day moves meanwhile."""

    books: Books
    had_earlier: list[bool] = field(default_factory=list)

    async def verify(
        self,
        *,
        earlier: AsyncIterable[Entry] | None = None,
        limits: Mapping[str, int] | None = None,
    ) -> Verification:
        assert limits is None
        entries = 0
        if earlier is not None:
            async for _ in earlier:
                entries += 1
        if not self.had_earlier:
            await self.books.archive.close_days(MONDAY + DAY_MS)
        self.had_earlier.append(earlier is not None)
        entries += len(await self.books.left())
        return Verification(entries=entries, balances=0, open_attempts=0, violations=())


@dataclass
class GoingOn:
    """A stream that gets one more entry of the day just before it is cut."""

    books: Books
    refused: int = 0

    async def page(self, after_id: str, *, limit: int) -> LedgerPage:
        return await self.books.stream.page(after_id, limit=limit)

    async def trim(self, last_id: str, *, before_ms: int) -> bool:
        if not self.refused:
            await self.books.write(MONDAY + 5)
        is_cut = await self.books.stream.trim(last_id, before_ms=before_ms)
        self.refused += not is_cut
        return is_cut

    async def adopt(self, trimmed_id: str) -> str:
        return await self.books.stream.adopt(trimmed_id)


def empty_folder(books: Books) -> Artifacts:
    return open_artifacts(f"file://{books.folder}/nothing")


def test_a_day_ends_where_the_next_begins() -> None:
    following = date.fromisoformat(day_of(MONDAY)) + timedelta(days=1)
    assert MONDAY + DAY_MS == start_ms(following)
