"""How a task looks when it is asked for.

Source: `task_retrieve_response` of runwayml 5.24.0, 2026-10-23.
"""

from datetime import UTC, datetime

from yarl import URL

from proxy.simulator.links import fresh_link_to
from proxy.simulator.tasks import UNFINISHED, Phase, Task
from proxy.simulator.vendors.runway.catalog import CREDIT_MICRO_USD
from proxy.simulator.vendors.runway.errors import FAILURES, failure_code
from proxy.simulator.world import World

_STATUSES = {
    Phase.THROTTLED: "THROTTLED",
    Phase.SUBMITTED: "PENDING",
    Phase.PROCESSING: "RUNNING",
    Phase.SUCCEEDED: "SUCCEEDED",
    Phase.FAILED: "FAILED",
    Phase.CANCELLED: "CANCELLED",
}


def view(world: World, task: Task, origin: URL) -> dict[str, object]:
    """Return the task as it stands now; a succeeded one with newly signed output URLs."""
    now_s = world.now_s()
    phase = task.phase(now_s)
    body: dict[str, object] = {
        "id": task.task_id,
        "status": _STATUSES[phase],
        "createdAt": _iso(task.created_at_s),
    }
    if phase in UNFINISHED:
        body["estimatedCost"] = estimated_cost(task)
        return body | ({"progress": task.progress(now_s)} if phase is Phase.PROCESSING else {})
    body["cost"] = {"credits": task.invoiced_micro_usd(now_s) // CREDIT_MICRO_USD}
    if phase is Phase.SUCCEEDED:
        life_s = world.settings.runway_link_ttl_s
        body["output"] = [fresh_link_to(world, origin, task, life_s)]
    code = failure_code(task.order.plan)
    if phase is Phase.FAILED and code is not None:
        body |= {"failure": FAILURES[code].text, "failureCode": code}
    return body


def estimated_cost(task: Task) -> dict[str, int]:
    """Return the most the task may cost."""
    return {"credits": task.price_micro_usd // CREDIT_MICRO_USD}


def _iso(at_s: float) -> str:
    text = datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
