"""Write docs/failures.md from the failure table: `make failures`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.system.ending import MANY, MODELS, PRICES, PROVIDERS
from tests.system.scenarios import PAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.ending import Ending, Scenario, Section

FILE = Path(__file__).parents[2] / "docs" / "failures.md"

INTRO = """\
<!-- Made by `make failures` from tests/system/*_scenarios.py; change those, not this file. -->

# What happens when a vendor fails

Look up here what a failure at a vendor does to a job and to its money. Find what the vendor did
in the first column (the sections follow a job's life) and your provider under *at*; the rest of
the row is what the caller, the budget and the vendor's invoice see. Coming from a failed job, go
the other way: search for its `error.code`, compare `greenlight.attempts` with *attempts* and
*submits*, and the ledger with *charged*. To see a row happen, put its directive into a prompt at
the [simulator](simulator.md): `A boat. [[kling: submit=503]]`. What a code asks of the caller is
told under [errors](errors.md), which answer of a vendor is which kind of failure under
[providers](providers.md).

Every row is played on real processes, four simulated vendors, the proxy and its store, by
`tests/system/test_failure_table.py` (the bucket's rows by `tests/system/test_bucket.py`), and
compared with the vendors' call logs and invoices. `make failures` writes this page from the same
table; a test fails when the two differ.

What starts from a finished video (a remix, an edit, an extension) ends in the same ways. It goes
on elsewhere only where another offer can be given the video, and one failure is its own: the
provider no longer knows that video. That is refused for nothing, as `source_gone`.
`tests/system/test_derived.py` plays these.

Each job asks for four seconds at 720p of one model, and any other may take over
(`substitute: policy`), the cheapest first:

"""

COLUMNS = """\
| column | means |
|---|---|
| directive | what the simulated vendor is told to do |
| at | the provider in question; one that is missing cannot do this |
| ends | the job's last state; *elsewhere*: the next candidate made the video |
| code | `error.code` of the job, or of its first attempt if it went on elsewhere |
| attempts | offers tried, each with a reservation of its own |
| submits | submits that the provider in question was sent |
| accepted | submits that any vendor accepted: never more than one per attempt |
| charged | what the team paid, in videos at the provider's price; *next*: one at the next one's |
| billed | what the vendors' invoices say, in the same unit |

Where *charged* and *billed* differ, nobody could know better: the attempt was closed by
`unknown.then` (here `assume_charged`), the vendor reports no figure of its own, or it denied its
own task. Those are the rows that a comparison with the vendor's invoice finds.
"""

HEAD = """\
| what happens | directive | at | ends | code | attempts | submits | accepted | charged | billed |
|---|---|---|---|---|---|---|---|---|---|
"""


def page() -> str:
    """Return the whole of docs/failures.md."""
    return INTRO + _prices() + COLUMNS + "".join(_section(section) for section in PAGE)


def _prices() -> str:
    rows = "".join(
        f"| {name} | `{MODELS[name]}` | ${PRICES[name] / 1_000_000:.3f} |\n" for name in PROVIDERS
    )
    return f"| provider | model | a video costs |\n|---|---|---|\n{rows}\n"


def _section(section: Section) -> str:
    rows = (row for scenario in section.scenarios for row in _rows(scenario))
    return f"\n## {section.title}\n\n{section.intro}\n\n{HEAD}" + "".join(rows)


def _rows(scenario: Scenario) -> Iterator[str]:
    """One line for each different ending, most widespread first."""
    groups: dict[Ending, list[str]] = {}
    for provider, ending in scenario.ends.items():
        groups.setdefault(ending, []).append(provider)
    says, directive = scenario.says, f"`{scenario.directive}`" if scenario.directive else "-"
    for ending, providers in sorted(groups.items(), key=lambda group: -len(group[1])):
        at = "all" if len(providers) == len(PROVIDERS) else ", ".join(providers)
        cells = (says, directive, at, *_cells(ending))
        yield f"| {' | '.join(cells)} |\n"
        says = directive = "″"


def _cells(ending: Ending) -> tuple[str, ...]:
    is_elsewhere = ending.next_videos > 0
    return (
        f"{ending.state}, elsewhere" if is_elsewhere else ending.state,
        f"`{ending.code}`" if ending.code else "-",
        str(ending.attempts),
        "many" if ending.submits == MANY else str(ending.submits),
        str(ending.accepted),
        _videos(ending.charged, is_elsewhere=is_elsewhere),
        _videos(ending.invoiced, is_elsewhere=is_elsewhere),
    )


def _videos(own: float, *, is_elsewhere: bool) -> str:
    if not is_elsewhere:
        return f"{own:g}"
    return f"{own:g} + next" if own else "next"


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
