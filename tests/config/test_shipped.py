"""The configuration that ships: usable by anybody, at any time, and true to its promises."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from pydantic import BaseModel, ConfigDict

from proxy.config.load import Loaded, load
from proxy.config.problem import Severity
from proxy.domain.errors import NoRoute
from proxy.domain.ids import TeamId
from proxy.domain.plan import Candidate
from proxy.domain.route import plan
from proxy.domain.video import InputFile, Substitute, VideoJob
from proxy.providers import PROVIDERS
from tests.builders import NOW_S

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT: Final = Path(__file__).resolve().parents[2]
YEAR_S: Final = 365.25 * 86_400
NAMES: Final = ("kling", "vertex", "runway", "openai")


class AnyCredentials(BaseModel):
    """Takes whatever is written."""

    model_config = ConfigDict(extra="allow")


def shipped(*, env: Mapping[str, str] | None = None, now_s: float = NOW_S) -> Loaded:
    return load(
        ROOT / "config.yaml",
        env=env or {},
        credential_models=dict.fromkeys(NAMES, AnyCredentials),
        now_s=now_s,
    )


@pytest.fixture(name="everything", scope="module")
def _everything(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return everything_shipped(tmp_path_factory.mktemp("google"))


def everything_shipped(folder: Path) -> Loaded:
    """Load the shipped files with credentials for all four providers."""
    account = folder / "account.json"
    account.write_text("{}", encoding="utf-8")
    names = ("KLING_API_KEY", "GOOGLE_CLOUD_PROJECT", "RUNWAYML_API_SECRET", "OPENAI_API_KEY")
    env = dict.fromkeys(names, "x") | {"GOOGLE_APPLICATION_CREDENTIALS": str(account)}
    return shipped(env=env)


def candidates(loaded: Loaded, job: VideoJob, team: str = "marketing") -> list[Candidate]:
    found = plan(job, loaded.snapshot.teams[TeamId(team)], loaded.snapshot, NOW_S)
    return list(found.candidates)


def first(loaded: Loaded, job: VideoJob) -> tuple[str, str, str, int]:
    taken = candidates(loaded, job)[0]
    return taken.provider, taken.model, taken.shape.resolution, taken.quote_micro_usd


@pytest.mark.parametrize("years", [0, 1, 5])
def test_it_loads_with_an_empty_environment_at_any_time(years: int) -> None:
    loaded = shipped(now_s=NOW_S + years * YEAR_S)
    assert {Severity.WARNING} == {one.severity for one in loaded.problems}
    assert not any(provider.is_configured for provider in loaded.snapshot.providers.values())


def test_the_vendors_announcements_are_warned_of() -> None:
    words = [one.message for one in shipped().problems]
    assert 4 == len(words)
    assert "vertex/veo-3.1-generate-001 may be switched off any day since 2026-11-17" in words[0]
    assert "openai/sora-2 is retired since 2026-09-24" in words[2]


def test_every_credential_is_one_that_its_adapter_knows() -> None:
    models = {name: provider.credentials_model for name, provider in PROVIDERS.items()}
    loaded = load(ROOT / "config.yaml", env={}, credential_models=models, now_s=NOW_S)
    reasons = {
        name: provider.accounts[0].reason for name, provider in loaded.server.providers.items()
    }
    assert "environment variable KLING_API_KEY is not set" == reasons["kling"]
    assert "environment variable GOOGLE_CLOUD_PROJECT is not set" == reasons["vertex"]


def test_what_it_keeps_stands_under_var_and_needs_no_privilege() -> None:
    server = shipped().server
    assert f"redis+embedded://{ROOT}/var/redis?fsync=everysec" == server.store.url
    assert (f"file://{ROOT}/var/artifacts", None) == (
        server.artifacts.url,
        server.artifacts.link_secret,
    )
    assert () == server.notify
    assert server.listen.port > 1023


def test_no_key_is_shipped() -> None:
    loaded = shipped()
    assert ({}, {}) == (dict(loaded.snapshot.keys), dict(loaded.snapshot.admin_tokens))
    assert {"marketing", "product", "research"} == set(loaded.snapshot.teams)


def test_best_physics_is_veo(everything: Loaded) -> None:
    assert "veo-3.1" == first(everything, VideoJob(prompt="x", policy="best_physics"))[1]


def test_best_character_consistency_is_gen4_5(everything: Loaded) -> None:
    job = VideoJob(prompt="x", policy="best_character_consistency")
    assert ("runway", "gen4.5", "720p", 480_000) == first(everything, job)


def test_cheapest_4k_is_kling_and_veo_at_4k_is_not_offered(everything: Loaded) -> None:
    job = VideoJob(prompt="x", policy="cheapest_4k")
    assert ("kling", "kling-3.0", "4k", 4 * 420_000) == first(everything, job)
    assert {"kling-3.0"} == {taken.model for taken in candidates(everything, job)}


def test_kling_through_runway_is_passed_over_for_its_unknown_price(everything: Loaded) -> None:
    found = plan(
        VideoJob(prompt="x", model="kling-3.0"),
        everything.snapshot.teams[TeamId("marketing")],
        everything.snapshot,
        NOW_S,
    )
    skipped = [(one.provider, one.code) for one in found.skipped if one.model == "kling-3.0"]
    assert [("runway", "price_unknown")] * 3 == skipped


def test_gen4_turbo_needs_a_picture(everything: Loaded) -> None:
    job = VideoJob(prompt="x", model="gen4_turbo", substitute=Substitute.NEVER)
    with pytest.raises(NoRoute, match="input_reference is required"):
        candidates(everything, job)


PICTURE: Final = InputFile(sha256="a" * 64, size_bytes=9, media_type="image/png")


def providers_of(loaded: Loaded, job: VideoJob) -> set[tuple[str, str]]:
    return {(one.provider, one.model) for one in candidates(loaded, job)}


def test_a_last_frame_goes_where_it_is_taken(everything: Loaded) -> None:
    both = VideoJob(prompt="x", seconds=5, input_reference=PICTURE, last_frame=PICTURE)
    assert {("kling", "kling-3.0")} == providers_of(everything, both)
    wide = replace(both, resolution="1080p")
    kling = {("kling", name) for name in ("kling-3.0", "kling-2.6", "kling-2.5-turbo")}
    assert kling == providers_of(everything, wide)


def test_reference_images_are_vertex_s_at_eight_seconds(everything: Loaded) -> None:
    job = VideoJob(prompt="x", reference_images=(PICTURE,) * 3)
    found = candidates(everything, job)
    assert {"vertex"} == {one.provider for one in found}
    assert {8} == {one.shape.seconds for one in found}
    with pytest.raises(NoRoute, match="reference_images are 4, at most 3"):
        candidates(everything, replace(job, reference_images=(PICTURE,) * 4))


def test_a_negative_prompt_is_veo_s_and_a_seed_runway_s_too(everything: Loaded) -> None:
    negative = VideoJob(prompt="x", seconds=4, negative_prompt="blur")
    assert {"vertex", "runway"} == {one.provider for one in candidates(everything, negative)}
    assert all(one.model.startswith("veo") for one in candidates(everything, negative))
    seeded = VideoJob(prompt="x", seconds=4, seed=7)
    assert {"vertex", "runway"} == {one.provider for one in candidates(everything, seeded)}
    with pytest.raises(NoRoute, match="seed is not possible"):
        candidates(everything, replace(seeded, model="kling-3.0", substitute=Substitute.NEVER))


def test_a_webp_goes_where_it_is_taken(everything: Loaded) -> None:
    webp = replace(PICTURE, media_type="image/webp")
    job = VideoJob(prompt="x", seconds=4, model="veo-3.1", input_reference=webp)
    assert ("runway", "veo-3.1") in providers_of(everything, job)
    assert ("vertex", "veo-3.1") not in providers_of(everything, job)


def test_a_large_picture_goes_where_it_is_taken(everything: Loaded) -> None:
    large = replace(PICTURE, size_bytes=3_700_001)
    job = VideoJob(prompt="x", seconds=4, input_reference=large)
    assert "runway" not in {provider for provider, _ in providers_of(everything, job)}
    fitting = replace(job, input_reference=replace(large, size_bytes=3_700_000))
    assert ("runway", "gen4.5") in providers_of(everything, fitting)


def test_sora_is_served_by_its_successor(everything: Loaded) -> None:
    job = VideoJob(prompt="x", model="sora-2-2025-12-08", seconds=8)
    assert "veo-3.1-fast" == first(everything, job)[1]
    with pytest.raises(NoRoute, match=r"successor is veo-3\.1-fast"):
        candidates(everything, VideoJob(prompt="x", model="sora-2", substitute=Substitute.NEVER))


@pytest.mark.parametrize(
    ("resolution", "audio", "micro_usd"),
    [("720p", False, 42_000), ("1080p", False, 70_000), ("1080p", True, 140_000)],
)
def test_kling_2_6_has_sound_at_1080p_only(
    everything: Loaded, resolution: str, micro_usd: int, *, audio: bool
) -> None:
    job = VideoJob(prompt="x", model="kling-2.6", seconds=5, resolution=resolution, audio=audio)
    assert 5 * micro_usd == candidates(everything, job)[0].quote_micro_usd
    silent = VideoJob(
        prompt="x", model="kling-2.6", seconds=5, audio=True, substitute=Substitute.NEVER
    )
    with pytest.raises(NoRoute, match="no price for 720p with audio"):
        candidates(everything, silent)


def test_every_price_and_every_billing_rule_has_a_source() -> None:
    text = (ROOT / "policies/catalog.yaml").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if "per_second:" in line or "bills:" in line]
    assert len(rows) > 80
    assert [] == [row for row in rows if not re.search(r'source: "[^"]{8,}"', row)]
