"""`greenlight callbacks`: where providers send their callbacks."""

from dataclasses import asdict, dataclass
from pathlib import Path

import click

from proxy.app.adapters import callback_url
from proxy.app.link_secret import link_secret
from proxy.cli.configuration import config_options, load_now
from proxy.cli.json_line import write_json
from proxy.config.load import Loaded
from proxy.config.problem import ConfigError
from proxy.providers import PROVIDERS
from proxy.providers.manifest import CallbackUse


@dataclass(frozen=True, slots=True)
class Address:
    """Where an account's callbacks go; `use` says how the provider comes to know."""

    provider: str
    account: str
    url: str
    use: str


@click.command()
@config_options
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object for machines.")
def command(*, config: Path, policies: Path | None, as_json: bool) -> int:
    """Print the URLs that providers send their callbacks to.

    One that is "registered" must be entered at the provider, which then gives the secret for
    `webhook_secret`; one "per submit" goes along with every submit. Keep them to yourself.
    """
    try:
        loaded = load_now(config, policies)
    except ConfigError as error:
        message = "\n".join(problem.render() for problem in error.problems)
        raise click.ClickException(message) from error
    if loaded.server.callbacks_url is None:
        message = f"{config}: callbacks.base_url is not set: providers are not asked for callbacks"
        raise click.ClickException(message)
    addresses = _addresses(loaded)
    if as_json:
        write_json({"callbacks": [asdict(address) for address in addresses]})
    else:
        for address in addresses:
            click.echo(f"{address.provider} {address.account} ({address.use}): {address.url}")
    return 0


def _addresses(loaded: Loaded) -> list[Address]:
    secret = link_secret(loaded.server)
    found = []
    for name, provider in loaded.server.providers.items():
        use = PROVIDERS[name].callbacks if name in PROVIDERS else CallbackUse.NONE
        if use is CallbackUse.NONE:
            continue
        for account in provider.accounts:
            url = callback_url(loaded.server, secret, name, account.name)
            assert url is not None
            found.append(Address(name, account.name, url, use))
    return found
