"""Findings about config.yaml that need more than one of its values."""

from typing import Final

from proxy.config.check.teams import once
from proxy.config.document import Path
from proxy.config.files import Files
from proxy.config.schema.server import ServerSchema
from proxy.config.validate import Checked

NOTIFY_FOR_MS_MAX: Final = 14 * 86_400_000
"""Letters are kept longer than that, and none ends untold."""


def check_server(files: Files) -> None:
    """Report values that contradict each other."""
    server = files.server.value
    if server is None:
        return
    _check_admin(files.server, server)
    _check_providers(files.server, server)
    is_local = server.artifacts.url.startswith("file:")
    if server.callbacks.base_url and server.artifacts.link_secret is None and not is_local:
        message = "needs artifacts.link_secret, from which the addresses of callbacks are made"
        files.server.report(("callbacks", "base_url"), message)
    if server.breaker.open_min > server.breaker.open_max:
        files.server.report(("breaker", "open_min"), "must not be above open_max")
    if sum(server.worker.notify_after.values()) > NOTIFY_FOR_MS_MAX:
        message = "adds up to more than 14 days; allowed: pauses that end within 14 days"
        files.server.report(("worker", "notify_after"), message)
    delays = list(server.unknown.look_up_after.values())
    if delays != sorted(set(delays)):
        message = "must grow: each look-up later than the one before"
        files.server.report(("unknown", "look_up_after"), message)


def _check_admin(checked: Checked[ServerSchema], server: ServerSchema) -> None:
    if server.admin.listen == server.listen and not server.listen.endswith(":0"):
        checked.report(("admin", "listen"), "is the same as listen; allowed: another port")
    ids: dict[str, str] = {}
    hashes: dict[str, str] = {}
    for index, token in server.admin.tokens.items():
        path: Path = ("admin", "tokens", index)
        once(checked, (*path, "id"), token.id, seen=ids, place=token.name)
        once(checked, (*path, "sha256"), token.sha256, seen=hashes, place=token.name)


def _check_providers(checked: Checked[ServerSchema], server: ServerSchema) -> None:
    for name, provider in server.providers.items():
        path: Path = ("providers", name)
        if provider.poll.min > provider.poll.max:
            checked.report((*path, "poll", "min"), "must not be above poll.max")
        names: dict[str, str] = {}
        for index, account in provider.accounts.items():
            here: Path = (*path, "accounts", index, "name")
            once(checked, here, account.name, seen=names, place=f"{name}.accounts")
