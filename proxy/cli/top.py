"""`greenlight top`: jobs, money and providers as they are now, drawn again every few seconds."""

import time
from dataclasses import dataclass, field

import click
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from proxy.cli.admin import Admin, admin_options, open_admin
from proxy.cli.api import Json
from proxy.cli.budgets import budgets_table
from proxy.cli.change import moment
from proxy.cli.console import console, plain, table, usd
from proxy.cli.json_line import write_json
from proxy.cli.providers import offers_table
from proxy.cli.video import entries

JOBS_SHOWN = 12
BUDGETS_SHOWN = 10
_UNUSED = ("not_configured", "retired", "unpriced")
_COLOURS = {
    "queued": "yellow",
    "submitting": "cyan",
    "running": "cyan",
    "storing": "cyan",
    "unknown": "bold magenta",
    "completed": "green",
    "failed": "red",
    "cancelled": "dim",
}


@dataclass(frozen=True, slots=True)
class Frame:
    """What is shown at one moment; `trouble` says why some of it could not be read."""

    teams: list[Json] = field(default_factory=list)
    budgets: list[Json] = field(default_factory=list)
    providers: list[Json] = field(default_factory=list)
    jobs: list[Json] = field(default_factory=list)
    frozen: list[Json] = field(default_factory=list)
    trouble: str = ""

    def as_json(self) -> Json:
        """The same for machines."""
        return {
            "teams": self.teams,
            "budgets": self.budgets,
            "providers": self.providers,
            "jobs": self.jobs,
            "freezes": self.frozen,
        }


@click.command()
@click.option(
    "--every",
    default=2.0,
    show_default=True,
    type=click.FloatRange(0.2, 3600),
    help="Seconds between two looks.",
)
@click.option("--team", help="Only this team's budgets and jobs.")
@click.option("--once", is_flag=True, help="Look once, and end.")
@click.option("--json", "as_json", is_flag=True, help="Look once, and write JSON for machines.")
@admin_options
def command(
    *,
    every: float,
    team: str | None,
    once: bool,
    as_json: bool,
    admin_url: str,
    admin_token: str | None,
) -> None:
    """Watch jobs, money and providers. Ctrl-C ends it."""
    admin = open_admin(admin_url, admin_token)
    if as_json:
        write_json(look(admin, team).as_json())
        return
    out = console()
    if once or not out.is_terminal:
        out.print(drawn(look(admin, team)))
        return
    _watch(out, admin, team, every_s=every)


def _watch(out: Console, admin: Admin, team: str | None, *, every_s: float) -> None:
    """Draw until somebody has seen enough; a listener that goes away may come back."""
    last = look(admin, team)
    with Live(drawn(last), console=out, screen=True, auto_refresh=False) as live:
        try:
            while True:
                time.sleep(every_s)
                try:
                    last = look(admin, team)
                except click.ClickException as error:
                    last = Frame(
                        teams=last.teams,
                        budgets=last.budgets,
                        providers=last.providers,
                        jobs=last.jobs,
                        frozen=last.frozen,
                        trouble=error.format_message(),
                    )
                live.update(drawn(last), refresh=True)
        except KeyboardInterrupt:
            return


def look(admin: Admin, team: str | None) -> Frame:
    """Ask for all that is shown. Raises click.ClickException."""

    def mine(found: list[Json]) -> list[Json]:
        return [each for each in found if team in (None, each.get("team"))]

    teams = entries(admin.get("/teams").get("data"))
    return Frame(
        teams=[each for each in teams if team in (None, each.get("id"))],
        budgets=mine(entries(admin.get("/budgets").get("data"))),
        providers=entries(admin.get("/providers").get("data")),
        jobs=entries(admin.get("/jobs", {"team": team, "limit": JOBS_SHOWN}).get("data")),
        frozen=entries(admin.get("/freezes").get("data")),
    )


def drawn(frame: Frame) -> Group:
    """One picture of everything."""
    parts = [
        _box("Teams", _teams(frame.teams)),
        _box("Budgets, fullest first", budgets_table({"accounts": _fullest(frame.budgets)})),
        _box("Providers", offers_table(_of_use(frame.providers))),
        _box("Latest videos", _jobs(frame.jobs)),
    ]
    said = Text()
    if frame.frozen:
        said.append(f"{len(frame.frozen)} freezes are in force: greenlight freezes\n", "bold red")
    if frame.trouble:
        said.append("not up to date: ", "bold red")
        said.append(plain(frame.trouble))
    return Group(*([said] if said else []), *parts)


def _box(title: str, inside: Table) -> Panel:
    return Panel(inside, title=title, title_align="left", border_style="dim", padding=(0, 1))


def _teams(found: list[Json]) -> Table:
    shown = table("team", "running", "unfinished", "weight", "frozen", right=("weight",))
    for each in found:
        shown.add_row(
            plain(each.get("id")),
            plain(f"{each.get('running')} of {each.get('running_max')}"),
            plain(f"{each.get('unfinished')} of {each.get('unfinished_max')}"),
            plain(each.get("weight")),
            Text.assemble((str(plain(each.get("frozen") or "")), "bold red")),
        )
    return shown


def _fullest(found: list[Json]) -> list[Json]:
    """The budgets of which the largest share is used."""
    return sorted(found, key=_used, reverse=True)[:BUDGETS_SHOWN]


def _used(budget: Json) -> float:
    spent, held, limit = (_dollars(budget.get(name)) for name in ("spent", "reserved", "limit"))
    return (spent + held) / limit if limit else 1.0


def _dollars(amount: object) -> float:
    return float(amount) if isinstance(amount, str) else 0.0


def _of_use(found: list[Json]) -> list[Json]:
    """The offers that somebody could be sent to, but for what is wrong just now."""
    return [each for each in found if each.get("state") not in _UNUSED]


def _jobs(found: list[Json]) -> Table:
    shown = table("created", "team", "state", "offer", "cost", "id", right=("cost",))
    for each in found:
        state = str(each.get("state"))
        shown.add_row(
            moment(each.get("created_at")),
            plain(each.get("team")),
            Text.assemble((state, _COLOURS.get(state, ""))),
            plain(f"{each.get('provider')} {each.get('model')}"),
            usd(each.get("charged") or each.get("reserved")),
            plain(each.get("id")),
        )
    return shown
