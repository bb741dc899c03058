"""Admissions per second beside the reference script: same connection, same server, turn about."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.raw import RawConnection, packed
from bench.sample import Sampler
from proxy.store.admission import RedisAdmission, arguments_of
from proxy.store.arguments import Books
from proxy.store.client import Client
from proxy.store.keys import Keys

if TYPE_CHECKING:
    from proxy.store.address import Address

REFERENCE = Path(__file__).parent / "reference.lua"


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Scripts per second: medians over the rounds, and their ratio."""

    rounds: int
    admissions_per_s: float
    references_per_s: float

    @property
    def ratio(self) -> float:
        """Admissions for each run of the reference script."""
        return self.admissions_per_s / self.references_per_s


def measure_speed(address: Address, *, rounds: int, count: int) -> Speed:
    """Run both scripts `count` times a round; which one is first changes every round."""
    connection = RawConnection(str(address.path))
    sampler = Sampler()
    admission = RedisAdmission(Client(address), Keys())
    rates: dict[str, list[float]] = {"admit": [], "reference": []}
    reference = connection.call("SCRIPT", "LOAD", REFERENCE.read_bytes())
    admit = connection.call("SCRIPT", "LOAD", admission.script.source)
    for number in range(rounds):
        connection.call("FLUSHALL", "SYNC")
        commands = {
            "admit": _admissions(admit, admission, sampler, count),
            "reference": [packed(("EVALSHA", reference, 1, "bench:hash", 336_000))] * count,
        }
        order = sorted(commands, reverse=bool(number % 2))
        for name in order:
            rates[name].append(connection.rate(commands[name]))
    connection.call("FLUSHALL", "SYNC")
    connection.close()
    return Speed(
        rounds=rounds,
        admissions_per_s=statistics.median(rates["admit"]),
        references_per_s=statistics.median(rates["reference"]),
    )


def _admissions(
    digest: bytes, admission: RedisAdmission, sampler: Sampler, count: int
) -> list[bytes]:
    now_ms = time.time_ns() // 1_000_000
    commands = []
    for _ in range(count):
        command = sampler.command(now_ms)
        keys = admission.keys_of(command)
        arguments = arguments_of(command, Books.of(command.job.team, command.balances))
        commands.append(packed(("EVALSHA", digest, len(keys), *keys, *arguments)))
    return commands
