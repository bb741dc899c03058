"""A real Prometheus scrapes a real proxy: every panel and every recorded ratio has data."""

from __future__ import annotations

import asyncio
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import aiohttp
import yaml

from tests.deploy.files import DEPLOY, document, run
from tests.deploy.prometheus import needs_prometheus
from tests.deploy.test_dashboards import DASHBOARDS, panels
from tests.system.deployment import Deployment, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCRAPE_S: Final = 1
VARIABLES: Final = {
    "$__rate_interval": "30s",
    "$__range": "30s",
    "$__interval": "15s",
    '"$team|"': '".*"',
    '"$team"': '".*"',
    '"$provider"': '".*"',
    '"$model"': '".*"',
}
PROMPTS: Final = (
    "a boat",
    "a boat [[kling: submit=503 times=9]]",
    "a boat [[bill=1.5x]]",
    "a boat [[outcome=internal]]",
)
ROUNDS: Final = 6
REFUSED_MAX: Final = 3
"""Refused contents: with more of them the key would have to pause."""
DEADLINE_S: Final = 45.0


@dataclass(frozen=True)
class Prometheus:
    """A server that runs."""

    url: str

    async def ask(self, session: aiohttp.ClientSession, expr: str) -> list[Any]:
        """The result of an instant query; a mistake in it fails the test."""
        async with session.get(f"{self.url}/api/v1/query", params={"query": expr}) as answer:
            body = await answer.json()
        assert "success" == body["status"], (expr, body)
        result: list[Any] = body["data"]["result"]
        return result

    async def is_scraping(self, session: aiohttp.ClientSession) -> bool:
        """Say whether it has reached the proxy."""
        try:
            return bool(await self.ask(session, 'up{job="greenlight"} == 1'))
        except aiohttp.ClientError:
            return False


@contextmanager
def prometheus(folder: Path, target: str, port: int) -> Iterator[Prometheus]:
    """Run Prometheus with the shipped settings and rules, at our proxy and a quicker pace."""
    settings = document(DEPLOY / "prometheus" / "prometheus.yaml")
    settings["global"] = dict.fromkeys(settings["global"], f"{SCRAPE_S}s")
    settings["rule_files"] = [str(DEPLOY / "prometheus" / "rules" / "*.yaml")]
    settings["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
    path = folder / "prometheus.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    command = [
        "prometheus",
        f"--config.file={path}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield Prometheus(f"http://127.0.0.1:{port}")
    finally:
        server.terminate()
        server.wait(10)


def traffic_of(folder: Path) -> Deployment:
    """A deployment in which everything that is measured happens within seconds."""
    deployment = Deployment(folder, render_s=0.2, providers=("kling", "vertex", "runway"))
    deployment.engine |= {"verify_every": "1s", "upkeep_every": "1s"}
    deployment.team = {
        # Of two months that begin half a month apart, one has always lasted for three days.
        "budgets": [
            {"id": "monthly", "period": "month", "limit": "$100000"},
            {"id": "fiscal", "period": "month", "start_day": 15, "limit": "$100000"},
            {"id": "soft", "period": "day", "limit": "$0.01", "on_exceed": "allow"},
        ]
    }
    return deployment


async def make_traffic(deployment: Deployment) -> None:
    """Everything that may become of a video, a few times, with seconds in between."""
    async with aiohttp.ClientSession() as session:
        for number in range(ROUNDS):
            for prompt in PROMPTS:
                await deployment.create(f"{prompt} {number}", seconds=4, model="kling-3.0")
            if number < REFUSED_MAX:
                await deployment.create("a boat [[outcome=content_policy]]", model="kling-3.0")
            await deployment.api(
                "POST", "/videos", json_body={"prompt": "a boat", "max_cost_usd": "0.01"}
            )
            origin = deployment.base_url.removesuffix("/v1")
            async with session.post(f"{origin}/callbacks/kling/nobody", json={}):
                pass
            await asyncio.sleep(SCRAPE_S)  # rates need two scrapes with something in between


def asked(expr: str) -> str:
    """A panel's query as Grafana would send it."""
    for variable, value in VARIABLES.items():
        expr = expr.replace(variable, value)
    assert "$" not in expr, expr
    return expr


async def without_data(server: Prometheus, session: aiohttp.ClientSession) -> list[str]:
    """Every query of a panel, and every recorded ratio, that is answered with nothing."""
    wanted = {
        f"{name}: {panel['title']}: {target['expr']}": asked(target["expr"])
        for name in DASHBOARDS
        for panel in panels(name)
        for target in panel["targets"]
    }
    for group in document(DEPLOY / "prometheus" / "rules" / "recording.yaml")["groups"]:
        wanted |= {rule["record"]: rule["record"] for rule in group["rules"]}
    answers = await asyncio.gather(*(server.ask(session, expr) for expr in wanted.values()))
    return [what for what, answer in zip(wanted, answers, strict=True) if not answer]


@needs_prometheus
async def test_every_panel_and_every_ratio_has_data(tmp_path: Path, unused_tcp_port: int) -> None:
    deployment = traffic_of(tmp_path)
    deployment.start()
    try:
        target = urlsplit(deployment.admin_url).netloc
        with prometheus(tmp_path, target, unused_tcp_port) as server:
            async with aiohttp.ClientSession() as session:
                await wait_until(lambda: server.is_scraping(session), "a first scrape")
                await make_traffic(deployment)
                missing: list[str] = []

                async def is_complete() -> bool:
                    missing[:] = await without_data(server, session)
                    return not missing

                try:
                    await wait_until(is_complete, "data", timeout_s=DEADLINE_S)
                finally:
                    assert not missing, "without data:\n" + "\n".join(missing)
                async with session.get(f"{deployment.admin_url}/metrics") as answer:
                    exposition = await answer.text()
        said = run("promtool", "check", "metrics", stdin=exposition)
        assert "" == said
    finally:
        deployment.stop()
