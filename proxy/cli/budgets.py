"""`greenlight budgets`: what is spent, what is held and what is left, of a team or of all."""

from decimal import Decimal, InvalidOperation

import click
from rich.table import Table
from rich.text import Text

from proxy.cli.admin import Admin, admin_options, open_admin
from proxy.cli.api import Json, api_options, open_api
from proxy.cli.change import DOLLARS, change_options, dollars, moment
from proxy.cli.console import bar, cents, console, plain, table, usd
from proxy.cli.json_line import write_json
from proxy.cli.video import entries
from proxy.config.quantity import parse_duration_ms


@click.group(invoke_without_command=True)
@click.option("--all", "is_all", is_flag=True, help="Every team's, by the admin listener.")
@click.option("--team", help="One team's, by the admin listener.")
@click.option("--json", "as_json", is_flag=True, help="Write the API's answer for machines.")
@api_options
@admin_options
@click.pass_context
def command(
    context: click.Context,
    *,
    is_all: bool,
    team: str | None,
    as_json: bool,
    url: str,
    api_key: str | None,
    admin_url: str,
    admin_token: str | None,
) -> None:
    """Show the team's budgets at every level, its rate limits and its jobs.

    With --all or --team: the budgets that the admin listener knows.
    """
    if context.invoked_subcommand:
        return
    if is_all or team:
        _show_all(open_admin(admin_url, admin_token), team, as_json=as_json)
        return
    answer = open_api(url, api_key).get("/budget")
    if as_json:
        write_json(answer)
        return
    out = console()
    out.print(budgets_table(answer))
    out.print()
    out.print(_limits_table(answer))
    jobs = answer.get("jobs")
    if isinstance(jobs, dict):
        unfinished = f"{jobs.get('unfinished')} of {jobs.get('unfinished_max')} unfinished"
        running = f"{jobs.get('running')} of {jobs.get('running_max')} running"
        out.print()
        out.print(plain(f"jobs: {unfinished}, {running}"))


@command.command("override")
@click.argument("budget")
@click.option("--team", help="Whose budget it is. Default: the organisation's.")
@click.option("--amount", required=True, help=f"Is added to the limit. {DOLLARS}")
@click.option("--until", help="A date (UTC) or an instant. Default: the end of the period.")
@click.option("--for", "duration", help="Instead: so long from now, such as 12h or 3d.")
@change_options
def override_budget(
    *,
    budget: str,
    team: str | None,
    amount: str,
    until: str | None,
    duration: str | None,
    reason: str,
    as_json: bool,
    admin_url: str,
    admin_token: str | None,
) -> None:
    """Let a BUDGET, named by its id, be used beyond its limit for a while.

    It ends with the budget's period at the latest.
    """
    if until and duration:
        message = "give --until or --for, not both"
        raise click.UsageError(message)
    body: Json = {"budget": budget, "team": team, "amount": dollars(amount), "until": until}
    body |= {"for_s": _seconds(duration), "reason": reason}
    answer = open_admin(admin_url, admin_token).post("/overrides", body)
    if as_json:
        write_json(answer)
        return
    lifted = f"{usd(answer.get('amount'))} more until {moment(answer.get('until'))}"
    total = f"{usd(answer.get('total'))} by all overrides"
    click.echo(f"{answer.get('balance')}: {lifted} ({total}); its id is {answer.get('id')}")


def _seconds(duration: str | None) -> int | None:
    if duration is None:
        return None
    try:
        return max(1, parse_duration_ms(duration) // 1000)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--for") from error


def _show_all(admin: Admin, team: str | None, *, as_json: bool) -> None:
    answer = admin.get("/budgets")
    every = entries(answer.get("data"))
    found = [each for each in every if team in (None, each.get("team"))]
    if team and not found:
        known = ", ".join(sorted({str(each["team"]) for each in every if each.get("team")}))
        message = f"no team {team!r} has a budget; known: {known or 'none'}"
        raise click.ClickException(message)
    if as_json:
        write_json({**answer, "data": found})
        return
    out = console()
    out.print(budgets_table({"accounts": found}))
    foretold = [each for each in found if each.get("forecast") is not None]
    if foretold:
        out.print()
        heading = f"forecast ({answer.get('forecast_method')})"
        shown = table("budget", heading, "of", right=(heading, "of"))
        for each in foretold:
            shown.add_row(_name(each), cents(each.get("forecast")), usd(each.get("limit")))
        out.print(shown)


def budgets_table(answer: Json) -> Table:
    """Show every budget that counts the team's spending, with a bar of what is used."""
    budgets = entries(answer.get("accounts"))
    is_lifted = any(_amount(budget, "override") for budget in budgets)
    money = ("spent", "held", "left", "of", *(("override",) if is_lifted else ()))
    shown = table("budget", "used", *money, "resets", right=money)
    for budget in budgets:
        shown.add_row(
            _name(budget),
            bar(_used(budget)),
            usd(budget.get("spent")),
            usd(budget.get("reserved")),
            usd(budget.get("left")),
            usd(budget.get("limit")),
            *([_lifted(budget)] if is_lifted else []),
            _resets(budget),
        )
    return shown


def _lifted(budget: Json) -> str:
    return f"+{usd(budget.get('override'))}" if _amount(budget, "override") else ""


def _limits_table(answer: Json) -> Table:
    shown = table("limit", "key", "used", "left", "of", right=("left", "of"))
    for limit in entries(answer.get("limits")):
        capacity, remaining = limit.get("capacity"), limit.get("remaining")
        if isinstance(capacity, int) and isinstance(remaining, int) and capacity:
            shown.add_row(
                plain(limit.get("class")),
                plain(limit.get("key") or "all of the team"),
                bar(1 - remaining / capacity),
                str(remaining),
                str(capacity),
            )
    return shown


def _resets(budget: Json) -> str:
    """Say when the budget is empty again, in UTC: the day, and the time unless it is midnight."""
    at = budget.get("resets_at")
    if not isinstance(at, str):
        return "never"
    day, _, time = at.partition("T")
    if time == "00:00:00Z":
        return day
    clock = time.removesuffix(":00Z") + "Z"
    return clock if budget.get("period") == "hour" else f"{day} {clock}"


def _used(budget: Json) -> float:
    limit = _amount(budget, "limit") + _amount(budget, "override")
    used = _amount(budget, "spent") + _amount(budget, "reserved")
    return float(used / limit) if limit else 1.0


def _amount(budget: Json, name: str) -> Decimal:
    try:
        return Decimal(str(budget.get(name)))
    except InvalidOperation:
        return Decimal(0)


def _name(budget: Json) -> Text:
    match = budget.get("match")
    words = [_matched(match)] if isinstance(match, dict) else []
    words += ["warns only"] if budget.get("on_exceed") == "allow" else []
    more = f" ({'; '.join(words)})" if words else ""
    return plain(f"{budget.get('scope')} {budget.get('budget')}{more}")


def _matched(match: Json) -> str:
    metadata = match.get("metadata")
    named = {name: value for name, value in match.items() if name != "metadata"}
    if isinstance(metadata, dict):
        named |= {f"metadata.{name}": value for name, value in metadata.items()}
    return ", ".join(f"{name} {value}" for name, value in named.items())
