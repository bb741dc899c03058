"""Events about whether the ledger says all that is true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.domain.ids import ProviderName


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerVerified:
    """The ledger's laws were looked at; `broken` findings say that one does not hold.

    `at_s` is when, as Unix seconds: another process may have done it.
    """

    at_s: float
    entries: int
    broken: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanCharged:
    """What a vendor made and no attempt explains was charged to nobody; `task` is the vendor's."""

    provider: ProviderName
    account: str
    task: str
    charged_micro_usd: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LookEnded:
    """A vendor's list was looked through; `outcome` is "ok", "unpriced" or what stopped it.

    `orphans` are those that are over and unexplained, `unpriced` those of them of which nobody
    can say what they cost.
    """

    provider: ProviderName
    account: str
    outcome: str
    listed: int
    orphans: int
    unpriced: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreJudged:
    """Whether the store holds all that the ledger's files say; told whenever that changes."""

    is_whole: bool
