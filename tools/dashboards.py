"""Write deploy/grafana/dashboards/*.json from the sources that people review: `make dashboards`.

A source is a YAML file: title, description, rows of panels, each with what it asks Prometheus.
What a panel leaves out has a default here, so that all dashboards look and behave alike.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCES: Final = ROOT / "deploy" / "grafana" / "sources"
DASHBOARDS: Final = ROOT / "deploy" / "grafana" / "dashboards"
WIDTH: Final = 24
"""Of Grafana's grid."""
DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
SCHEMA_VERSION: Final = 41
PANEL_KEYS: Final = frozenset(
    (
        "title",
        "description",
        "type",
        "unit",
        "width",
        "height",
        "queries",
        "thresholds",
        "stack",
        "decimals",
        "max",
        "min",
        "legend",
    )
)
VARIABLES: Final = {
    "team": ("Team", "label_values(greenlight_budget_limit_usd, team)"),
    "provider": ("Provider", "label_values(greenlight_slot_limit, provider)"),
    "model": ("Model", "label_values(greenlight_charged_usd_total, model)"),
}

Json = dict[str, Any]


@dataclass
class Layout:
    """Where the next panel goes: from left to right, then below the tallest of its line."""

    x: int = 0
    y: int = 0
    tallest: int = 0
    panel_id: int = field(default=0)

    def place(self, width: int, height: int) -> Json:
        """Take a rectangle of the grid."""
        if self.x + width > WIDTH:
            self.end_line()
        position = {"x": self.x, "y": self.y, "w": width, "h": height}
        self.x += width
        self.tallest = max(self.tallest, height)
        return position

    def end_line(self) -> None:
        """Begin a new line."""
        self.x, self.y, self.tallest = 0, self.y + self.tallest, 0

    def number(self) -> int:
        """The next panel's id."""
        self.panel_id += 1
        return self.panel_id


def dashboard(source: Json) -> Json:
    """One dashboard as Grafana provisions it."""
    layout, panels = Layout(), []
    for row in source["rows"]:
        layout.end_line()
        panels.append(
            {
                "id": layout.number(),
                "type": "row",
                "title": row["title"],
                "collapsed": False,
                "gridPos": layout.place(WIDTH, 1),
                "panels": [],
            }
        )
        layout.end_line()
        panels += [panel(each, layout) for each in row["panels"]]
    return {
        "uid": source["uid"],
        "title": source["title"],
        "description": source["description"].strip(),
        "tags": ["greenlight"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": source.get("from", "now-6h"), "to": "now"},
        "timezone": "browser",
        "annotations": {"list": []},
        "links": [
            {
                "type": "dashboards",
                "title": "Greenlight",
                "tags": ["greenlight"],
                "asDropdown": True,
                "keepTime": True,
            }
        ],
        "templating": {"list": [datasource_variable(), *map(variable, source["variables"])]},
        "panels": panels,
    }


def panel(source: Json, layout: Layout) -> Json:
    """One panel; an unknown key in its source is a mistake."""
    unknown = source.keys() - PANEL_KEYS
    if unknown:
        message = f"panel {source.get('title')!r}: unknown {', '.join(sorted(unknown))}"
        raise SystemExit(message)
    kind = source.get("type", "timeseries")
    position = layout.place(source.get("width", 8), source.get("height", 8))
    return {
        "id": layout.number(),
        "type": kind,
        "title": source["title"],
        "description": source["description"].strip(),
        "datasource": DATASOURCE,
        "gridPos": position,
        "fieldConfig": {"defaults": field_defaults(source, kind), "overrides": []},
        "options": OPTIONS[kind](source),
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "datasource": DATASOURCE,
                "expr": query["expr"].strip(),
                "legendFormat": query.get("legend", "__auto"),
                "instant": kind in INSTANT,
                "range": kind not in INSTANT,
                "format": "table" if kind == "table" else "time_series",
            }
            for number, query in enumerate(source["queries"])
        ],
    }


def field_defaults(source: Json, kind: str) -> Json:
    """Unit, bounds, colours."""
    defaults: Json = {"unit": source.get("unit", "short")}
    defaults |= {name: source[name] for name in ("decimals", "min", "max") if name in source}
    steps = [{"color": "green", "value": None}]
    steps += [{"color": color, "value": value} for value, color in source.get("thresholds", ())]
    defaults["thresholds"] = {"mode": "absolute", "steps": steps}
    if kind == "timeseries":
        defaults["custom"] = {
            "drawStyle": "line",
            "lineWidth": 1,
            "fillOpacity": 25 if source.get("stack") else 8,
            "showPoints": "never",
            "spanNulls": False,
            "stacking": {"mode": "normal" if source.get("stack") else "none", "group": "A"},
            "thresholdsStyle": {"mode": "line" if source.get("thresholds") else "off"},
        }
    else:
        defaults["color"] = {"mode": "thresholds"}
    return defaults


def timeseries_options(source: Json) -> Json:
    """A legend as a table below, with the last value."""
    calculations = [source.get("legend", "lastNotNull")]
    return {
        "legend": {"displayMode": "table", "placement": "bottom", "calcs": calculations},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }


def reduced(_: Json) -> Json:
    """What shows the last value of each query."""
    return {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}


OPTIONS: Final = {
    "timeseries": timeseries_options,
    "stat": lambda source: {**reduced(source), "colorMode": "value", "graphMode": "area"},
    "gauge": lambda source: {**reduced(source), "showThresholdMarkers": True},
    "bargauge": lambda source: {
        **reduced(source),
        "orientation": "horizontal",
        "displayMode": "gradient",
    },
    "table": lambda _: {"showHeader": True, "cellHeight": "sm"},
}
INSTANT: Final = frozenset({"stat", "gauge", "bargauge", "table"})


def datasource_variable() -> Json:
    """Which Prometheus: the same dashboard serves several."""
    return {
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
        "current": {},
        "hide": 0,
    }


def variable(name: str) -> Json:
    """A choice of several values; at first all of them."""
    label, query = VARIABLES[name]
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "hide": 0,
    }


def written(source: Path) -> str:
    """The JSON of a source, as it stands in the repository."""
    made = dashboard(yaml.safe_load(source.read_text(encoding="utf-8")))
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write every dashboard."""
    DASHBOARDS.mkdir(exist_ok=True)
    for source in sorted(SOURCES.glob("*.yaml")):
        target = DASHBOARDS / f"{source.stem}.json"
        target.write_text(written(source), encoding="utf-8")
        print(target.relative_to(ROOT))


if __name__ == "__main__":
    main()
