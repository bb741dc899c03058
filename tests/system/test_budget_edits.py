"""Edits of budgets in YAML under a running server: what each balance holds afterwards, over HTTP.

Every edit has a team of its own, which has paid for one video and holds money for another when its
file is edited.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.system.accounts import make_key
from tests.system.deployment import Deployment, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Budget = dict[str, Any]

VIDEO = {"model": "kling-3.0", "seconds": 4, "metadata": {"film": "x"}, "substitute": "never"}
PRICE = "0.336000"
USED = (PRICE, PRICE)
NOTHING = ("0.000000", "0.000000")
MONTHLY: Budget = {"id": "monthly", "period": "month", "limit": "$100"}
DAILY: Budget = {"id": "daily", "period": "day", "limit": "$100"}
KLING: Budget = MONTHLY | {"match": {"model": "kling-*"}}
TIGHT: Budget = MONTHLY | {"limit": "$0.70"}
"""Room for the two videos that there are, and not for a third."""


@dataclass(frozen=True, kw_only=True)
class Edit:
    """Budgets before and after, and spent and held afterwards by budget id."""

    before: Sequence[Budget] = (MONTHLY, DAILY)
    after: Sequence[Budget]
    team: Mapping[str, str] = field(default_factory=dict)
    expected: Mapping[str, tuple[str, str]] = field(
        default_factory=lambda: {"monthly": USED, "daily": USED}
    )


EDITS = {
    "reorder": Edit(after=[DAILY, MONTHLY]),
    "raise a limit": Edit(before=[TIGHT, DAILY], after=[MONTHLY, DAILY]),
    "lower a limit": Edit(after=[TIGHT, DAILY]),
    "change alerts": Edit(after=[MONTHLY | {"alert_at": ["50%", "80%"]}, DAILY]),
    "change on_exceed": Edit(after=[MONTHLY | {"on_exceed": "next"}, DAILY]),
    "rename": Edit(
        after=[MONTHLY | {"id": "by_month"}, DAILY], expected={"by_month": USED, "daily": USED}
    ),
    "add a month budget": Edit(before=[DAILY], after=[DAILY, MONTHLY]),
    "add a match": Edit(after=[KLING, DAILY]),
    "change a match": Edit(
        before=[KLING, DAILY],
        after=[MONTHLY | {"match": {"metadata": {"film": "x"}}}, DAILY],
    ),
    "change a match to another's": Edit(
        before=[KLING, DAILY],
        after=[MONTHLY | {"match": {"model": "veo-*"}}, DAILY],
        expected={"monthly": NOTHING, "daily": USED},
    ),
    "change the period": Edit(after=[MONTHLY | {"period": "quarter"}, DAILY]),
    "change start_day": Edit(after=[MONTHLY | {"start_day": 28}, DAILY]),
    "change the time zone": Edit(after=[MONTHLY, DAILY], team={"timezone": "Pacific/Kiritimati"}),
    "delete": Edit(before=[TIGHT, DAILY], after=[DAILY], expected={"daily": USED}),
    "delete all": Edit(after=[], expected={}),
}


@dataclass
class Edited:
    """The teams of the edits, and what each was told before and after."""

    deployment: Deployment
    keys: dict[str, str] = field(default_factory=dict)
    before: dict[str, dict[str, Any]] = field(default_factory=dict)
    after: dict[str, dict[str, Any]] = field(default_factory=dict)

    def write(self, *, is_edited: bool) -> None:
        """Write every team's file; keys are made the first time."""
        for number, (name, edit) in enumerate(EDITS.items()):
            team = f"team-{number}"
            printed, digest = self._key(name, number)
            self.keys[name] = printed
            body: dict[str, Any] = {
                "team": team,
                "keys": [{"id": printed.split("_")[1], "name": "web", "sha256": digest}],
                "budgets": list(edit.after if is_edited else edit.before),
                "use": {"policies": ["balanced"], "models": ["*"], "default": "balanced"},
                **(edit.team if is_edited else {}),
            }
            folder = self.deployment.folder / "policies" / "teams"
            (folder / f"{team}.yaml").write_text(json.dumps(body, indent=1))

    def _key(self, name: str, number: int) -> tuple[str, str]:
        if name not in self._made:
            self._made[name] = make_key("gl", f"edit{'abcdefghijklmnopqrst'[number]}222")
        return self._made[name]

    _made: dict[str, tuple[str, str]] = field(default_factory=dict)

    async def call(
        self, name: str, method: str, path: str, body: object = None
    ) -> tuple[int, dict[str, Any]]:
        """Ask as the team of an edit."""
        headers = {"Authorization": f"Bearer {self.keys[name]}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.request(method, f"{self.deployment.base_url}{path}", json=body) as answer,
        ):
            return answer.status, await answer.json()

    async def create(self, name: str, prompt: str) -> tuple[int, dict[str, Any]]:
        """Have a team create a video."""
        return await self.call(name, "POST", "/videos", {"prompt": prompt, **VIDEO})

    async def accounts(self, name: str) -> dict[str, dict[str, Any]]:
        """What a team is told of its own budgets, by id."""
        _, body = await self.call(name, "GET", "/budget")
        return {each["budget"]: each for each in body["accounts"] if each["scope"] != "org"}

    async def administer(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Ask the admin API."""
        headers = {"Authorization": f"Bearer {self.deployment.admin_token}"}
        url = f"{self.deployment.admin_url}/admin/v1{path}"
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.request(method, url, json=body) as answer,
        ):
            found: dict[str, Any] = await answer.json()
            assert 200 == answer.status, found
            return found

    async def begin(self) -> None:
        """Let every team pay for a video, and hold money for another."""
        self.write(is_edited=False)
        await self.administer("POST", "/config/reload", {"reason": "teams"})
        await asyncio.gather(*(self._two_videos(name) for name in EDITS))
        for name in EDITS:
            self.before[name] = await self.accounts(name)

    async def _two_videos(self, name: str) -> None:
        _, first = await self.create(name, "A boat. [[render=0.1]]")
        status, _ = await self.create(name, "A slow boat. [[render=60]]")
        assert 200 == status

        async def is_paid() -> bool:
            _, video = await self.call(name, "GET", f"/videos/{first['id']}")
            return bool(video["status"] == "completed")

        await wait_until(is_paid, f"the video of {name}")

    async def end(self) -> None:
        """Edit every team, and wait until accounts that are new have been opened."""
        self.write(is_edited=True)
        await self.administer("POST", "/config/reload", {"reason": "edits"})

        async def are_open() -> bool:
            for name in EDITS:
                self.after[name] = await self.accounts(name)
            found = {name: used(accounts) for name, accounts in self.after.items()}
            return found == {name: dict(edit.expected) for name, edit in EDITS.items()}

        # Whichever is not as expected fails its own test.
        try:
            await wait_until(are_open, "every account to be opened", timeout_s=4.0)
        except AssertionError:
            assert self.after.keys() == EDITS.keys()


def used(accounts: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    """Spent and held by budget id."""
    return {name: (each["spent"], each["reserved"]) for name, each in accounts.items()}


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edited]:
    deployment = Deployment(folder=tmp_path_factory.mktemp("edits"), render_s=0.1)
    deployment.start()
    teams = Edited(deployment)
    asyncio.run(teams.begin())
    asyncio.run(teams.end())
    yield teams
    deployment.stop()


@pytest.mark.parametrize("name", EDITS)
def test_after_an_edit_every_balance_holds_what_the_ledger_says(edited: Edited, name: str) -> None:
    assert dict.fromkeys(edited.before[name], USED) == used(edited.before[name])
    assert dict(EDITS[name].expected) == used(edited.after[name])
    order = [budget["id"] for budget in EDITS[name].after]
    assert order == list(edited.after[name])


def test_another_time_zone_begins_with_the_next_period(edited: Edited) -> None:
    name = "change the time zone"
    ends = ("period_id", "resets_at")
    before, after = edited.before[name], edited.after[name]
    assert {budget: [each[end] for end in ends] for budget, each in before.items()} == {
        budget: [each[end] for end in ends] for budget, each in after.items()
    }


def test_another_start_day_begins_another_account(edited: Edited) -> None:
    before, after = (
        told["change start_day"]["monthly"]["resets_at"] for told in (edited.before, edited.after)
    )
    assert ("01T00:00:00Z", "28T00:00:00Z") == (before[8:], after[8:])


@pytest.mark.parametrize(
    ("name", "status"),
    [("raise a limit", 200), ("delete", 200), ("delete all", 200), ("lower a limit", 402)],
)
async def test_the_new_limits_hold_at_once(edited: Edited, name: str, status: int) -> None:
    found, body = await edited.create(name, "A third boat. [[render=60]]")
    assert status == found, body
    if status == 402:
        assert ("monthly", "0.700000") == (body["error"]["budget"], body["error"]["limit"])


async def test_the_ledger_proves_every_balance(edited: Edited) -> None:
    found = await edited.administer("GET", "/ledger/verify")
    assert [] == found["violations"]
