"""Kling's list of tasks, as its documentation tells it."""

import pytest

from tests.simulator.simulated import Answer, Json, Simulated

LIST = "/kling/tasks"


async def listed(sim: Simulated, **asked: Json) -> Json:
    answer = await sim.post(LIST, asked)
    assert (200, 0) == (answer.status, answer.json["code"]), answer.json
    return answer.json["data"]


def ids(page: Json) -> list[str]:
    assert page["count"] == len(page["result"])
    return [task["id"] for task in page["result"]]


def ms(sim: Simulated, offset_s: float = 0.0) -> str:
    return str(int((sim.clock.now_s + offset_s) * 1000))


async def test_a_listed_task_looks_as_it_does_when_it_is_asked_for(sim: Simulated) -> None:
    task_id = await sim.kling_id(options={"external_task_id": "mine"})
    sim.clock.advance(10)
    page = await listed(sim)
    (task,) = page["result"]
    assert task == await sim.kling_task(task_id)
    assert ("mine", "succeeded", "", False) == (
        task["external_id"],
        task["status"],
        page["next_cursor"],
        page["has_more"],
    )
    assert [task_id] == [call["task_id"] for call in await sim.calls("kling", "submit")]
    assert 1 == len(await sim.calls("kling", "list"))


async def test_pages_follow_a_cursor_which_overrules_the_times(sim: Simulated) -> None:
    tasks = [await sim.kling_id() for _ in range(5)]
    sim.clock.advance(1)
    found: list[str] = []
    asked: dict[str, Json] = {"limit": 2}
    for has_more in (True, True, False):
        page = await listed(sim, **asked)
        assert has_more is page["has_more"]
        found += ids(page)
        asked = {"limit": 2, "cursor": page["next_cursor"], "start_time": "1", "end_time": "2"}
        await sim.kling_id()  # what comes later is not in the list that was begun
    assert tasks == found


async def test_a_list_is_of_a_time_and_of_a_month_by_default(sim: Simulated) -> None:
    old = await sim.kling_id()
    sim.clock.advance(20 * 86_400)
    young = await sim.kling_id()
    sim.clock.advance(1)
    assert [old, young] == ids(await listed(sim))
    assert [young] == ids(await listed(sim, start_time=ms(sim, -60)))
    assert [old] == ids(await listed(sim, end_time=ms(sim, -60)))
    sim.clock.advance(11 * 86_400)
    assert [young] == ids(await listed(sim))


async def test_a_list_is_of_kinds_and_of_one_account(sim: Simulated) -> None:
    done = await sim.kling_id()
    sim.clock.advance(10)
    failed = await sim.kling_id("a [[render=0 outcome=internal]]")
    await sim.kling_id("a [[render=0 outcome=vanish]]")
    sim.token = "narrow-key"
    foreign = await sim.kling_id()
    sim.clock.advance(1)
    assert [foreign] == ids(await listed(sim))
    sim.token = "kling-key"
    assert [done, failed] == ids(await listed(sim))
    assert [failed] == ids(await of_kinds(sim, "status", "failed"))
    assert [done, failed] == ids(await of_kinds(sim, "product_type", "video"))
    assert [] == ids(await of_kinds(sim, "product_type", "image"))


async def of_kinds(sim: Simulated, key: str, *values: str) -> Json:
    return await listed(sim, filters=[{"key": key, "values": list(values)}])


@pytest.mark.parametrize(
    "asked",
    [
        {"limit": 501},
        {"limit": 0},
        {"limit": "5"},
        {"start_time": 1_795_000_000_000},
        {"start_time": "yesterday"},
        {"start_time": "2", "end_time": "1"},
        {"cursor": "bm9uZQ=="},
        {"filters": [{"key": "model", "values": []}]},
        {"filters": [{"key": "status", "values": ["done"]}]},
        {"page": 2},
    ],
)
async def test_what_a_list_does_not_take(sim: Simulated, asked: dict[str, Json]) -> None:
    answer: Answer = await sim.post(LIST, asked)
    assert (400, 1201) == (answer.status, answer.json["code"])
