"""python -m bench [--quick]: admissions per second and bytes per job, on a store of its own."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile

from bench.size import measure_size
from bench.speed import measure_speed
from proxy.store.address import EmbeddedAddress
from proxy.store.embedded import EmbeddedStore

BYTES_MAX = 2048


def main() -> int:
    """Measure and print; exit code 1 when a finished job takes more than 2048 bytes."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small run, for a first look")
    is_quick = parser.parse_args().quick
    rounds, count, jobs = (3, 2_000, 1_000) if is_quick else (7, 10_000, 10_000)
    with tempfile.TemporaryDirectory(prefix="greenlight-bench-") as folder:
        store = EmbeddedStore(EmbeddedAddress(folder=folder))
        store.launch()
        try:
            store.wait_ready()
            speed = measure_speed(store.address, rounds=rounds, count=count)
            size = asyncio.run(measure_size(store.address, jobs=jobs))
        finally:
            store.stop()
    rows = [
        ("admissions", f"{speed.admissions_per_s:,.0f} /s", f"median of {rounds} x {count:,}"),
        ("reference.lua", f"{speed.references_per_s:,.0f} /s", "same connection, turn about"),
        ("admissions : reference", f"{speed.ratio:.2f}", ""),
        ("finished job", f"{size.bytes_per_job:,.0f} bytes", f"over {size.jobs:,} jobs"),
        ("finished, fetched job", f"{size.bytes_per_fetched_job:,.0f} bytes", "once it was read"),
    ]
    for name, value, note in rows:
        sys.stdout.write(f"{name:<24}{value:>14}  {note}\n")
    return int(size.bytes_per_job > BYTES_MAX)


if __name__ == "__main__":
    sys.exit(main())
