"""Circuit breakers of provider accounts, and which accounts are drained, over Redis."""

from __future__ import annotations

import asyncio
from types import MappingProxyType
from typing import TYPE_CHECKING

from proxy.domain.breaker import Breaker, BreakerState, Mark, Outcome, Tally
from proxy.domain.health import Health
from proxy.gateway.ports.health import GONE, Board, Moved
from proxy.store.codec import fields_of
from proxy.store.flags import DRAIN, FLAGS, flags_of
from proxy.store.keys import breakers as breakers_key
from proxy.store.keys import heard_by
from proxy.store.script import Script

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from proxy.domain.breaker import BreakerRules
    from proxy.domain.health import Place
    from proxy.gateway.ports.health import Report
    from proxy.store.client import Client
    from proxy.store.connection import Argument, Reply
    from proxy.store.keys import Keys

NONE = "-"
WORDS = 12
"""How many a breaker's field has."""
_LETTERS = {BreakerState.CLOSED: "c", BreakerState.OPEN: "o", BreakerState.HALF_OPEN: "h"}
_STATES = {letter: state for state, letter in _LETTERS.items()} | {GONE: GONE}


class RedisHealth:
    """HealthBoard over Redis: a hash for each account, a field for each breaker."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys
        self._health = Script.load("health")

    async def exchange(
        self,
        accounts: Sequence[Place],
        reports: Mapping[Place, Report],
        *,
        rules: BreakerRules,
        jitter_permille: int,
    ) -> Board:
        """Deliver reports, and read how every account stands, all in one round trip."""
        places = list(dict.fromkeys((*accounts, *reports)))
        terms = [*_rules(rules), jitter_permille]
        *replies, flags = await asyncio.gather(
            *(self._ask(place, reports.get(place), terms) for place in places),
            self._client.read(("HGET", self._keys.organisation(), FLAGS)),
        )
        now_ms, moved = 0, []
        found: dict[Place, Mapping[str, Breaker]] = {}
        for place, (at_ms, lines, texts) in zip(places, replies, strict=True):
            now_ms = max(now_ms, at_ms)
            moved += [_moved(place, line) for line in lines.decode().splitlines()]
            fields = fields_of(texts).items()
            found[place] = {name: breaker_of(text.decode()) for name, text in fields}
        health = Health(breakers=MappingProxyType(found), drained=_drained(flags))
        return Board(health=health, now_ms=now_ms, moved=tuple(moved))

    async def _ask(self, place: Place, report: Report | None, terms: Sequence[int]) -> Reply:
        operation = report.operation if report else NONE
        keys = [breakers_key(*place), heard_by(*place, operation)]
        arguments: list[Argument] = list(terms)
        for heard in report.heard if report else ():
            outcome = heard.outcome
            arguments += [
                heard.breaker,
                outcome.mark.value,
                outcome.begun_ms,
                outcome.attempt or NONE,
                _detail(outcome),
                heard.times,
            ]
        return await self._health.run(self._client, keys, arguments)


def _rules(rules: BreakerRules) -> list[int]:
    return [
        rules.failures,
        rules.ratio_percent,
        rules.ratio_of_at_least,
        rules.window_ms,
        rules.open_min_ms,
        rules.open_max_ms,
    ]


def _detail(outcome: Outcome) -> Argument:
    match outcome.mark:
        case Mark.REST:
            return outcome.rest_ms
        case Mark.GONE:
            return outcome.digest
        case _:
            return outcome.cause or NONE


def _moved(place: Place, line: str) -> Moved:
    breaker, before, after = line.rsplit(" ", 2)
    return Moved(place=place, breaker=breaker, before=_STATES[before], after=_STATES[after])


def _drained(flags: bytes | None) -> frozenset[str]:
    """Providers and "provider/account" that are drained, from the organisation's flags."""
    found = (flag.partition(":") for flag in flags_of(flags))
    return frozenset(name.replace(":", "/") for what, _, name in found if what == DRAIN)


def breaker_of(text: str) -> Breaker:
    """A breaker from its field; one that cannot be read is closed, as in the scripts."""
    words = text.split(" ")
    if len(words) != WORDS:
        return Breaker()
    numbers = [int(word) for word in words[1:6]]
    tallies = () if words[11] == NONE else words[11].split(",")
    return Breaker(
        state=BreakerState(_STATES[words[0]]),
        generation=numbers[0],
        consecutive=numbers[1],
        openings=numbers[2],
        since_ms=numbers[3],
        until_ms=numbers[4],
        cause=_word(words[6]),
        probe=_word(words[7]),
        rests_until_ms=int(words[8]),
        gone_in=_word(words[9]),
        gone_ms=int(words[10]),
        tallies=tuple(Tally(*map(int, tally.split(":"))) for tally in tallies),
    )


def _word(text: str) -> str:
    return "" if text == NONE else text
