"""The command `greenlight`: knows every command's name, imports only the one that is called."""

import errno
import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import click
from typing_extensions import override

EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command is defined (its module has it as `command`), and its line in the help."""

    module: str
    summary: str


COMMANDS = {
    "serve": Entry("proxy.cli.serve", "Run the proxy until it is told to stop."),
    "check": Entry("proxy.cli.check", "Say what is wrong in config.yaml and the policies."),
    "keys": Entry("proxy.cli.keys", "Make API keys and admin tokens."),
    "callbacks": Entry("proxy.cli.callbacks", "Print where providers send their callbacks."),
    "quote": Entry("proxy.cli.quote", "Say what a video would cost, and who would make it."),
    "submit": Entry("proxy.cli.submit", "Make a video, wait for it and save it."),
    "jobs": Entry("proxy.cli.jobs", "List the team's jobs, or show one."),
    "budgets": Entry("proxy.cli.budgets", "Show budgets: the team's, or all."),
    "overrides": Entry("proxy.cli.overrides", "List and revoke overrides of budgets."),
    "freeze": Entry("proxy.cli.freeze", "Stop new spend: a team's, a provider's, or all."),
    "thaw": Entry("proxy.cli.thaw", "End a freeze."),
    "freezes": Entry("proxy.cli.freezes", "List what is frozen."),
    "providers": Entry("proxy.cli.providers", "Show how providers stand; drain and resume."),
    "top": Entry("proxy.cli.top", "Watch jobs, money and providers."),
    "audit": Entry("proxy.cli.audit", "Show what administrators changed, and why."),
    "webhooks": Entry("proxy.cli.webhooks", "Show who was told of videos' ends; tell it again."),
    "config": Entry("proxy.cli.config", "Show what configuration the processes have in force."),
    "decisions": Entry("proxy.cli.decisions", "Show where requests were routed, and why."),
    "drill": Entry("proxy.cli.drill", "Say what would happen without a model."),
    "report": Entry("proxy.cli.report", "Say what was spent, on what, and what a video cost."),
    "ledger": Entry("proxy.cli.ledger.command", "Prove, export and correct the ledger."),
    "diff": Entry("proxy.cli.diff", "Say what a change of the files does to limits and money."),
    "simulate": Entry("proxy.cli.simulate", "Run the simulated providers."),
    "demo": Entry("proxy.cli.demo.command", "Make a first video on simulated providers."),
}


class LazyGroup(click.Group):
    """A group whose help needs none of its commands."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command = importlib.import_module(entry.module).command
        assert isinstance(command, click.Command)
        return command

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


def _print_version(context: click.Context, _: click.Parameter, is_asked: bool) -> None:  # noqa: FBT001  click's callback
    if is_asked and not context.resilient_parsing:
        # Reading the installed metadata costs more than the rest of a short command.
        from importlib.metadata import version  # noqa: PLC0415

        click.echo(f"greenlight {version('greenlight-proxy')}")
        context.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 99},
    epilog="GREENLIGHT_URL and GREENLIGHT_API_KEY name the proxy and the key for quote, submit, "
    "jobs and budgets; GREENLIGHT_ADMIN_URL and GREENLIGHT_ADMIN_TOKEN the admin listener.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version and exit.",
)
def cli() -> None:
    """A budget-aware routing proxy for asynchronous video-generation APIs.

    `greenlight demo` shows all of it on simulated providers.
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code: 0, 1 for a failure, 2 for wrong usage."""
    try:
        answer = cli.main(list(arguments), prog_name="greenlight", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        _complain(error)
        return error.exit_code
    except click.Abort:
        return EXIT_INTERRUPTED
    except OSError as error:
        if error.errno != errno.EPIPE:
            raise
        # Whoever read our output has gone, as `| head` does; the interpreter must not flush again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return answer if isinstance(answer, int) else 0


def _complain(error: click.ClickException) -> None:
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context else "greenlight"
    hint = f" (see {command} --help)" if context else ""
    message = " ".join(error.format_message().split())
    click.echo(f"{command}: {message}{hint}", err=True)
