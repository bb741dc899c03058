"""Draw every dashboard from what a real Prometheus answers: `make pictures`.

What Grafana would show, drawn by matplotlib: traffic with failures runs for a few minutes at a
real proxy, Prometheus scrapes it, and each panel's own query is asked. For people who read the
docs, and for us to see what cannot be read.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import aiohttp
import matplotlib.pyplot as plt  # type: ignore[import-not-found, unused-ignore]  # its own list
from matplotlib.dates import DateFormatter  # type: ignore[import-not-found, unused-ignore]
from matplotlib.ticker import MaxNLocator  # type: ignore[import-not-found, unused-ignore]

from tests.deploy.files import ROOT
from tests.deploy.test_dashboards import DASHBOARDS
from tests.deploy.test_prometheus import VARIABLES, Prometheus, prometheus
from tests.system.accounts import make_key
from tests.system.deployment import Deployment, wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes  # type: ignore[import-not-found, unused-ignore]
    from matplotlib.figure import Figure  # type: ignore[import-not-found, unused-ignore]

    Box = tuple[float, float, float, float]
    Found = tuple[str, dict[str, str], float]

PICTURES: Final = ROOT / "docs" / "dashboards"
PORT: Final = 19_090
MINUTES: Final = 4.0
STEP_S: Final = 2
UNIT_IN, HEIGHT_IN = 0.58, 0.36
"""A unit of Grafana's grid."""
TEAMS: Final = {"marketing": 2, "product": 1, "research": 4}
PROMPTS: Final = (
    ("a boat", 12),
    ("a boat [[render=1.5]]", 6),
    ("a boat [[submit=503 times=9]]", 2),
    ("a boat [[bill=1.3x]]", 1),
    ("a boat [[outcome=internal]]", 1),
    ("a boat [[submit=429 times=1]]", 1),
    ("a boat [[runway: outcome=content_policy]]", 1),
)
MODELS: Final = ("kling-3.0", "veo-3.1-fast", "gen4.5", None, None)
LINES_MAX: Final = 8
INK: Final = "#c9d1d9"
PAPER: Final = "#111217"
CARD: Final = "#181b1f"
GRID: Final = "#2c3235"
COLOURS: Final = (
    "#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#37872d",
)  # fmt: skip
SCALES: Final = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def readable(value: float, unit: str) -> str:
    """A value as a person reads it."""
    if unit == "percentunit":
        return f"{value * 100:.4g} %"
    if unit == "currencyUSD":
        return f"${value:,.2f}"
    if unit == "d":
        return f"{value:,.0f} days"
    if unit == "s":
        return f"{value * 1000:.3g} ms" if abs(value) < 1 else f"{value:.3g} s"
    suffix = {"bytes": "B", "Bps": "B/s", "reqps": "/s", "ops": "/s", "cpm": "/min"}.get(unit, "")
    for size, letter in SCALES:
        if abs(value) >= size:
            return f"{value / size:.3g} {letter}{suffix}"
    return f"{value:.3g} {suffix}".rstrip()


def legend(template: str, labels: dict[str, str]) -> str:
    """A series' name."""
    if template == "__auto":
        return ", ".join(f"{name} {value}" for name, value in labels.items()) or "value"
    text = re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), template).strip()
    return text or "none"


class Painter:
    """Draws one dashboard."""

    def __init__(self, server: Prometheus, session: aiohttp.ClientSession, since_s: float) -> None:
        self._server = server
        self._session = session
        self._since_s = since_s

    async def draw(self, name: str) -> Path:
        """Draw a dashboard into docs/dashboards."""
        everything = DASHBOARDS[name]["panels"]
        height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in everything)
        figure = plt.figure(figsize=(24 * UNIT_IN, height * HEIGHT_IN), facecolor=PAPER)
        for panel in everything:
            at = panel["gridPos"]
            left, bottom = at["x"] / 24, 1 - (at["y"] + at["h"]) / height
            if panel["type"] == "row":
                figure.text(
                    0.008, bottom + 0.3 / height, panel["title"], color=INK, fontsize=13,
                    fontweight="bold",
                )  # fmt: skip
                continue
            box = (
                left + 0.004,
                bottom + 0.1 / height,
                at["w"] / 24 - 0.008,
                (at["h"] - 0.2) / height,
            )
            figure.add_artist(
                plt.Rectangle(
                    box[:2], *box[2:], facecolor=CARD, zorder=-1, transform=figure.transFigure
                )
            )
            title_y = box[1] + box[3] - 0.62 / height
            figure.text(box[0] + 0.006, title_y, panel["title"], color=INK, fontsize=9.5)
            await self._panel(figure, panel, box, height)
        path = PICTURES / f"{name}.png"
        figure.savefig(path, dpi=80, facecolor=PAPER)
        plt.close(figure)
        return path

    async def _panel(self, figure: Figure, panel: dict[str, Any], box: Box, height: float) -> None:
        unit = panel["fieldConfig"]["defaults"]["unit"]
        left, bottom, width, tall = box
        if panel["type"] == "timeseries":
            axes = figure.add_axes(
                (left + 0.035, bottom + 2.6 / height, width - 0.045, tall - 3.9 / height)
            )
            await self._lines(axes, panel, unit)
            return
        margin = 0.13 if panel["type"] == "bargauge" else 0.01
        found = [
            (
                legend(target["legendFormat"], each["metric"]),
                each["metric"],
                float(each["value"][1]),
            )
            for target in panel["targets"]
            for each in await self._server.ask(self._session, asked(target["expr"]))
        ]
        axes = figure.add_axes(
            (left + margin, bottom + 0.3 / height, width - margin - 0.01, tall - 1.4 / height)
        )
        axes.set_facecolor(CARD)
        if panel["type"] == "stat":
            text = readable(found[0][2], unit) if found else "no data"
            axes.axis("off")
            colour = threshold_colour(panel, found[0][2]) if found else INK
            axes.text(0.5, 0.45, text, color=colour, fontsize=24, ha="center", va="center")
        elif panel["type"] == "table":
            table(axes, panel, found, unit)
        else:
            bars(axes, panel, found, unit)

    async def _lines(self, axes: Axes, panel: dict[str, Any], unit: str) -> None:
        series: list[tuple[str, Sequence[datetime], Sequence[float]]] = []
        for target in panel["targets"]:
            parameters: dict[str, str | float] = {
                "query": asked(target["expr"]),
                "start": self._since_s,
                "end": time.time(),  # noqa: TID251 - a drawing of now
                "step": STEP_S,
            }
            url = f"{self._server.url}/api/v1/query_range"
            async with self._session.get(url, params=parameters) as answer:
                result = (await answer.json())["data"]["result"]
            for each in result:
                times = [datetime.fromtimestamp(float(at), UTC) for at, _ in each["values"]]
                values = [float(value) for _, value in each["values"]]
                series.append((legend(target["legendFormat"], each["metric"]), times, values))
        style(axes, unit)
        series.sort(key=lambda line: -sum(value for value in line[2] if value == value))  # noqa: PLR0124 - NaN
        is_stacked = panel["fieldConfig"]["defaults"]["custom"]["stacking"]["mode"] == "normal"
        shown = series[:LINES_MAX]
        if is_stacked and shown:
            longest = max(shown, key=lambda line: len(line[1]))[1]
            rows = [dict(zip(times, values, strict=True)) for _, times, values in shown]
            axes.stackplot(
                longest,
                [[row.get(at, 0.0) for at in longest] for row in rows],
                labels=[name for name, _, _ in shown],
                colors=COLOURS,
                alpha=0.75,
            )
        else:
            for (name, at, amounts), colour in zip(shown, COLOURS, strict=False):
                axes.plot(at, amounts, label=name, color=colour, linewidth=1.2)
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
        if shown:
            names = [f"{name}  {readable(amounts[-1], unit)}" for name, _, amounts in shown]
            axes.legend(
                names, loc="upper left", bbox_to_anchor=(0.0, -0.14), ncol=2, fontsize=6.5,
                frameon=False, labelcolor=INK, handlelength=1.0, columnspacing=1.0,
            )  # fmt: skip
        else:
            axes.text(0.5, 0.5, "no data", color=INK, transform=axes.transAxes, ha="center")


def asked(expr: str) -> str:
    """A query over a minute, as these few are all there is."""
    for variable, value in VARIABLES.items():
        expr = expr.replace(variable, value)
    return re.sub(r"\[(?:15m|1h|6h)\]", "[1m]", expr)


def threshold_colour(panel: dict[str, Any], value: float) -> str:
    """The colour of the step that a value has reached."""
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    colour = "green"
    for step in steps:
        if step["value"] is None or value >= step["value"]:
            colour = step["color"]
    return {"green": COLOURS[0], "orange": COLOURS[3], "red": COLOURS[4]}[colour]


def style(axes: Axes, unit: str) -> None:
    """A quiet frame."""
    axes.set_facecolor(CARD)
    axes.grid(color=GRID, linewidth=0.6)
    axes.tick_params(colors=INK, labelsize=6.5, length=0)
    axes.xaxis.set_major_formatter(DateFormatter("%H:%M:%S"))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(lambda value, _: readable(value, unit))
    axes.margins(x=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def bars(axes: Axes, panel: dict[str, Any], found: list[Found], unit: str) -> None:
    """A bar for each value, the largest on top."""
    axes.set_facecolor(CARD)
    rows = sorted(found, key=lambda row: row[2])[-10:]
    colours = [threshold_colour(panel, row[2]) for row in rows]
    axes.barh([row[0] for row in rows], [row[2] for row in rows], color=colours, alpha=0.85)
    for place, row in enumerate(rows):
        axes.text(row[2], place, f" {readable(row[2], unit)}", color=INK, fontsize=7, va="center")
    axes.tick_params(colors=INK, labelsize=7, length=0)
    axes.xaxis.set_visible(False)
    axes.margins(x=0.15)
    for spine in axes.spines.values():
        spine.set_visible(False)


def table(axes: Axes, panel: dict[str, Any], found: list[Found], unit: str) -> None:
    """Rows by labels, a column for each query."""
    columns = [target["legendFormat"] for target in panel["targets"]]
    rows: dict[tuple[str, str], dict[str, float]] = {}
    for name, labels, value in found:
        rows.setdefault((labels.get("team", ""), labels.get("budget", "")), {})[name] = value
    axes.axis("off")
    cells = [
        [
            team or "(organisation)",
            budget,
            *(readable(row.get(name, 0.0), unit) for name in columns),
        ]
        for (team, budget), row in sorted(rows.items())
    ]
    drawn = axes.table(cellText=cells, colLabels=["team", "budget", *columns], loc="upper center")
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(8)
    for cell in drawn.get_celld().values():
        cell.set_facecolor(CARD)
        cell.set_edgecolor(GRID)
        cell.get_text().set_color(INK)


def world(folder: Path) -> tuple[Deployment, dict[str, str]]:
    """Three teams at four providers; the deployment, and a key of each team."""
    deployment = Deployment(
        folder, render_s=0.6, slots=4, providers=("kling", "vertex", "runway", "openai")
    )
    deployment.engine |= {"verify_every": "20s", "upkeep_every": "20s"}
    deployment.is_sora_alive = True
    deployment.write()
    keys: dict[str, str] = {}
    for number, (team, weight) in enumerate(TEAMS.items()):
        key_id = f"pict234{number + 2}"
        keys[team], sha256 = make_key("gl", key_id)
        settings = {
            "team": team,
            "weight": weight,
            "keys": [{"id": key_id, "name": "web", "sha256": sha256}],
            "budgets": [
                {"id": "monthly", "period": "month", "limit": f"${150 + 60 * weight}"},
                {"id": "daily", "period": "day", "limit": f"${40 * weight}", "on_exceed": "allow"},
            ],
            "limits": {"submit": {"capacity": 30, "refill": "3/s"}},
            "use": {
                "policies": ["balanced", "best_physics"],
                "models": ["*"],
                "default": "balanced",
            },
        }
        (folder / "policies" / "teams" / f"{team}.yaml").write_text(json.dumps(settings))
    return deployment, keys


async def traffic(deployment: Deployment, keys: dict[str, str], until_s: float) -> None:
    """Creates of every kind by every team, and clients that look."""
    dice = random.Random(7)  # noqa: S311 - the same traffic each time
    texts = [text for text, weight in PROMPTS for _ in range(weight)]
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < until_s:
            team = dice.choice(list(keys))
            body = {"prompt": dice.choice(texts), "seconds": 4, "model": dice.choice(MODELS)}
            headers = {"Authorization": f"Bearer {keys[team]}"}
            url = f"{deployment.base_url}/videos"
            async with session.post(url, json=body, headers=headers) as answer:
                video = await answer.json()
            if answer.status == 200:
                async with session.get(f"{url}/{video['id']}", headers=headers):
                    pass
            await asyncio.sleep(dice.uniform(0.1, 0.6))


async def paint(minutes: float) -> None:
    """Run everything, and draw."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        deployment, keys = world(folder)
        credentials = str(folder / "credentials.json")
        deployment.simulator = deployment.spawn(
            "simulate", "--port", "0", "--credentials", credentials, "--render", "0.6"
        )
        deployment.write_config()
        deployment.start_proxy()
        try:
            target = urlsplit(deployment.admin_url).netloc
            with prometheus(folder, target, PORT) as server:
                async with aiohttp.ClientSession() as session:
                    await wait_until(lambda: server.is_scraping(session), "a first scrape")
                    since_s = time.time()  # noqa: TID251 - a drawing of now
                    await traffic(deployment, keys, time.monotonic() + minutes * 60)
                    painter = Painter(server, session, since_s)
                    for name in DASHBOARDS:
                        print(await painter.draw(name))  # noqa: T201 - a tool
        finally:
            deployment.stop()


if __name__ == "__main__":
    asyncio.run(paint(float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES))
