"""The cool-down of a key whose videos are refused for their content: the oracle of strike.lua.

A provider may bill what it refuses, and suspend an account that goes on asking; such an account
serves every team.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Moderation:
    """So many refusals for content of one key `within_ms` make it pause for `cool_down_ms`."""

    refusals: int
    within_ms: int
    cool_down_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is known of a key: until when it pauses, and its latest refusals, oldest first (ms)."""

    until_ms: int = 0
    refused_at_ms: tuple[int, ...] = ()

    def recent(self, rule: Moderation, now_ms: int) -> tuple[int, ...]:
        """The refusals that still count."""
        since_ms = now_ms - rule.within_ms
        return tuple(at_ms for at_ms in self.refused_at_ms if at_ms > since_ms)


def strike(record: Record, rule: Moderation, now_ms: int) -> Record:
    """Count one more refusal; a pause is never cut short by a milder rule."""
    kept = (*record.recent(rule, now_ms), now_ms)[-rule.refusals :]
    until_ms = record.until_ms
    if len(kept) >= rule.refusals:
        until_ms = max(until_ms, now_ms + rule.cool_down_ms)
    return Record(until_ms=until_ms, refused_at_ms=kept)
