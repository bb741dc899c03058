import pytest

from tests.simulator.simulated import Json, Simulated

OTHERS = "narrow-secret"


async def test_a_task_shows_what_each_status_has_and_no_more(sim: Simulated) -> None:
    task_id = await sim.runway_id()
    always = {"id", "status", "createdAt"}
    pending = await sim.runway_task(task_id)
    assert "PENDING" == pending["status"]
    assert always | {"estimatedCost"} == set(pending)
    assert "2026-11-18T11:06:40.000Z" == pending["createdAt"]
    sim.clock.advance(5)
    running = await sim.runway_task(task_id)
    assert ("RUNNING", 0.5) == (running["status"], running["progress"])
    assert always | {"estimatedCost", "progress"} == set(running)
    sim.clock.advance(5)
    succeeded = await sim.runway_task(task_id)
    assert ("SUCCEEDED", {"credits": 60}) == (succeeded["status"], succeeded["cost"])
    assert always | {"output", "cost"} == set(succeeded)


async def test_the_cost_follows_the_bill_factor_in_whole_credits(sim: Simulated) -> None:
    task_id = await sim.runway_id("a [[bill=0.333x]]")
    sim.clock.advance(10)
    assert {"credits": 20} == (await sim.runway_task(task_id))["cost"]
    assert 200_000 == (await sim.invoice())["total_micro_usd"]


@pytest.mark.parametrize(
    ("directive", "code", "credits_"),
    [
        ("outcome=internal", "INTERNAL", 0),
        ("outcome=content_policy", "SAFETY.INPUT.TEXT", 60),
        ("outcome=filtered", "SAFETY.OUTPUT.VIDEO", 60),
        ("submit=content_policy", "INPUT_PREPROCESSING.SAFETY.TEXT", 60),
        ("outcome=content_policy code=SAFETY.INPUT.IMAGE", "SAFETY.INPUT.IMAGE", 60),
        ("outcome=internal code=INTERNAL.BAD_OUTPUT.CODE01", "INTERNAL.BAD_OUTPUT.CODE01", 0),
        ("outcome=internal code=ASSET.INVALID", "ASSET.INVALID", 0),
        ("outcome=internal code=INPUT_PREPROCESSING.INTERNAL", "INPUT_PREPROCESSING.INTERNAL", 0),
        ("outcome=internal code=THIRD_PARTY.UNAVAILABLE", "THIRD_PARTY.UNAVAILABLE", 0),
    ],
)
async def test_a_failed_task_says_why_and_moderated_work_is_charged(
    sim: Simulated, directive: str, code: str, credits_: int
) -> None:
    task_id = await sim.runway_id(f"a [[{directive}]]")
    sim.clock.advance(10)
    task = await sim.runway_task(task_id)
    assert ("FAILED", code) == (task["status"], task["failureCode"])
    assert task["failure"]
    assert {"credits": credits_} == task["cost"]
    assert "output" not in task
    assert credits_ * 10_000 == (await sim.invoice())["total_micro_usd"]


@pytest.mark.parametrize("directive", ["outcome=internal code=OOPS", "code=INTERNAL"])
async def test_a_code_runway_does_not_have_is_refused_by_name(
    sim: Simulated, directive: str
) -> None:
    answer = await sim.runway_submit(f"a [[{directive}]]")
    assert 400 == answer.status
    assert "THIRD_PARTY.UNAVAILABLE" in answer.json["issues"][0]["message"]


async def statuses(sim: Simulated, ids: list[str]) -> list[Json]:
    return [(await sim.runway_task(task_id, OTHERS))["status"] for task_id in ids]


async def test_over_concurrency_waits_its_turn_oldest_first(sim: Simulated) -> None:
    ids = [await sim.runway_id(f"cat {i}", OTHERS) for i in range(3)]
    elsewhere = await sim.runway_id("a cat", OTHERS, model="veo3.1_fast", duration=4)
    assert ["PENDING", "THROTTLED", "THROTTLED"] == await statuses(sim, ids)
    assert ["PENDING"] == await statuses(sim, [elsewhere])
    throttled = await sim.runway_task(ids[1], OTHERS)
    assert {"id", "status", "createdAt", "estimatedCost"} == set(throttled)
    sim.clock.advance(10)
    assert ["SUCCEEDED", "PENDING", "THROTTLED"] == await statuses(sim, ids)
    sim.clock.advance(15)
    assert ["SUCCEEDED", "SUCCEEDED", "RUNNING"] == await statuses(sim, ids)


async def test_a_cancel_makes_room_for_the_next(sim: Simulated) -> None:
    ids = [await sim.runway_id(f"cat {i} [[outcome=hang]]", OTHERS) for i in range(3)]
    sim.clock.advance(1_000)
    assert ["RUNNING", "THROTTLED", "THROTTLED"] == await statuses(sim, ids)
    assert 204 == (await sim.runway("DELETE", f"tasks/{ids[0]}", secret=OTHERS)).status
    assert ["PENDING", "THROTTLED"] == await statuses(sim, ids[1:])
    assert 204 == (await sim.runway("DELETE", f"tasks/{ids[2]}", secret=OTHERS)).status
    sim.clock.advance(2)
    assert ["RUNNING"] == await statuses(sim, ids[1:2])


async def test_a_directive_throttles_an_account_without_a_limit(sim: Simulated) -> None:
    task_id = await sim.runway_id("a [[submit=concurrency]]")
    seen = []
    for _ in range(3):
        seen.append((await sim.runway_task(task_id))["status"])
        sim.clock.advance(10)
    assert ["THROTTLED", "PENDING", "SUCCEEDED"] == seen


@pytest.mark.parametrize(
    ("advance_s", "secret", "status", "micro_usd"),
    [
        (0.5, "runway-secret", "cancelled", 0),  # PENDING
        (5, "runway-secret", "cancelled", 600_000),  # RUNNING
        (10, "runway-secret", "succeeded", 600_000),
        (5, OTHERS, "cancelled", 0),  # THROTTLED
    ],
)
async def test_a_cancel_is_refunded_unless_the_task_runs(
    sim: Simulated, advance_s: float, secret: str, status: str, micro_usd: int
) -> None:
    await sim.runway_id("first [[bill=0x]]", secret)
    task_id = await sim.runway_id("second", secret)
    sim.clock.advance(advance_s)
    answer = await sim.runway("DELETE", f"tasks/{task_id}", secret=secret)
    assert (204, b"") == (answer.status, answer.body)
    sim.clock.advance(100)
    (_, line) = (await sim.invoice())["tasks"]
    assert (status, micro_usd) == (line["status"], line["micro_usd"])
    for method in ("GET", "DELETE"):
        assert 404 == (await sim.runway(method, f"tasks/{task_id}", secret=secret)).status
    calls = await sim.calls("runway", "cancel")
    assert [(task_id, 204), (task_id, 404)] == [(c["task_id"], c["status"]) for c in calls]


async def test_somebody_else_s_cancel_is_shown_and_charged(sim: Simulated) -> None:
    task_id = await sim.runway_id("a [[outcome=cancelled]]")
    sim.clock.advance(10)
    task = await sim.runway_task(task_id)
    assert ("CANCELLED", {"credits": 60}) == (task["status"], task["cost"])


async def url_of(sim: Simulated, task_id: str) -> str:
    (url,) = (await sim.runway_task(task_id))["output"]
    return str(url)


async def test_an_output_url_dies_and_another_get_gives_a_new_one(sim: Simulated) -> None:
    task_id = await sim.runway_id("a [[link=2.5]]")
    sim.clock.advance(10)
    first = await url_of(sim, task_id)
    async with sim.session.get(first) as response:
        assert (200, "video/mp4") == (response.status, response.content_type)
    sim.clock.advance(2.5)
    assert 403 == (await sim.get(first)).status
    assert first != await url_of(sim, task_id)
    assert 200 == (await sim.get(await url_of(sim, task_id))).status


async def test_an_output_url_lives_for_a_day(sim: Simulated) -> None:
    task_id = await sim.runway_id()
    sim.clock.advance(10)
    url = await url_of(sim, task_id)
    sim.clock.advance(86_399)
    assert 200 == (await sim.get(url)).status
    sim.clock.advance(1)
    assert 403 == (await sim.get(url)).status


async def test_a_deleted_task_takes_its_output_along(sim: Simulated) -> None:
    task_id = await sim.runway_id()
    sim.clock.advance(10)
    url = await url_of(sim, task_id)
    await sim.runway("DELETE", f"tasks/{task_id}")
    assert 404 == (await sim.get(url)).status


async def test_a_download_fault_can_end_after_its_times(sim: Simulated) -> None:
    task_id = await sim.runway_id("a [[download=expired download_times=1]]")
    sim.clock.advance(10)
    assert [403, 200] == [(await sim.get(await url_of(sim, task_id))).status for _ in range(2)]


async def test_another_account_s_task_is_not_found(sim: Simulated) -> None:
    task_id = await sim.runway_id()
    for method in ("GET", "DELETE"):
        answer = await sim.runway(method, f"tasks/{task_id}", secret=OTHERS)
        assert (404, {"error": "Not found"}) == (answer.status, answer.json)


async def test_a_vanished_task_is_gone_and_billed(sim: Simulated) -> None:
    task_id = await sim.runway_id("a [[outcome=vanish]]")
    sim.clock.advance(10)
    for method in ("GET", "DELETE"):
        assert 404 == (await sim.runway(method, f"tasks/{task_id}")).status
    assert 600_000 == (await sim.invoice())["total_micro_usd"]


async def test_a_garbled_task_cannot_be_read(sim: Simulated) -> None:
    task_id = await sim.runway_id("a [[outcome=garbage]]")
    sim.clock.advance(10)
    with pytest.raises(ValueError, match="Expecting"):
        await sim.runway_task(task_id)
