"""What a vendor may do to a job, and what must come of it: the words of the failure table."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

KLING, VERTEX, RUNWAY, OPENAI = PROVIDERS = ("kling", "vertex", "runway", "openai")

# Micro-USD of four seconds at 720p: what every job of the table asks for.
PRICES: Mapping[str, int] = MappingProxyType(
    {KLING: 336_000, VERTEX: 400_000, RUNWAY: 480_000, OPENAI: 400_000}
)
MODELS: Mapping[str, str] = MappingProxyType(
    {KLING: "kling-3.0", VERTEX: "veo-3.1-fast", RUNWAY: "gen4.5", OPENAI: "sora-2"}
)
RETIRED: Mapping[str, str] = MappingProxyType(
    {KLING: "kling-2.6", VERTEX: "veo-3.1-lite", RUNWAY: "veo-3.1", OPENAI: "sora-2-pro"}
)
"""A retired model at each provider; its successor is the one of `MODELS`."""

NEVER: Mapping[str, object] = MappingProxyType({"substitute": "never"})
"""What a create says for which nobody else may take over."""

MANY = -1
"""More than one submit, how many depends on the moment."""


def next_price(provider: str) -> int:
    """What the next candidate's video costs, in micro-USD: the cheapest of the others."""
    return min(price for name, price in PRICES.items() if name != provider)


@dataclass(frozen=True, slots=True)
class Ending:
    """What came of a job.

    Attributes:
        state: The job's last state, in the product's words; `refused` if it never was one.
        code: The error of the job, or of its first attempt where another one completed it.
        attempts: How many offers were tried.
        submits: How often the vendor in question was sent a submit, or `MANY`.
        accepted: How many submits any vendor accepted.
        charged: How many of the vendor's videos the team paid for its attempt there.
        invoiced: How many of them the vendor bills.
        next_videos: How many videos of the next candidate are charged and billed besides.
    """

    state: str = "completed"
    code: str | None = None
    attempts: int = 1
    submits: int = 1
    accepted: int = 1
    charged: float = 1
    invoiced: float = 1
    next_videos: int = 0


MADE = Ending()


def again(submits: int = 2) -> Ending:
    """The same vendor made it, at a later submit."""
    return replace(MADE, submits=submits)


def refused(code: str, *, submits: int = 1, attempts: int = 1) -> Ending:
    """Nothing was accepted and nothing else was tried, or nothing else worked either."""
    return Ending("failed", code, attempts, submits, accepted=0, charged=0, invoiced=0)


def failed(code: str, *, bills: float = 0) -> Ending:
    """It was accepted and ended without a video; `bills` of one are charged and billed."""
    return Ending("failed", code, charged=bills, invoiced=bills)


def elsewhere(
    code: str, *, submits: int = 1, is_accepted: bool = False, bills: float = 0
) -> Ending:
    """The next candidate made it; `bills` of the first vendor's video are charged and billed."""
    return Ending(
        code=code,
        attempts=2,
        submits=submits,
        accepted=1 + is_accepted,
        charged=bills,
        invoiced=bills,
        next_videos=1,
    )


def unknown(*, accepted: int = 1, invoiced: float = 1, state: str = "failed") -> Ending:
    """Nobody could say what it bought: charged as `unknown.then: assume_charged` says."""
    code = "cancelled" if state == "cancelled" else "outcome_unknown"
    return Ending(state, code, accepted=accepted, charged=1, invoiced=invoiced)


def cancelled(*, submits: int = 1, accepted: int = 1, bills: float = 0) -> Ending:
    """The caller cancelled it; `bills` of a video are charged and billed."""
    return Ending(
        "cancelled",
        "cancelled",
        submits=submits,
        accepted=accepted,
        charged=bills,
        invoiced=bills,
    )


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row of the table.

    Attributes:
        says: What happens, in words.
        directive: What the simulated vendor is told to do, see docs/simulator.md.
        ends: What comes of it, by provider; one that is missing cannot do this.
        fields: What the create says beside prompt, model and seconds.
        cancel_when: The status of the vendor's task, or `submitted` (a submit was sent), at
            which the caller cancels.
        is_retired: Whether the job asks for the provider's retired model.
        is_everywhere: Whether every vendor does the same, not just the one in question.
        is_lasting: Whether it hampers other jobs at the same account, too.
        is_late: Whether the vendor is at work still when the job has ended.
    """

    says: str
    directive: str
    ends: Mapping[str, Ending]
    fields: Mapping[str, object] = field(default_factory=dict)
    cancel_when: str | None = None
    is_retired: bool = False
    is_everywhere: bool = False
    is_lasting: bool = False
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """Scenarios that belong together."""

    title: str
    intro: str
    scenarios: tuple[Scenario, ...]


def at_all(ending: Ending, **others: Ending | None) -> Mapping[str, Ending]:
    """The same everywhere, but for `others`; None where the vendor cannot do this."""
    ends = {name: others.get(name, ending) for name in PROVIDERS}
    return {name: end for name, end in ends.items() if end is not None}
