"""A store that was lost, put right again from the ledger's entries: each step once, on record."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from proxy.domain.ids import AttemptId, TeamId
    from proxy.domain.job import Job
    from proxy.domain.ledger import Entry
    from proxy.domain.proof import Sums
    from proxy.domain.recovery import End, Lift
    from proxy.gateway.ports.ledger import Mandate, NotPosted, Posted


class Outlook(StrEnum):
    """What becomes of an attempt whose job is lost."""

    CHARGE = "charge"
    """It is charged what was reserved."""
    RELEASE = "release"
    """It is charged nothing."""


class Repairs(Protocol):
    """Every change is one replay-safe script. Every method raises StoreUnavailable."""

    async def balances(self) -> tuple[str, Mapping[str, Sums]]:
        """Every balance by its full name, and the last entry at that instant ("" for none)."""

    async def rebuild(
        self,
        team: TeamId | None,
        sums: Mapping[str, Sums],
        lifts: Sequence[Lift],
        *,
        as_of: str,
    ) -> bool:
        """Set balances of a team (None: the organisation) and the overrides that live.

        False, and nothing is changed, if the ledger's last entry is not `as_of` ("" for none).
        """

    async def unfinished(self) -> Sequence[Job]:
        """Every job that stands in a queue; those whose record cannot be read are left out."""

    async def recorded(self, attempts: Collection[AttemptId]) -> frozenset[AttemptId]:
        """Those of the attempts of which their job's record knows."""

    async def end_lost(
        self, reserve: Entry, outlook: Outlook, mandate: Mandate
    ) -> Posted | NotPosted:
        """End an attempt whose job is gone: give back what it held, and charge that or nothing.

        `reserve` is the entry that opened it. NOTHING, and nothing is changed, if its job's
        record knows of the attempt after all.
        """

    async def overtake(self, job: Job, end: End) -> bool:
        """Note on a job's record how its current attempt ended by the ledger: no entry is made.

        False if the record moved on.
        """
