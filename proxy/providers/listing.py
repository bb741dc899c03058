"""Reading a vendor's list of operations page by page, to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.failure import FailureKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from proxy.domain.orphan import Listed
    from proxy.providers.failures import Failures

    Page = tuple[list[Listed], str]
    """Operations, and where the next page begins ("": there is none)."""

PAGES_MAX = 10_000
"""A list of more pages does not end: its server answers the same page for ever."""


async def listed(
    fetch: Callable[[str], Awaitable[Page | None]], failures: Failures
) -> AsyncIterator[Listed]:
    """Every operation of a list; `fetch` reads the page that begins at a cursor, "" the first.

    Raises:
        ProviderError: `malformed` where a page could not be read (None), or the list never ends.
    """
    cursor = ""
    for _ in range(PAGES_MAX):
        page = await fetch(cursor)
        if page is None:
            raise failures.error(FailureKind.MALFORMED, "its list could not be read")
        operations, cursor = page
        for each in operations:
            yield each
        if not cursor:
            return
    raise failures.error(FailureKind.MALFORMED, "its list does not end")
