"""The accounts that exist, and the opening of new ones."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.domain.ids import TeamId
    from proxy.domain.takeover import Takeover


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """An account as the store knows it.

    `is_closed`: no configuration had it when last looked at, so it may have missed something.
    Until `until_ms` its periods are those of `before`; from then on those of `timezone`.
    `operation` is the one that opened it last.
    """

    timezone: str
    is_closed: bool = False
    before: str = ""
    until_ms: int = 0
    operation: str = ""


class Opened(StrEnum):
    """What became of an opening."""

    NOW = "now"
    BEFORE = "before"
    """It was open already."""
    STALE = "stale"
    """The ledger, the account or the period moved since it was read; nothing was done."""


class AccountRegistry(Protocol):
    """Every change is one replay-safe script. Every method raises StoreUnavailable.

    Whoever changes an account says as what it was known: if it is another by now, nothing is done.
    """

    async def registered(self) -> Mapping[str, Registered]:
        """Every account that was ever opened, by name."""

    async def open(
        self,
        account: str,
        team: TeamId | None,
        takeover: Takeover,
        *,
        timezone: str,
        as_of: str,
        known: Registered | None = None,
    ) -> Opened:
        """Open an account with what it takes over.

        Args:
            account: its name.
            team: whose hash holds its balances, None for the organisation.
            takeover: what the ledger holds for it up to the entry `as_of`.
            timezone: of its periods.
            as_of: id of the last entry that was read, "" for none.
            known: as what it was known, None for one that never was open.
        """

    async def close(self, accounts: Mapping[str, Registered]) -> None:
        """Note that nothing counts on these accounts any more."""

    async def rezone(self, account: str, known: Registered, following: Registered) -> None:
        """Note an account's new time zone."""
