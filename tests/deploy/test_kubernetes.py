"""The manifests are what Kubernetes takes, agree with the service that they run, and let nothing do more than it must."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from service import metrics, openapi, supervisor
from service.settings import Settings, load
from tests.deploy.kustomize import Resource, read_all, render
from tests.processes import ROOT
from training.settings import Settings as TrainingSettings

KUBERNETES = ROOT / "deploy" / "kubernetes"
RENDERED = ["base", "overlays/cpu", "overlays/gpu"]
OVERLAYS = RENDERED[1:]
OPERATOR = "monitoring.coreos.com/v1"
OLDEST = "1.29"
"""Kubernetes that the manifests are held to, and the newest whose schemas there are."""
VERSIONS = [OLDEST, kubernetes_validate.latest_version()]


@cache
def rendered(name: str) -> tuple[Resource, ...]:
    return tuple(render(KUBERNETES / name))


def one(name: str, kind: str, called: str = "digits") -> Any:
    (found,) = [r for r in rendered(name) if r["kind"] == kind and r["metadata"]["name"] == called]
    return found


def pods(name: str) -> dict[str, Any]:
    """The pods' specifications, by what they are for."""
    service = one(name, "Deployment")["spec"]["template"]
    training = one(name, "CronJob", "digits-training")["spec"]["jobTemplate"]["spec"]["template"]
    return {pod["metadata"]["labels"]["app.kubernetes.io/component"]: pod["spec"] for pod in (service, training)}


def settings_of(name: str) -> dict[str, str]:
    (generated,) = [r for r in rendered(name) if r["kind"] == "ConfigMap"]
    assert generated["metadata"]["name"].startswith("digits-settings-")
    (source,) = pods(name)["service"]["containers"][0]["envFrom"]
    assert source["configMapRef"]["name"] == generated["metadata"]["name"]
    data: dict[str, str] = generated["data"]
    return data


def loaded(name: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings as the service in the pod reads them."""
    for variable, value in settings_of(name).items():
        monkeypatch.setenv(variable, value)
    return load()


# --- valid


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", RENDERED)
def test_kubernetes_takes_them(name: str, version: str) -> None:
    for resource in rendered(name):
        if resource["apiVersion"] != OPERATOR:
            kubernetes_validate.validate(resource, version, strict=True)


def test_what_kubernetes_does_not_know_is_noticed() -> None:
    deployment = json.loads(json.dumps(one("base", "Deployment")))
    deployment["spec"]["template"]["spec"]["containers"][0]["readOnlyRootFileSystem"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, OLDEST, strict=True)


@pytest.mark.slow
def test_prometheus_operator_takes_its_own() -> None:
    from cloudcoil.models.prometheus_operator import v1

    models: dict[str, Any] = {"ServiceMonitor": v1.ServiceMonitor, "PrometheusRule": v1.PrometheusRule}
    ours = {r["kind"]: r for r in rendered("overlays/cpu") if r["apiVersion"] == OPERATOR}
    assert set(ours) == set(models)
    for kind, resource in ours.items():
        understood = models[kind].model_validate(resource).model_dump(mode="json", by_alias=True, exclude_unset=True)
        assert understood == resource  # a name that it does not know would be gone


def test_every_file_is_used() -> None:
    """But for what is given to others than the cluster."""
    named = {KUBERNETES / "components/autoscaling/prometheus-adapter.yaml"}
    for path in KUBERNETES.rglob("kustomization.yaml"):
        document = yaml.safe_load(path.read_text())
        named.add(path)
        entries = [*document.get("resources", []), *(patch.get("path") for patch in document.get("patches", []))]
        named |= {path.parent / entry for entry in entries if entry}
    assert set(KUBERNETES.rglob("*.yaml")) <= named


def test_the_tracing_component_goes_with_any_overlay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [str(KUBERNETES / "overlays/gpu")],
        "components": [str(KUBERNETES / "components/tracing")],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(document))
    resources = render(tmp_path)
    for resource in resources:
        if resource["apiVersion"] != OPERATOR:
            kubernetes_validate.validate(resource, OLDEST, strict=True)
    (data,) = [r["data"] for r in resources if r["kind"] == "ConfigMap"]
    assert (data["DIGITS_DEVICE"], data["DIGITS_LOG_FORMAT"]) == ("gpu", "json")
    (policy,) = [r["spec"] for r in resources if r["kind"] == "NetworkPolicy" and r["metadata"]["name"] == "digits"]
    port = int(data["OTEL_EXPORTER_OTLP_ENDPOINT"].rpartition(":")[2])
    assert port in {allowed["port"] for rule in policy["egress"] for allowed in rule["ports"]}


# --- made from elsewhere


def test_the_alerts_are_those_of_monitoring() -> None:
    """Made by `python -m deploy.kubernetes`."""
    code = "from deploy.kubernetes.prometheus_rule import as_yaml; print(as_yaml(), end='')"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    path = KUBERNETES / "components/monitoring/prometheus-rule.yaml"
    assert path.read_text() == ran.stdout
    groups = [g for rules in sorted((ROOT / "monitoring/rules").glob("*.yml")) for g in read_all(rules)[0]["groups"]]
    assert read_all(path)[0]["spec"]["groups"] == groups


def test_prometheus_calls_it_what_the_alerts_ask_for() -> None:
    """A ServiceMonitor's job is the Service's name unless it says otherwise."""
    asked = set(re.findall(r'job="([^"]+)"', (ROOT / "monitoring/rules/alerts.yml").read_text()))
    monitor = one("overlays/cpu", "ServiceMonitor")["spec"]
    assert asked == {one("overlays/cpu", "Service")["metadata"]["name"]}
    assert "jobLabel" not in monitor
    own = set().union(*(metric._labelnames for metric in exported()))
    clashing = own & {"namespace", "pod", "container", "service", "endpoint", "job", "instance"}
    (endpoint,) = monitor["endpoints"]
    dropped = {relabeling["regex"] for relabeling in endpoint["relabelings"] if relabeling["action"] == "labeldrop"}
    assert clashing == dropped
    assert endpoint["interval"] == read_all(ROOT / "monitoring/prometheus.yml")[0]["global"]["scrape_interval"]


@pytest.mark.parametrize(("name", "files"), [("cpu", [""]), ("gpu", ["", ".gpu"])])
def test_images_are_called_as_compose_builds_them(name: str, files: list[str]) -> None:
    built: dict[str, str] = {}
    for file in files:
        for called, service in read_all(ROOT / f"docker-compose{file}.yml")[0]["services"].items():
            if "image" in service:
                built[called] = re.sub(r"\$\{DIGITS_TAG:-(\w+)\}", r"\1", service["image"])
    images = {component: pod["containers"][0]["image"] for component, pod in pods(f"overlays/{name}").items()}
    assert images == {component: built[component] for component in ("service", "training")}


# --- they agree with the service


@pytest.mark.parametrize("name", RENDERED)
def test_every_setting_is_one_and_fits(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {f"DIGITS_{field.upper()}" for field in Settings.model_fields}
    assert set(settings_of(name)) <= known
    found = loaded(name, monkeypatch)
    mounted = {mount["mountPath"]: mount for mount in pods(name)["service"]["containers"][0]["volumeMounts"]}
    assert mounted[str(found.models_dir)]["readOnly"]
    assert str(found.run_path) not in mounted  # a volume belongs to root, and it takes a directory of its own only
    assert str(found.run_path.parent) in mounted
    trains = {f"DIGITS_{field.upper()}" for field in TrainingSettings.model_fields}
    (container,) = pods(name)["training"]["containers"]
    assert {variable["name"] for variable in container["env"]} <= trains


@pytest.mark.parametrize("name", RENDERED)
def test_a_pod_may_take_as_long_to_end_as_the_service_does(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = loaded(name, monkeypatch)
    longest_seconds = (
        found.notice_seconds
        + found.drain_seconds
        + supervisor.HTTP_STOP_GRACE_SECONDS
        + found.engines * supervisor.ENGINE_STOP_SECONDS
    )
    assert pods(name)["service"]["terminationGracePeriodSeconds"] >= longest_seconds
    # Endpoints and proxies hear of it after some seconds; so long requests have to be taken.
    assert found.notice_seconds >= 5


@pytest.mark.parametrize("name", RENDERED)
def test_probes_ask_what_there_is_at_the_port_that_is_listened_at(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = openapi.document()["paths"]
    (container,) = pods(name)["service"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert set(ports.values()) == {loaded(name, monkeypatch).port}
    probes = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
    assert {kind: probe["path"] for kind, probe in probes.items()} == {
        "startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz",
    }  # fmt: skip
    assert all(probe["path"] in paths and probe["port"] in ports for probe in probes.values())
    (port,) = one(name, "Service")["spec"]["ports"]
    assert port["targetPort"] in ports
    for rule in one(name, "NetworkPolicy")["spec"]["ingress"]:
        assert all(allowed["port"] in ports for allowed in rule["ports"])
    for monitor in (r for r in rendered(name) if r["kind"] == "ServiceMonitor"):
        assert all(
            endpoint["port"] == port["name"] and endpoint["path"] in paths for endpoint in monitor["spec"]["endpoints"]
        )


def exported() -> list[MetricWrapperBase]:
    return [found for found in vars(metrics).values() if isinstance(found, MetricWrapperBase)]


@pytest.mark.parametrize("name", OVERLAYS)
def test_replicas_follow_a_metric_that_the_service_and_the_adapter_have(name: str) -> None:
    autoscaler = one(name, "HorizontalPodAutoscaler")["spec"]
    (metric,) = [found["pods"]["metric"]["name"] for found in autoscaler["metrics"]]
    adapter = yaml.safe_load((KUBERNETES / "components/autoscaling/prometheus-adapter.yaml").read_text())
    (rule,) = adapter["rules"]["custom"]
    assert rule["name"]["as"] == metric
    assert rule["seriesQuery"].partition("{")[0] in {found._name for found in exported() if found._type == "gauge"}
    assert {"<<.Series>>", "<<.LabelMatchers>>", "<<.GroupBy>>"} <= set(re.findall(r"<<[^>]+>>", rule["metricsQuery"]))
    deployment = one(name, "Deployment")
    assert autoscaler["scaleTargetRef"] == {
        "apiVersion": deployment["apiVersion"], "kind": "Deployment", "name": deployment["metadata"]["name"],
    }  # fmt: skip
    assert "replicas" not in deployment["spec"]  # or each apply would undo what it has done
    assert autoscaler["minReplicas"] >= 2


@pytest.mark.parametrize("name", RENDERED)
def test_selectors_find_the_service_s_pods_and_no_others(name: str) -> None:
    labels = one(name, "Deployment")["spec"]["template"]["metadata"]["labels"]
    training = one(name, "CronJob", "digits-training")["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
    policies = {
        called: one(name, "NetworkPolicy", called)["spec"]["podSelector"] for called in ("digits", "digits-training")
    }
    selectors = [
        one(name, "Deployment")["spec"]["selector"]["matchLabels"],
        one(name, "Service")["spec"]["selector"],
        one(name, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        policies["digits"]["matchLabels"],
        *(
            spread["labelSelector"]["matchLabels"]
            for spread in one(name, "Deployment")["spec"]["template"]["spec"]["topologySpreadConstraints"]
        ),
    ]
    for selector in selectors:
        assert selector.items() <= labels.items()
        assert not selector.items() <= training.items()
    assert policies["digits-training"]["matchLabels"].items() <= training.items()
    for monitor in (r for r in rendered(name) if r["kind"] == "ServiceMonitor"):
        assert monitor["spec"]["selector"]["matchLabels"].items() <= one(name, "Service")["metadata"]["labels"].items()


# --- and are confined


@pytest.mark.parametrize("name", RENDERED)
@pytest.mark.parametrize("component", ["service", "training"])
def test_a_pod_has_no_rights_that_it_does_not_need(name: str, component: str) -> None:
    """Pod Security Standards, `restricted`, and a root file system that cannot be written."""
    pod = pods(name)[component]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert container["resources"]["requests"].keys() >= {"cpu", "memory"}
    assert "memory" in container["resources"]["limits"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert set(volumes) == {mount["name"] for mount in container["volumeMounts"]}
    assert all(volume.keys() & {"emptyDir", "persistentVolumeClaim"} for volume in volumes.values())
    assert all("sizeLimit" in volume["emptyDir"] for volume in volumes.values() if "emptyDir" in volume)


def test_only_training_writes_models() -> None:
    claim = one("base", "PersistentVolumeClaim", "digits-models")
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    writes = {
        component: not mount.get("readOnly", False)
        for component, pod in pods("base").items()
        for mount in pod["containers"][0]["volumeMounts"]
        if mount["name"] == "models"
    }
    assert writes == {"service": False, "training": True}
    for pod in pods("base").values():
        (volume,) = [volume for volume in pod["volumes"] if volume["name"] == "models"]
        assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]


def test_the_service_asks_nobody_unless_it_is_told_to() -> None:
    policy = one("base", "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["egress"] == []


def test_a_gpu_is_asked_for_where_one_is_insisted_on() -> None:
    limits = {name: pods(name)["service"]["containers"][0]["resources"]["limits"] for name in RENDERED}
    insists = {name: settings_of(name).get("DIGITS_DEVICE") == "gpu" for name in RENDERED}
    assert {name: "nvidia.com/gpu" in limit for name, limit in limits.items()} == insists
    assert insists == {"base": False, "overlays/cpu": False, "overlays/gpu": True}
