"""How the vendors' own lists are looked through, as the configuration says it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class OrphanRule(StrEnum):
    """Which operations of an account may be orphans."""

    NAMED = "named"
    """Others use the account too: only those that bear the id of an attempt."""
    ALL = "all"
    """The account is ours alone: every one."""
    OFF = "off"
    """None: nobody looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanTimes:
    """When and how far back is looked, in seconds.

    `grace_s`: younger operations may be about to be explained. `back_s` is for the first look at
    an account; later ones begin where the one before ended.
    """

    every_s: float
    grace_s: float
    back_s: float
