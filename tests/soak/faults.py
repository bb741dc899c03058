"""Everything that the simulated vendors can do wrong, and how often it happens in a soak.

What each comes to stands in the failure table; here all happen at once, beside healthy jobs.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.simulator.directives import READ_FAULTS
from tests.soak.crowd import OFFERS, PROVIDERS
from tests.system.labels import labelled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RENDER = "render=0.3"
HEALTHY = f"[[{RENDER}]]"
FAULTY_PERCENT = 33
SEED = 20261129
LOOKED_UP_S, NOT_SEEN_S = 22, 40
"""Ends after `give_up_after` (20 s): when it is still looked for, and when it no longer is."""
LINKED = ("kling", "runway", "openai")
EVERYWHERE = "everywhere"


@dataclass(frozen=True, slots=True)
class Fault:
    """A directive, who can show it, and how often it comes beside the others."""

    directive: str
    weight: int
    at: tuple[str, ...] = PROVIDERS

    @property
    def family(self) -> str:
        """What it is a fault of: the directive's first word."""
        return EVERYWHERE if self.at == (EVERYWHERE,) else self.directive.partition("=")[0]


SUBMITS = (
    ("submit=429 times=1", 60),
    ("submit=429 retry_after=1 times=1", 60),
    ("submit=429", 10),
    ("submit=429 retry_after=5", 5),
    ("submit=concurrency times=1", 40),
    ("submit=concurrency", 8),
    ("submit=500 times=1", 40),
    ("submit=500", 20),
    ("submit=503 times=1", 40),
    ("submit=503", 40),
    ("submit=400", 20),
    ("submit=401", 2),
    ("submit=404", 2),
    ("submit=410", 2),
    ("submit=account", 2),
    ("submit=content_policy", 40),
    ("submit=502", 8),
    ("submit=504", 8),
    ("submit=hang", 8),
    ("submit=reset", 8),
    ("submit=accept_then_hang", 15),
    ("submit=accept_then_reset", 15),
    ("submit=accept_then_504", 15),
    ("submit=garbage", 8),
    ("submit=truncated", 8),
    ("submit=wrong_types", 8),
    ("submit=oversized", 4),
)
OUTCOMES = (
    ("outcome=internal", 100),
    ("outcome=content_policy", 60),
    ("outcome=filtered", 30),
    ("outcome=hang", 4),
    ("outcome=vanish", 8),
    ("outcome=garbage", 8),
)
LATE = (
    (f"render={LOOKED_UP_S}", 4),
    (f"render={LOOKED_UP_S} outcome=internal", 4),
    (f"render={NOT_SEEN_S}", 4),
)
DOWNLOADS = (
    ("download=404 download_times=1", 20),
    ("download=404", 4),
    ("download=expired download_times=1", 20),
    ("download=expired", 4),
    ("link=0", 4),
)
FILES = (
    ("download=slow", 20),
    ("download=truncate download_times=1 bytes=300kB", 15),
    ("download=truncate bytes=300kB", 4),
    ("download=reset download_times=1 bytes=300kB", 15),
    ("download=reset bytes=300kB", 4),
    ("download=garbage download_times=1", 10),
    ("download=garbage", 4),
    ("bytes=3MB", 4),
)
BILLS = (("bill=1.5x", 20), ("bill=0.5x", 20), ("bill=0.0x", 10))
CALLBACKS = ("none", "twice", "forged", "stale", "unsigned", "garbage")
LOST = "submit=accept_then_hang"

FAULTS = (
    *(Fault(*each) for each in (*SUBMITS, *OUTCOMES, *LATE, *FILES, *BILLS)),
    *(Fault(*each, at=LINKED) for each in DOWNLOADS),
    *(Fault(f"status={fault} status_times=2", 10) for fault in sorted(READ_FAULTS)),
    *(Fault(f"status={fault}", 2) for fault in sorted(READ_FAULTS)),
    *(Fault(f"{LOST} find={it} find_times=1", 2, ("kling",)) for it in sorted(READ_FAULTS)),
    *(Fault(f"{LOST} find={it}", 1, ("kling",)) for it in sorted(READ_FAULTS)),
    *(Fault(f"callback={fault}", 30, ("kling", "openai")) for fault in CALLBACKS),
    Fault("callback=reordered", 60, ("kling",)),
    Fault("outcome=internal code=moon_phase", 20, ("openai",)),
    Fault("outcome=internal code=THIRD_PARTY.UNAVAILABLE", 20, ("runway",)),
    Fault("outcome=internal code=ASSET.INVALID", 10, ("runway",)),
    Fault("outcome=cancelled", 20, ("runway",)),
    Fault("url=http://10.0.0.1/cat.mp4", 4, ("kling", "runway")),
    Fault("redirect=http://10.0.0.1/cat.mp4", 4, LINKED),
    Fault("submit=503", 10, (EVERYWHERE,)),
    Fault("outcome=internal", 10, (EVERYWHERE,)),
    Fault("submit=accept_then_hang", 4, (EVERYWHERE,)),
)


@dataclass(frozen=True, slots=True)
class Wish:
    """One video that somebody wants, and what goes wrong with it; `fault` None: nothing."""

    number: int
    provider: str
    fault: Fault | None

    @property
    def label(self) -> str:
        """How the vendors' books call it."""
        return f"job-{self.number}"

    @property
    def body(self) -> Mapping[str, object]:
        """The create's body; what goes wrong does so at the vendor whose model is asked for."""
        said = HEALTHY
        if self.fault is not None:
            at = "" if self.fault.family == EVERYWHERE else f"{self.provider}: "
            said = f"{HEALTHY} [[{at}{self.fault.directive}]]"
        prompt = labelled(f"A boat. {said}", self.label)
        return {"prompt": prompt, **OFFERS[PROVIDERS.index(self.provider)]}


def wishes(jobs: int) -> list[Wish]:
    """So many wishes, the same each time; of the faulty ones each fault at each vendor is one."""
    chance = random.Random(SEED)  # noqa: S311 - a seed that can be replayed
    places = list(_places())
    faulty = jobs * FAULTY_PERCENT // 100
    weights = [fault.weight for _, fault in places]
    more = chance.choices(places, weights, k=max(0, faulty - len(places)))
    wrong: list[tuple[str, Fault | None]] = [*places, *more]
    well = [(PROVIDERS[number % len(PROVIDERS)], None) for number in range(jobs - len(wrong))]
    all_ = [*wrong, *well]
    chance.shuffle(all_)
    return [Wish(number, provider, fault) for number, (provider, fault) in enumerate(all_)]


def _places() -> Iterator[tuple[str, Fault]]:
    for fault in FAULTS:
        for at in fault.at:
            yield (PROVIDERS[0] if at == EVERYWHERE else at), fault
