"""`greenlight jobs`: the team's jobs, or everything about one."""

from datetime import UTC, datetime

import click
from rich.console import Console
from rich.table import Table
from typing_extensions import override

from proxy.cli.admin import admin_options, open_admin
from proxy.cli.all_jobs import STATES, cancel, list_all, resolve, show_one
from proxy.cli.api import Api, Json, api_options, open_api
from proxy.cli.console import console, plain, table, usd
from proxy.cli.json_line import write_json
from proxy.cli.offers import offers_table
from proxy.cli.video import Video, entries

STATUSES = ("queued", "in_progress", "completed", "failed")
_LIMIT_MAX = 100


class JobsGroup(click.Group):
    """`greenlight jobs ...` is `greenlight jobs show ...` unless another command is named."""

    @override
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        is_named = bool(args) and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if is_named else ["show", *args])


@click.group(cls=JobsGroup)
def command() -> None:
    """List the team's jobs, or show one: `jobs` alone is `jobs show`.

    The other commands, and show with --all-teams or --team, ask the admin listener.
    """


command.add_command(cancel)
command.add_command(resolve)


@command.command()
@click.argument("job", required=False)
@click.option("--all-teams", is_flag=True, help="Jobs of every team, by the admin listener.")
@click.option("--team", help="Jobs of one team, by the admin listener.")
@click.option("--state", type=click.Choice(STATES), help="Only in this state, of any team.")
@click.option("--since", help="Only created since this date or instant, of any team.")
@click.option("--status", type=click.Choice(STATUSES), help="Only jobs of this status.")
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1, _LIMIT_MAX), help="How many."
)
@click.option("--after", metavar="ID", help="Go on behind this job.")
@click.option("--oldest-first", is_flag=True, help="Instead of the newest first.")
@click.option("--json", "as_json", is_flag=True, help="Write the API's answer for machines.")
@api_options
@admin_options
def show(
    *,
    job: str | None,
    all_teams: bool,
    team: str | None,
    state: str | None,
    since: str | None,
    status: str | None,
    limit: int,
    after: str | None,
    oldest_first: bool,
    as_json: bool,
    url: str,
    api_key: str | None,
    admin_url: str,
    admin_token: str | None,
) -> None:
    """List the team's jobs, or show all about one JOB."""
    if all_teams or team:
        if status or oldest_first:
            message = "--status and --oldest-first are for the team's own jobs; see --state"
            raise click.UsageError(message)
        admin = open_admin(admin_url, admin_token)
        query: Json = {"team": team, "state": state, "since": since, "after": after}
        if job is None:
            list_all(admin, {**query, "limit": limit}, as_json=as_json)
        else:
            show_one(admin, job, as_json=as_json)
        return
    if state or since:
        message = "--state and --since need --all-teams or --team"
        raise click.UsageError(message)
    api = open_api(url, api_key)
    if job is not None:
        _one(api, job, as_json=as_json)
        return
    order = "asc" if oldest_first else "desc"
    answer = api.get("/videos", {"limit": limit, "after": after, "status": status, "order": order})
    if as_json:
        write_json(answer)
        return
    videos = [Video(entry) for entry in entries(answer.get("data"))]
    out = console()
    out.print(_table(videos))
    if answer.get("has_more") and videos:
        out.print(plain(f"more: --after {videos[-1].id}"))


def _table(videos: list[Video]) -> Table:
    shown = table("id", "status", "offer", "cost", "created", right=("cost",))
    for video in videos:
        charged = video.cost("charged")
        shown.add_row(
            plain(video.id),
            plain(_status(video)),
            plain(f"{video.provider} {video.model}"),
            usd(charged) if charged is not None else f"({usd(video.cost('reserved'))})",
            _when(video.body.get("created_at")),
        )
    return shown


def _status(video: Video) -> str:
    if video.has_ended:
        return video.status
    return f"{video.status} {video.place or f'{video.progress}%'}"


def _one(api: Api, job: str, *, as_json: bool) -> None:
    if not job.isascii() or not job.replace("_", "").replace("-", "").isalnum():
        message = f"{job!r} is no job id"
        raise click.BadParameter(message)
    video = Video(api.get(f"/videos/{job}"))
    if as_json:
        write_json(video.body)
        return
    out = console()
    for name, value in _facts(video):
        if value:
            out.print(plain(f"{name:<12}{value}"), soft_wrap=True)
    _attempts(out, video)
    if video.route:
        out.print()
        out.print("what was considered")
        out.print(offers_table(video.route))


def _facts(video: Video) -> list[tuple[str, str]]:
    charged, reserved = video.cost("charged"), video.cost("reserved")
    return [
        ("job", video.id),
        ("status", f"{video.status} {video.waits_for}".strip()),
        ("progress", f"{video.progress}%"),
        ("made by", f"{video.provider}, model {video.model}"),
        ("asked for", video.requested_model or ""),
        ("policy", str(video.extension.get("policy") or "")),
        ("video", f"{video.body.get('seconds')} s, {video.body.get('size')}"),
        ("cost", usd(charged) if charged is not None else f"{usd(reserved)} reserved"),
        ("error", video.failure),
        ("stopped by", str(video.extension.get("stopped_by") or "")),
        ("created", _when(video.body.get("created_at"))),
    ]


def _attempts(out: Console, video: Video) -> None:
    shown = table("attempt", "provider", "model", "money", "amount", "error", right=("amount",))
    for attempt in video.attempts:
        cost, error = attempt.get("cost_usd"), attempt.get("error")
        known = cost if isinstance(cost, dict) else {}
        shown.add_row(
            str(attempt.get("number")),
            plain(attempt.get("provider")),
            plain(attempt.get("model")),
            plain(attempt.get("money")),
            usd(known.get("charged") or known.get("reserved")),
            plain(
                f"{error.get('code')}: {error.get('message')}" if isinstance(error, dict) else ""
            ),
        )
    if video.attempts:
        out.print()
        out.print(shown)


def _when(at_s: object) -> str:
    if not isinstance(at_s, int):
        return "-"
    return datetime.fromtimestamp(at_s, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
