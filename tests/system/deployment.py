"""One deployment in a folder: configuration, a simulator process, a proxy process, and clients."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from tests.system.accounts import PROJECT, make_key, make_service_account
from tests.system.child import Process

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

ROOT = Path(__file__).parents[2]
KLING_KEY = "kling-system-test-key"
RUNWAY_SECRET = "runway-system-test-secret"
OPENAI_KEY = "openai-system-test-key"
WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"a system test's key of 32 bytes.").decode()
SECRETS = {
    "WEBHOOK_SECRET": WEBHOOK_SECRET,
    "KLING_API_KEY": KLING_KEY,
    "RUNWAYML_API_SECRET": RUNWAY_SECRET,
    "OPENAI_API_KEY": OPENAI_KEY,
}
FREELY = {"refusals": 0}  # vendors refuse contents here as they are told
START_TIMEOUT_S = 20.0
KEY_ID = "syst2345"
ADMIN_ID = "admn2345"
FINANCE_ID = "fnce2345"

FAST_ENGINE: Mapping[str, Any] = {
    "lease": "1500ms",
    "tick": "50ms",
    "throttle_wait": "200ms",
    "retry_wait": "100ms",
    "max_queue_wait": "3s",
}
FAST_POLL = {"first": "200ms", "min": "100ms", "max": "300ms"}
FAST_TIMEOUTS = {"connect": "1s", "submit": "1500ms", "status": "2s", "download": "20s"}


@dataclass
class Deployment:
    """A folder with everything; `engine`, `unknown` and `teams` may be changed before `start`."""

    folder: Path
    engine: dict[str, Any] = field(default_factory=lambda: dict(FAST_ENGINE))
    poll: dict[str, str] = field(default_factory=lambda: dict(FAST_POLL))
    timeouts: dict[str, str] = field(default_factory=lambda: dict(FAST_TIMEOUTS))
    unknown: dict[str, Any] = field(
        default_factory=lambda: {"look_up_after": ["300ms", "1s", "2s"], "then": "assume_charged"}
    )
    breaker: dict[str, Any] = field(default_factory=dict)
    give_up_after: str = "30s"
    slots: int = 50
    team: dict[str, Any] = field(default_factory=dict)
    render_s: float = 0.5
    serve_arguments: tuple[str, ...] = ()
    providers: tuple[str, ...] = ("kling", "vertex")
    store_url: str = "redis+embedded://./var/redis"
    is_sora_alive: bool = False
    are_callbacks_signed: bool = False
    callbacks_url: str | None = None
    public_url: str | None = None
    notify: list[dict[str, Any]] = field(default_factory=list)
    webhook_origins: list[str] = field(default_factory=list)
    stop_within: str = "28s"
    more: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make keys and write everything the simulator needs."""
        self.api_key, self._key_sha256 = make_key("gl", KEY_ID)
        self.admin_token, self._admin_sha256 = make_key("gla", ADMIN_ID)
        self.finance_token, self._finance_sha256 = make_key("gla", FINANCE_ID)
        self._account, self._email, self._public = make_service_account()
        self.simulator: Process | None = None
        self.proxy: Process | None = None
        self._starts = 0

    def write(self) -> None:
        """Write config.yaml, the policies and the credentials of both sides."""
        (self.folder / "service_account.json").write_text(self._account)
        (self.folder / "credentials.json").write_text(json.dumps(self._accepted()))
        policies = self.folder / "policies"
        if not policies.exists():
            shutil.copytree(ROOT / "policies", policies)
        if self.is_sora_alive:
            catalog = policies / "catalog.yaml"
            catalog.write_text(catalog.read_text().replace("retires_at: 2026", "retires_at: 2066"))
        for path in (policies / "teams").glob("*.yaml"):
            path.unlink()
        (policies / "teams" / "marketing.yaml").write_text(json.dumps(self._team(), indent=1))

    def write_config(self) -> None:
        """Write config.yaml; the simulator must run."""
        (self.folder / "config.yaml").write_text(json.dumps(self._config(), indent=1))

    def _accepted(self) -> dict[str, Any]:
        """What the simulated vendors take."""
        project = {
            "project": PROJECT,
            "client_email": self._email,
            "public_key_pem": self._public,
        }
        return {
            "kling": [
                {
                    "api_keys": [KLING_KEY],
                    "webhook_secret": WEBHOOK_SECRET if self.are_callbacks_signed else None,
                }
            ],
            "vertex": [project],
            "runway": [{"api_secrets": [RUNWAY_SECRET]}],
            "openai": [{"api_keys": [OPENAI_KEY]}],
        }

    def _team(self) -> dict[str, Any]:
        team: dict[str, Any] = {
            "team": "marketing",
            "keys": [{"id": KEY_ID, "name": "web", "sha256": self._key_sha256}],
            "budgets": [{"id": "monthly", "period": "month", "limit": "$100000"}],
            "limits": {"submit": {"capacity": 5000, "refill": "1000/s"}, "moderation": FREELY},
            "queued": 5000,
            "running": 200,
            "use": {
                "policies": [
                    "best_physics",
                    "best_character_consistency",
                    "cheapest_4k",
                    "balanced",
                ],
                "models": ["*"],
                "default": "balanced",
            },
        }
        return team | self.team

    def _config(self) -> dict[str, Any]:
        tokens = [
            {"id": ADMIN_ID, "name": "ops1", "role": "operator", "sha256": self._admin_sha256},
            {"id": FINANCE_ID, "name": "books", "role": "finance", "sha256": self._finance_sha256},
        ]
        return {
            "listen": "127.0.0.1:0",
            "stop_within": self.stop_within,
            "admin": {"listen": "127.0.0.1:0", "tokens": tokens},
            "store": {"url": self.store_url},
            "artifacts": {"url": "file://./var/artifacts"},
            "policies": "./policies",
            **({"public_url": self.public_url} if self.public_url else {}),
            "callbacks": {"base_url": self.callbacks_url} if self.callbacks_url else {},
            "providers": self._providers(),
            "notify": self.notify,
            "webhooks": {"origins": self.webhook_origins},
            "unknown": self.unknown,
            "worker": self.engine,
            "breaker": self.breaker,
            **self.more,
        }

    def _providers(self) -> dict[str, Any]:
        assert self.simulator is not None
        url = self.simulator.addresses["simulator_url"]
        credentials = {
            "kling": {"api_key": "${KLING_API_KEY}"},
            "vertex": {
                "project": PROJECT,
                "location": "us-central1",
                "service_account": "file:service_account.json",
            },
            "runway": {"api_secret": "${RUNWAYML_API_SECRET}"},
            "openai": {"api_key": "${OPENAI_API_KEY}"},
        }
        if self.are_callbacks_signed:
            for provider in ("kling", "openai"):
                credentials[provider]["webhook_secret"] = "${WEBHOOK_SECRET}"
        paths = {"openai": "openai/v1"}
        return {
            name: {
                "base_url": f"{url}/{paths.get(name, name)}",
                "accounts": [
                    {"name": "main", "credentials": credentials[name], "slots": self.slots}
                ],
                "poll": self.poll,
                "timeouts": self.timeouts,
                "give_up_after": self.give_up_after,
            }
            for name in self.providers
        }

    def raise_budget(self, limit: str) -> None:
        """Change the first budget's limit in the YAML and have the proxy read it."""
        self.team["budgets"][0]["limit"] = limit
        with self.reloading():
            self.write()

    def ask_for_callbacks(self, processes: int) -> None:
        """Have the running proxy, whose address is known now, ask providers to call back."""
        self.callbacks_url = self.base_url.removesuffix("/v1")
        with self.reloading(processes):
            self.write_config()

    @contextmanager
    def reloading(self, processes: int = 1) -> Iterator[None]:
        """Change files inside, and wait until so many processes have read them."""
        assert self.proxy is not None
        before = self.proxy.log.read_text().count("ConfigReloaded")
        yield
        self.proxy.popen.send_signal(signal.SIGHUP)
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while self.proxy.log.read_text().count("ConfigReloaded") < before + processes:
            assert time.monotonic() < deadline_s, "the proxy did not reload"
            time.sleep(0.05)

    # --- processes --------------------------------------------------------------------------

    def start(self, **env: str) -> None:
        """Start the simulator and the proxy."""
        self.start_simulator()
        self.start_proxy(**env)

    def start_simulator(self) -> None:
        """Write every file and start the simulator alone."""
        self.write()
        credentials = str(self.folder / "credentials.json")
        self.simulator = self.spawn(
            "simulate", "--port", "0", "--credentials", credentials, "--render", str(self.render_s)
        )
        self.write_config()

    def start_proxy(self, **env: str) -> None:
        """Start the proxy; its state is what the folder holds."""
        self.proxy = self.spawn("serve", "--config", self.config, *self.serve_arguments, **env)

    def stop(self) -> None:
        """Stop whatever still runs."""
        for process in (self.proxy, self.simulator):
            if process is not None and process.is_running:
                process.stop()

    def spawn_unready(self, *args: str, **env: str) -> subprocess.Popen[bytes]:
        """Start a command without waiting for what it says."""
        self._starts += 1
        with (self.folder / f"{args[0]}-{self._starts}.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "proxy", *args, "--json"],
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self.folder,
                env=os.environ | SECRETS | env,
            )

    @property
    def config(self) -> str:
        """Path of config.yaml."""
        return str(self.folder / "config.yaml")

    def spawn(self, *args: str, **env: str) -> Process:
        """Start a command and wait until it has said where it listens."""
        popen = self.spawn_unready(*args, **env)
        log = self.folder / f"{args[0]}-{self._starts}.log"
        assert popen.stdout is not None
        ready, _, _ = select.select([popen.stdout], [], [], START_TIMEOUT_S)
        line = popen.stdout.readline() if ready else b""
        popen.stdout.close()  # it says nothing more
        if not line:
            popen.kill()
            popen.wait()
            message = f"{args[0]} did not start: {log.read_text()[-2000:]}"
            raise RuntimeError(message)
        return Process(popen=popen, addresses=json.loads(line), log=log)

    # --- what the parties say ----------------------------------------------------------------

    @property
    def base_url(self) -> str:
        """The proxy's address, ending in /v1."""
        assert self.proxy is not None
        return self.proxy.addresses["base_url"]

    @property
    def admin_url(self) -> str:
        """The admin listener's address."""
        assert self.proxy is not None
        return self.proxy.addresses["admin_url"]

    @property
    def simulator_url(self) -> str:
        """The simulator's address."""
        assert self.simulator is not None
        return self.simulator.addresses["simulator_url"]

    async def simulated(self, what: str) -> dict[str, Any]:
        """GET /_sim/<what>."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.simulator_url}/_sim/{what}") as answer,
        ):
            found: dict[str, Any] = await answer.json()
            return found

    async def api(
        self,
        method: str,
        path: str,
        *,
        json_body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, dict[str, Any], Mapping[str, str]]:
        """Call the team API; returns status, body and headers."""
        given = {"Authorization": f"Bearer {self.api_key}", **(headers or {})}
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                method, f"{self.base_url}{path}", json=json_body, headers=given
            ) as answer,
        ):
            return answer.status, await answer.json(content_type=None), answer.headers

    async def create(self, prompt: str, **fields: object) -> dict[str, Any]:
        """Create a video and return it; any refusal fails the test."""
        status, body, _ = await self.api("POST", "/videos", json_body={"prompt": prompt, **fields})
        assert status == 200, body
        return body

    async def video(self, video_id: str) -> dict[str, Any]:
        """GET one video."""
        status, body, _ = await self.api("GET", f"/videos/{video_id}")
        assert status == 200, body
        return body

    async def videos(self) -> list[dict[str, Any]]:
        """Every video of the team."""
        found: list[dict[str, Any]] = []
        after = ""
        while True:
            _, page, _ = await self.api("GET", f"/videos?limit=100&order=asc{after}")
            found += page["data"]
            if not page["has_more"]:
                return found
            after = f"&after={page['last_id']}"

    async def finished(self, video_id: str, timeout_s: float = 20.0) -> dict[str, Any]:
        """Wait until a video is completed or failed."""
        ended: dict[str, Any] = await wait_until(
            lambda: self._finished(video_id), f"{video_id} to end", timeout_s=timeout_s
        )
        return ended

    async def _finished(self, video_id: str) -> dict[str, Any] | None:
        body = await self.video(video_id)
        return body if body["status"] in ("completed", "failed") else None


async def wait_until(
    check: Callable[[], Awaitable[Any]], what: str, *, timeout_s: float = 20.0
) -> Any:  # noqa: ANN401 - whatever the check answers
    """Ask until there is an answer (not None, not False); fails loudly at the deadline."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        answer = await check()
        if answer is not None and answer is not False:
            return answer
        if time.monotonic() > deadline_s:
            message = f"waited {timeout_s:g} s for {what}"
            raise AssertionError(message)
        await asyncio.sleep(0.05)
