"""`greenlight check`: every problem of every file at once."""

from pathlib import Path

import click

from proxy.cli.configuration import config_options, errors_in, findings
from proxy.cli.json_line import write_json
from proxy.config.problem import Problem


@click.command()
@config_options
@click.option("--strict", is_flag=True, help="Let a warning fail the check too.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object for machines.")
def command(*, config: Path, policies: Path | None, strict: bool, as_json: bool) -> int:
    """Say what is wrong in config.yaml and the policies, each with file, line and column.

    Exit code 0: usable (warnings are shown), 1: not usable, or a warning with --strict.
    """
    problems = findings(config, policies)
    errors = len(errors_in(problems))
    is_good = not (problems if strict else errors)
    if as_json:
        _write_json(problems, is_good=is_good)
    else:
        for problem in problems:
            click.echo(problem.render())
        click.echo(_summary(config, errors, len(problems) - errors), err=True)
    return 0 if is_good else 1


def _summary(config: Path, errors: int, warnings: int) -> str:
    counts = [
        f"{count} {name}{'' if count == 1 else 's'}"
        for count, name in ((errors, "error"), (warnings, "warning"))
        if count
    ]
    return f"{config}: {', '.join(counts) if counts else 'no problems'}"


def _write_json(problems: tuple[Problem, ...], *, is_good: bool) -> None:
    lines = [
        {
            "file": problem.file,
            "line": problem.line,
            "column": problem.column,
            "path": problem.path,
            "message": problem.message,
            "severity": str(problem.severity),
        }
        for problem in problems
    ]
    write_json({"ok": is_good, "problems": lines})
