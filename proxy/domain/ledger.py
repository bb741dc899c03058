"""The ledger's entries: every movement of money, written once and never changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from proxy.domain.policy import ORGANISATION

if TYPE_CHECKING:
    from collections.abc import Mapping

UNATTRIBUTED = "unattributed"
"""The scope that is charged for what a vendor bills and no attempt of ours explains."""


def is_of_organisation(balance: str) -> bool:
    """Say whether the organisation holds a balance, by its full name; all others are a team's."""
    return balance.startswith((f"{ORGANISATION}|", f"{ORGANISATION}{{", f"{UNATTRIBUTED}|"))


class EntryKind(StrEnum):
    """What an entry records. Its two deltas say what it did to each of its balances."""

    RESERVE = "reserve"
    """An attempt's quote is held."""
    SETTLE = "settle"
    """The hold of an attempt is given back and its real cost, up to the hold, is spent."""
    RELEASE = "release"
    """The hold of an attempt is given back and nothing is spent."""
    OVERAGE = "overage"
    """What a settled attempt cost above its hold."""
    ADJUST = "adjust"
    """A vendor's invoice corrects what a closed attempt was charged; may be negative."""
    WRITE_OFF = "write_off"
    """Finance takes an attempt's charge off its team; the organisation keeps it."""
    UNATTRIBUTED = "unattributed"
    """A vendor billed something that no attempt of ours explains."""
    OPEN = "open"
    """A new account takes over what the ledger holds for its scope in the current period."""
    OVERRIDE = "override"
    """A balance may be used beyond its limit by `amount_micro_usd` until `until_ms`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What was bought, as far as an entry is about an attempt; empty texts are "not known".

    `outcome` is "completed", "cancelled" or the job's error code; `task` the vendor's own id of
    the operation; `seconds` and `resolution` are of the video that was asked for.
    """

    key: str = ""
    policy: str = ""
    provider: str = ""
    account: str = ""
    model: str = ""
    price_id: str = ""
    snapshot_digest: str = ""
    by: str = ""
    cost_center: str = ""
    seconds: int = 0
    resolution: str = ""
    outcome: str = ""
    task: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One movement. A balance is the sum of the deltas of the entries that name it.

    `id` is the stream's: the store's clock in ms, a dash and a number. `operation` is the id that
    makes a replay harmless; empty for an admission, which `attempt` names. `balances` are full
    names such as "team:marketing|month|2026-11". `team` is empty where nobody bears it.
    """

    id: str
    kind: EntryKind
    operation: str
    attempt: str
    team: str
    balances: tuple[str, ...]
    reserved_micro_usd: int
    spent_micro_usd: int
    charge: Charge = field(default_factory=Charge)
    actor: str = ""
    reason: str = ""
    amount_micro_usd: int = 0
    until_ms: int = 0

    @property
    def at_ms(self) -> int:
        """The store's clock when it happened."""
        return int(self.id.partition("-")[0])

    @property
    def job(self) -> str:
        """The job whose attempt this is about; empty when it is about none."""
        return self.attempt.rpartition("-")[0]
