"""deploy/kubernetes: valid by the API's own schemas, and its parts fit one another."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest

from proxy.domain.ids import ProviderName
from tests.deploy.files import DEPLOY, ROOT, document, documents, loaded, run

FOLDER: Final = DEPLOY / "kubernetes"
KUSTOMIZATION: Final = document(FOLDER / "kustomization.yaml")
DEPLOYMENTS: Final = ("api", "worker")
DOCKERFILE: Final = (ROOT / "Dockerfile").read_text(encoding="utf-8")
ENDPOINT_FIELDS: Final = frozenset({"port", "path", "interval"})
"""Those of a ServiceMonitor's endpoint that we use. Source: the Prometheus Operator's API
reference, monitoring.coreos.com/v1, Endpoint, read 2026-11-29."""


def pod(role: str) -> dict[str, Any]:
    template: dict[str, Any] = document(FOLDER / f"{role}.yaml")["spec"]["template"]
    return template


def container(role: str) -> dict[str, Any]:
    (found,) = pod(role)["spec"]["containers"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("name", [n for n in KUSTOMIZATION["resources"] if n != "monitor.yaml"])
def test_it_is_valid_by_the_api_s_schema(name: str) -> None:
    said = run("kubernetes-validate", "--strict", FOLDER / name)
    assert said.count("passed for resource") == len(documents(FOLDER / name)), said


def test_the_monitor_finds_the_admin_port_of_every_pod() -> None:
    monitor = document(FOLDER / "monitor.yaml")
    assert ("monitoring.coreos.com/v1", "ServiceMonitor") == (
        monitor["apiVersion"],
        monitor["kind"],
    )
    admin = documents(FOLDER / "services.yaml")[1]
    wanted = monitor["spec"]["selector"]["matchLabels"]
    labels = KUSTOMIZATION["labels"][0]["pairs"] | admin["metadata"]["labels"]
    assert wanted.items() <= labels.items()
    # The alerts look for this job, not for one of the Service's name.
    assert "greenlight" == labels[monitor["spec"]["jobLabel"]]
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint.keys() <= ENDPOINT_FIELDS
    assert endpoint["port"] in {port["name"] for port in admin["spec"]["ports"]}


def test_every_file_is_used_and_every_used_one_is_there() -> None:
    known = {"kustomization.yaml", *KUSTOMIZATION["resources"]}
    for generated in KUSTOMIZATION["configMapGenerator"]:
        for entry in generated["files"]:
            source = FOLDER / entry.rpartition("=")[2]
            assert source.is_file(), entry
            known |= {source.name} if source.parent == FOLDER else set()
    assert known == {path.name for path in FOLDER.iterdir()}


def test_every_policy_that_is_shipped_is_mounted_where_the_server_looks() -> None:
    generated = {
        each["name"]: [entry.partition("=")[0] for entry in each["files"]]
        for each in KUSTOMIZATION["configMapGenerator"]
    }
    for role in DEPLOYMENTS:
        settings = pod(role)["spec"]["volumes"][0]
        paths = set()
        for source in settings["projected"]["sources"]:
            keys = generated[source["configMap"]["name"]]
            items = source["configMap"].get("items", [{"key": key, "path": key} for key in keys])
            assert sorted(keys) == sorted(item["key"] for item in items)
            paths |= {item["path"] for item in items}
        shipped = {str(path.relative_to(ROOT)) for path in (ROOT / "policies").rglob("*.yaml")}
        assert {"config.yaml", *shipped} == paths
        mounted = {mount["name"]: mount["mountPath"] for mount in container(role)["volumeMounts"]}
        folder = mounted[settings["name"]]
        assert f"{folder}/config.yaml" == container(role)["args"][-1]
        # A runtime makes the image's own volumes, too: not inside of what nobody can write to.
        volumes = re.findall(r'^VOLUME \["(.+)"\]$', DOCKERFILE, re.MULTILINE)
        assert volumes
        assert not any(Path(each).is_relative_to(folder) for each in volumes)


def test_the_settings_are_read_with_what_the_secret_brings(tmp_path: Path) -> None:
    written = (FOLDER / "config.yaml").read_text(encoding="utf-8")
    given = {variable["name"] for variable in container("api")["env"]}
    assert set(re.findall(r"\$\{(\w+)\}", written)) == given
    env = {
        "GREENLIGHT_STORE_URL": "redis://valkey:6379/0",
        "GREENLIGHT_LINK_SECRET": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I=",
        "RUNWAYML_API_SECRET": "r",
    }
    settings = loaded(FOLDER / "config.yaml", tmp_path, env)
    grace_s = pod("api")["spec"]["terminationGracePeriodSeconds"]
    (pause_s,) = re.findall(r"sleep\((\d+)\)", str(container("api")["lifecycle"]))
    assert int(pause_s) + settings.server.stop_within_s < grace_s
    ports = {port["name"]: port["containerPort"] for port in container("api")["ports"]}
    assert {
        "http": settings.server.listen.port,
        "admin": settings.server.admin_listen.port,
    } == ports
    assert settings.snapshot.providers[ProviderName("runway")].is_configured


@pytest.mark.parametrize("role", DEPLOYMENTS)
def test_a_pod_is_not_root_and_can_write_nothing_but_its_scratch_space(role: str) -> None:
    spec = pod(role)["spec"]
    assert spec["securityContext"]["runAsNonRoot"]
    security = container(role)["securityContext"]
    assert security["readOnlyRootFilesystem"]
    assert not security["allowPrivilegeEscalation"]
    assert ["ALL"] == security["capabilities"]["drop"]
    assert ["serve", "--role", role] == container(role)["args"][:3]


def test_without_the_store_callers_still_reach_the_api() -> None:
    """`docs/limits.md` promises answers then; /readyz is red in every pod at once."""
    assert "/livez" == container("api")["readinessProbe"]["httpGet"]["path"]
    assert "/readyz" == container("worker")["readinessProbe"]["httpGet"]["path"]


def test_what_selects_pods_finds_them() -> None:
    services = documents(FOLDER / "services.yaml")
    budgets = documents(FOLDER / "disruption.yaml")
    selectors = [service["spec"]["selector"] for service in services]
    selectors += [budget["spec"]["selector"]["matchLabels"] for budget in budgets]
    selectors.append(document(FOLDER / "network.yaml")["spec"]["podSelector"]["matchLabels"])
    labels = [pod(role)["metadata"]["labels"] for role in DEPLOYMENTS]
    for selector in selectors:
        assert any(selector.items() <= found.items() for found in labels), selector
    scaled = document(FOLDER / "scaling.yaml")["spec"]["scaleTargetRef"]
    assert document(FOLDER / "api.yaml")["metadata"]["name"] == scaled["name"]
