"""`greenlight quote`: what a video would cost and who would make it, without buying it."""

from pathlib import Path

import click

from proxy.cli.api import Json, api_options, open_api
from proxy.cli.console import console, plain, usd
from proxy.cli.json_line import write_json
from proxy.cli.offers import offers_table
from proxy.cli.request import data_url, request_fields, request_options
from proxy.cli.video import entries


@click.command()
@click.argument("prompt")
@request_options
@click.option("--json", "as_json", is_flag=True, help="Write the API's answer for machines.")
@api_options
def command(
    *, prompt: str, as_json: bool, url: str, api_key: str | None, **options: object
) -> int:
    """Say what a video of PROMPT would cost, who would make it, and why. Nothing is bought.

    Exit code 1 when a submit would be refused.
    """
    fields = {"prompt": prompt, **request_fields(options)}
    reference = options["input_reference"]
    if isinstance(reference, Path):
        fields["input_reference"] = data_url(reference)
    answer = open_api(url, api_key).post("/videos/quote", fields)
    if as_json:
        write_json(answer)
    else:
        _show(answer)
    return 1 if isinstance(answer.get("would"), dict) else 0


def _show(answer: Json) -> None:
    out = console()
    out.print(offers_table(entries(answer.get("candidates"))))
    would, chosen = answer.get("would"), answer.get("chosen")
    if isinstance(would, dict):
        # What no offer can make, the table has just explained, offer by offer.
        message = "see above" if would.get("code") == "no_route" else would.get("message")
        told = f"{would.get('code')}: {message} (HTTP {would.get('status')})"
        out.print(plain(f"would be refused: {told}"), soft_wrap=True)
    elif isinstance(chosen, dict):
        shape = f"{chosen.get('seconds')} s, {chosen.get('size')}"
        sound = "with sound" if chosen.get("audio") else "silent"
        offer = f"{chosen.get('provider')}, {chosen.get('model')}"
        cost = usd(chosen.get("price_usd"))
        out.print(plain(f"{cost} at {offer}: {shape}, {sound}"), soft_wrap=True)
        for line in _left(entries(answer.get("candidates")), chosen):
            out.print(plain(line), soft_wrap=True)


def _left(candidates: list[Json], chosen: Json) -> list[str]:
    """What every budget would have left after it."""
    rank = chosen.get("rank")
    offer = next((each for each in candidates if rank and each.get("rank") == rank), {})
    left = [
        f"{each.get('scope')} {each.get('budget')} {usd(each.get('left'))}"
        for each in entries(offer.get("left"))
    ]
    return [f"left then: {', '.join(left)}"] if left else []
