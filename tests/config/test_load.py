"""The good configuration becomes the snapshot and the settings it describes."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from proxy.config.load import Loaded
from proxy.config.problem import Severity
from proxy.config.settings import Address
from proxy.domain.bucket import LimitMode, RateLimit, no_refill
from proxy.domain.ids import KeyId, PolicyName, ProviderName, TeamId
from proxy.domain.moderation import Moderation
from proxy.domain.notice import NoticeKind
from proxy.domain.outage import Outage
from proxy.domain.period import PeriodKind
from proxy.domain.policy import AudioSupport, FrameSupport, Match, OnExceed, RouteClass, Scope
from proxy.domain.price import Billing
from proxy.domain.source import SourceSupport, Verb, Way
from proxy.domain.video import Substitute
from proxy.domain.video_event import VideoEvent, receiver_id
from tests.builders import NOW_S
from tests.config.files import ENV, GOOD, KlingCredentials, copy_good, load_good

if TYPE_CHECKING:
    from pathlib import Path

YEAR_S = 366 * 86_400


@pytest.fixture(name="loaded", scope="module")
def _loaded() -> Loaded:
    return load_good(GOOD / "config.yaml")


def test_a_good_configuration_is_warned_of_nothing(loaded: Loaded) -> None:
    assert () == tuple(loaded.problems)


def test_listeners(loaded: Loaded) -> None:
    assert Address(host="::1", port=9000) == loaded.server.listen
    assert Address(host="0.0.0.0", port=9001) == loaded.server.admin_listen  # noqa: S104  parsed only
    assert "https://video.example.com/gl" == loaded.server.public_url
    assert "https://video.example.com/gl" == loaded.server.callbacks_url


def test_references_are_followed(loaded: Loaded) -> None:
    assert "redis://greenlight:pass@store.example:6379/0" == loaded.server.store.url
    link_secret = loaded.server.artifacts.link_secret
    assert link_secret is not None
    assert "a-secret-for-links" == link_secret.get_secret_value()
    assert ENV["FINANCE_HOOK"] == loaded.server.notify[0].url.get_secret_value()


def test_receivers(loaded: Loaded) -> None:
    finance, local = loaded.server.notify
    assert (NoticeKind.BUDGET_THRESHOLD, NoticeKind.PROVIDER_ACCOUNT) == finance.kinds
    assert ((1, False), (2, True)) == tuple(
        (len(each.secrets), each.is_private) for each in (finance, local)
    )
    engine = loaded.snapshot.engine
    assert (1.0, (0.1, 1.0), 2.0) == (
        engine.alert_every_s,
        engine.notify_after_s,
        engine.notify_timeout_s,
    )


def test_the_receivers_of_a_team(loaded: Loaded) -> None:
    hooks, team = loaded.server.team_hooks["research"], loaded.snapshot.teams[TeamId("research")]
    both, failures = hooks.webhooks
    assert (ENV["RESEARCH_HOOK"], 1, 2) == (
        both.url.get_secret_value(),
        len(both.secrets),
        len(failures.secrets),
    )
    assert ((VideoEvent.COMPLETED, VideoEvent.FAILED), (VideoEvent.FAILED,)) == (
        both.events,
        failures.events,
    )
    assert [set(both.events), set(failures.events)] == [set(one.events) for one in team.webhooks]
    ids = [receiver_id(one.url.get_secret_value(), "research") for one in hooks.webhooks]
    assert ids == [one.id for one in team.webhooks]
    assert (2, True) == (len(hooks.url_secrets), team.signs_webhook_urls)
    assert ("http://127.0.0.1:9400",) == loaded.server.webhook_origins
    small = loaded.snapshot.teams[TeamId("small")]
    assert ((), False) == (small.webhooks, small.signs_webhook_urls)


def test_a_receiver_may_be_one_of_the_origins(tmp_path: Path) -> None:
    config = copy_good(tmp_path)
    inside = {**ENV, "RESEARCH_HOOK": "http://127.0.0.1:9400/videos"}
    hooks = load_good(config, env=inside).server.team_hooks["research"]
    assert inside["RESEARCH_HOOK"] == hooks.webhooks[0].url.get_secret_value()


def test_no_secret_shows_in_the_text_of_the_settings(loaded: Loaded) -> None:
    shown = repr(loaded)
    assert [] == [
        secret for secret in (*ENV.values(), "a-secret-for-links") if f"'{secret}'" in shown
    ]
    assert ":pass@" not in shown


def test_local_paths_start_from_the_folder_of_the_file(loaded: Loaded) -> None:
    assert f"file://{GOOD}/videos" == loaded.server.artifacts.url


def test_an_account_with_its_secrets_is_configured_and_one_without_is_not(loaded: Loaded) -> None:
    main, spare = loaded.snapshot.providers[ProviderName("kling")].accounts
    assert (True, None, 3) == (main.is_configured, main.reason, main.slots)
    assert RateLimit(capacity=2, interval_us=1_000_000) == main.submit
    assert not spare.is_configured
    assert "environment variable KLING_SPARE_KEY is not set" == spare.reason
    credentials = loaded.server.providers["kling"].accounts[0].credentials
    assert isinstance(credentials, KlingCredentials)
    assert "key" == credentials.api_key.get_secret_value()


def test_a_provider_without_an_adapter_is_not_configured(loaded: Loaded) -> None:
    account = loaded.server.providers["runway"].accounts[0]
    assert account.credentials is None
    assert "this version has no adapter for runway yet" == account.reason


def test_durations_arrive_in_seconds(loaded: Loaded) -> None:
    kling = loaded.snapshot.providers[ProviderName("kling")]
    assert (0.1, 0.05, 0.2) == dataclasses.astuple(kling.poll)
    assert (300.0, 2.0) == (kling.give_up_after_s, kling.submit_timeout_s)
    assert (1.0, 2.0, 3.0, 4.0) == dataclasses.astuple(loaded.server.providers["kling"].timeouts)
    assert (0.1, 1.0) == loaded.snapshot.engine.look_up_after_s
    assert 0.01 == loaded.snapshot.engine.tick_s


def test_where_files_may_be_fetched_from(loaded: Loaded) -> None:
    image_urls = loaded.server.image_urls
    assert ("https://assets.example:8443", "http://[::1]:9300") == image_urls.origins
    assert 3.0 == image_urls.timeout_s
    assert ("cdn.example.com",) == loaded.server.providers["kling"].output_hosts
    assert () == loaded.server.providers["runway"].output_hosts


def test_the_bounds_of_the_worker(loaded: Loaded) -> None:
    engine = loaded.snapshot.engine
    assert (8, 4, 2) == (engine.concurrency, engine.account_concurrency, engine.max_attempts)


def test_what_holds_without_the_store_and_for_administrators(loaded: Loaded) -> None:
    assert Outage(replicas=3, remember=7, remember_for_s=60.0) == loaded.snapshot.outage
    assert RateLimit(capacity=9, interval_us=1_000_000) == loaded.snapshot.admin_limit


def test_a_team_sets_some_defaults_and_takes_the_others(loaded: Loaded) -> None:
    research = loaded.snapshot.teams[TeamId("research")]
    assert (2, 50) == (research.running, research.queued)
    assert Substitute.SAME_MODEL is research.substitute
    assert (7_200, 86_400) == (research.deadline_s, research.retention.artifacts_s)
    assert {
        RouteClass.SUBMIT: no_refill(5),
        RouteClass.POLL: RateLimit(capacity=6, interval_us=142_858),
        RouteClass.CONTENT: RateLimit(capacity=60, interval_us=200_000),
    } == research.limits


def test_modes_and_moderation_are_taken_from_above_value_by_value(tmp_path: Path) -> None:
    config = copy_good(tmp_path)

    def edit(name: str, old: str, new: str) -> None:
        path = tmp_path / "policies" / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def limits() -> tuple[LimitMode, LimitMode, Moderation | None]:
        snapshot = load_good(config).snapshot
        key = snapshot.keys[KeyId("k7f3q2ab")]
        return snapshot.teams[TeamId("research")].limit_mode, key.limit_mode, key.moderation

    enforce, shadow = LimitMode.ENFORCE, LimitMode.SHADOW
    built_in = Moderation(refusals=5, within_ms=3_600_000, cool_down_ms=900_000)
    assert (enforce, enforce, built_in) == limits()
    edit("organisation.yaml", "limits: {", "limits: {mode: shadow, moderation: {refusals: 4}, ")
    assert (shadow, shadow, replace(built_in, refusals=4)) == limits()
    edit("teams/research.yaml", "running: 2", "running: 2\nlimits: {mode: enforce}")
    edit("teams/research.yaml", "limits: {content", "limits: {moderation: {within: 2m}, content")
    assert (enforce, enforce, replace(built_in, refusals=4, within_ms=120_000)) == limits()
    edit(
        "teams/research.yaml",
        "moderation: {within: 2m}",
        "mode: shadow, moderation: {refusals: 0}",
    )
    assert (enforce, shadow, None) == limits()


def test_a_team_without_a_time_zone_has_the_organisations(loaded: Loaded) -> None:
    small = loaded.snapshot.teams[TeamId("small")]
    assert ZoneInfo("Europe/Berlin") == small.timezone


def test_budgets(loaded: Loaded) -> None:
    monthly, early, kling = loaded.snapshot.teams[TeamId("research")].budgets
    assert ("team:research", PeriodKind.MONTH, 15) == (
        monthly.scope,
        monthly.period,
        monthly.start_day,
    )
    assert 500_500_000 == monthly.limit_micro_usd
    assert (monthly.account, OnExceed.ALLOW) == (early.account, early.on_exceed)
    assert (OnExceed.NEXT, Match(model="kling-*", metadata={"project": "demo"})) == (
        kling.on_exceed,
        kling.match,
    )
    assert ("org", (50, 100)) == (
        loaded.snapshot.organisation_budgets[0].scope,
        loaded.snapshot.organisation_budgets[0].alert_at_percent,
    )


def test_keys(loaded: Loaded) -> None:
    key = loaded.snapshot.keys[KeyId("k7f3q2ab")]
    assert ("research", "web", frozenset({Scope.READ})) == (key.team, key.name, key.scopes)
    assert 1_798_761_600.0 == key.expires_at_s
    assert "key:k7f3q2ab" == key.budgets[0].scope
    assert [RouteClass.CONTENT] == list(key.limits)


def test_policies(loaded: Loaded) -> None:
    sharp = loaded.snapshot.policies[PolicyName("sharp")]
    assert (5, "1080p", "16:9", False) == (
        sharp.require_seconds,
        sharp.require_resolution,
        sharp.require_aspect_ratio,
        sharp.require_audio,
    )
    assert (("quality", True),) == sharp.order
    mixed = loaded.snapshot.policies[PolicyName("mixed")]
    assert {"quality": 0.5, "price": 0.3, "latency": 0.2} == mixed.weigh


def test_offers_of_every_catalog_file(loaded: Loaded) -> None:
    kling, runway = loaded.snapshot.offers
    assert tuple(range(3, 16)) == kling.can.seconds
    assert (AudioSupport.OPTIONAL, FrameSupport.OPTIONAL) == (
        kling.can.audio,
        kling.can.first_frame,
    )
    assert [
        ("kling-3.0/720p/silent@2026-09-20", 84_000),
        ("kling-3.0/720p/audio@2026-09-20", 126_000),
        ("kling-3.0/1080p@2026-09-20", 112_000),
    ] == [(price.id, price.per_second_micro_usd) for price in kling.prices]
    assert ((5, 10), ()) == (runway.can.seconds, runway.prices)
    assert (Billing.AS_REPORTED, Billing.FULL) == (
        runway.bills_on.failed,
        runway.bills_on.filtered,
    )
    assert {"kling": "kling-3.0"} == loaded.snapshot.aliases


def test_passed_dates_are_warnings(tmp_path: Path) -> None:
    found = load_good(copy_good(tmp_path), now_s=NOW_S + YEAR_S).problems
    assert [Severity.WARNING, Severity.WARNING] == [one.severity for one in found]
    assert ["offers[0].lifecycle.retires_not_before", "keys[0].expires"] == [
        one.path for one in found
    ]
    assert "warning: runway/gen4.5 may be switched off any day" in found[0].render()


def test_a_policy_emptied_by_the_clock_is_told_and_served(tmp_path: Path) -> None:
    config = copy_good(tmp_path)
    catalog = tmp_path / "policies/catalog.yaml"
    end = "    lifecycle: {retires_at: 2027-06-30}\n"
    catalog.write_text(catalog.read_text(encoding="utf-8") + end, encoding="utf-8")
    assert () == tuple(load_good(config).problems)
    later = load_good(config, now_s=NOW_S + YEAR_S).problems
    errors = [one for one in later if one.severity is Severity.ERROR]
    assert [
        "policies.cheap",
        "policies.mixed",
        "policies.sharp",
        "use.default",
        "use.default",
    ] == [*sorted(one.path for one in errors)]
    assert "retired by now" in errors[0].message


def test_equal_files_have_equal_digests_wherever_they_lie(tmp_path: Path, loaded: Loaded) -> None:
    config = copy_good(tmp_path)
    assert loaded.digest == load_good(config).digest
    small = tmp_path / "policies/teams/small.yaml"
    small.write_text(small.read_text(encoding="utf-8") + "weight: 3\n", encoding="utf-8")
    assert loaded.digest != load_good(config).digest


def test_what_an_offer_does_with_finished_videos(tmp_path: Path) -> None:
    config = copy_good(tmp_path)
    catalog = tmp_path / "policies" / "catalog.yaml"
    text = catalog.read_text(encoding="utf-8")
    edit = "edit: {by: [bytes, link], bytes_max: 5MB, link_bytes_max: 1GB, seconds: [5, 4]"
    more = f'{edit}, resolutions: [1080p], aspect_ratios: ["1:1"], models: ["k*"], silent: true}}'
    extend = "extend: {by: [origin], adds: 4-6}"
    row = 'resolution: 720p, per_second: "$0.2", source: list, as_of: 2026-09-20}'
    text = text.replace("picture_bytes_max: 3MB", f"picture_bytes_max: 3MB, {more}, {extend}")
    text = text.replace(
        "    bills_on",
        f'      - {{for: [edit], at_least: "$1", {row}\n'
        f"      - {{for: extend, of: whole, {row}\n    bills_on",
    )
    catalog.write_text(text, encoding="utf-8")
    (offer, *_) = load_good(config).snapshot.offers
    assert {
        Verb.EDIT: SourceSupport(
            ways=(Way.BYTES, Way.LINK),
            bytes_max={Way.BYTES: 5_000_000, Way.LINK: 1_000_000_000},
            seconds=(4, 5),
            resolutions=("1080p",),
            aspect_ratios=("1:1",),
            models=("k*",),
            is_silent=True,
        ),
        Verb.EXTEND: SourceSupport(ways=(Way.ORIGIN,), adds=(4, 5, 6)),
    } == offer.can.verbs
    assert offer.can.creates
    *plain, edits, extends = offer.prices
    assert {frozenset({Verb.CREATE})} == {price.verbs for price in plain}
    assert ("kling-3.0/720p@2026-09-20", 1_000_000, False) == (
        edits.id,
        edits.least_micro_usd,
        edits.is_of_whole,
    )
    assert (frozenset({Verb.EXTEND}), True) == (extends.verbs, extends.is_of_whole)


def test_one_word_says_how_a_source_is_given(tmp_path: Path) -> None:
    config = copy_good(tmp_path)
    catalog = tmp_path / "policies" / "catalog.yaml"
    text = catalog.read_text(encoding="utf-8")
    more = "picture_bytes_max: 3MB, create: false, edit: link"
    text = text.replace("picture_bytes_max: 3MB", more)
    text = text.replace("- {resolution", "- {for: edit, resolution")
    catalog.write_text(text, encoding="utf-8")
    (offer, *_) = load_good(config).snapshot.offers
    assert (False, {Verb.EDIT: SourceSupport(ways=(Way.LINK,))}) == (
        offer.can.creates,
        offer.can.verbs,
    )
    assert "https://video.example.com/gl" == load_good(config).snapshot.public_url
