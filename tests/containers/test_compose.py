"""The compose files agree with the images, the settings and the configuration of Prometheus and Grafana."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.settings import Settings
from service.supervisor import ENGINE_STOP_SECONDS, HTTP_STOP_GRACE_SECONDS
from tests.containers import dockerfile
from tests.containers.compose_file import (
    GPU,
    MAIN,
    PASSWORD,
    ROOT,
    is_writable,
    mounts,
    read,
    seconds,
    temporary,
    variables,
)
from tests.containers.engine import compose_programs

DOCUMENT = read(MAIN)
SERVICES: dict[str, dict[str, Any]] = DOCUMENT["services"]
STAGES = dockerfile.read()[1]
NAMES = sorted(SERVICES)
CONFIGURED = "/etc/prometheus"


def test_there_are_these_and_training_waits_to_be_asked_for() -> None:
    assert NAMES == ["grafana", "prometheus", "service", "training"]
    assert [name for name in NAMES if "profiles" in SERVICES[name]] == ["training"]
    assert {name: SERVICES[name]["restart"] for name in NAMES} == {
        "grafana": "unless-stopped",
        "prometheus": "unless-stopped",
        "service": "unless-stopped",
        "training": "no",
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_container_is_confined_and_limited(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True
    assert service["pids_limit"] > 0
    assert float(service["cpus"]) > 0
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert service["logging"]["options"]["max-size"]
    assert not {"privileged", "network_mode", "pid", "ipc", "cap_add", "devices"} & set(service)


@pytest.mark.parametrize("name", [name for name in NAMES if "build" not in SERVICES[name]])
def test_images_of_others_are_pinned(name: str) -> None:
    assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", SERVICES[name]["image"])


@pytest.mark.parametrize("name", ["service", "training"])
def test_images_of_ours_are_built_from_the_dockerfile(name: str) -> None:
    build = SERVICES[name]["build"]
    assert build["target"] == name
    assert build["context"] == "."
    declared = set(dockerfile.read()[0]) | {key for stage in STAGES.values() for key in stage.arguments()}
    assert set(build["args"]) <= declared
    assert build["args"]["BASE_IMAGE"] == dockerfile.read()[0]["BASE_IMAGE"]


@pytest.mark.parametrize("name", ["service", "training"])
def test_a_read_only_container_can_write_where_it_has_to(name: str) -> None:
    environment = STAGES[name].environment()
    assert environment["HOME"] == "/tmp"
    assert "/tmp" in temporary(SERVICES[name])
    places = [key for key in ("DIGITS_CACHE_DIR", "DIGITS_RUNS_DIR", "KERAS_HOME") if key in environment]
    assert len(places) == {"service": 0, "training": 3}[name]
    assert all(is_writable(SERVICES[name], environment[key]) for key in places)
    assert is_writable(SERVICES[name], environment["DIGITS_MODELS_DIR"]) is (name == "training")


def test_both_halves_share_the_models() -> None:
    place = STAGES["service"].environment()["DIGITS_MODELS_DIR"]
    assert mounts(SERVICES["service"])[place] == ("./models", True)
    assert mounts(SERVICES["training"])[place] == ("./models", False)
    assert SERVICES["service"]["user"] == SERVICES["training"]["user"] == STAGES["service"].one("USER")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_mounted_from_the_checkout_is_there_and_only_models_can_be_written(name: str) -> None:
    for target, (source, read_only) in mounts(SERVICES[name]).items():
        if source.startswith("./"):
            assert (ROOT / source).exists(), source
            assert read_only or (name, target) == ("training", "/models")
        else:
            assert source in DOCUMENT["volumes"]


def test_the_grace_period_is_longer_than_the_longest_stop() -> None:
    longest = Settings().drain_seconds + HTTP_STOP_GRACE_SECONDS + ENGINE_STOP_SECONDS
    assert seconds(SERVICES["service"]["stop_grace_period"]) > longest + Settings().notice_seconds


def test_ports_are_the_ones_that_are_listened_on_and_open_to_this_machine_alone() -> None:
    published = {name: SERVICES[name]["ports"] for name in NAMES if "ports" in SERVICES[name]}
    assert published == {
        "service": [f"127.0.0.1:8000:{STAGES['service'].one('EXPOSE')}"],
        "prometheus": ["127.0.0.1:9090:9090"],
        "grafana": ["127.0.0.1:3000:3000"],
    }
    assert int(STAGES["service"].one("EXPOSE")) == Settings().port
    assert STAGES["service"].environment()["DIGITS_HOST"] == "0.0.0.0"
    assert SERVICES["grafana"]["environment"]["PROMETHEUS_URL"] == "http://prometheus:9090"


def test_prometheus_finds_what_its_configuration_names() -> None:
    found = mounts(SERVICES["prometheus"])
    command = SERVICES["prometheus"]["command"]
    configuration = next(word.partition("=")[2] for word in command if word.startswith("--config.file="))
    assert configuration == f"{CONFIGURED}/prometheus.yml"
    document = yaml.safe_load((ROOT / found[configuration][0]).read_text())
    patterns = document["rule_files"] + [
        pattern
        for job in document["scrape_configs"]
        for discovery in job["file_sd_configs"]
        for pattern in discovery["files"]
    ]
    for pattern in patterns:
        directory, _, names = pattern.partition("/")
        assert list((ROOT / found[f"{CONFIGURED}/{directory}"][0]).glob(names)), pattern
    storage = next(word.partition("=")[2] for word in command if word.startswith("--storage.tsdb.path="))
    assert is_writable(SERVICES["prometheus"], storage)


def test_prometheus_asks_the_service() -> None:
    directory = ROOT / mounts(SERVICES["prometheus"])[f"{CONFIGURED}/targets"][0]
    targets = [
        target
        for path in directory.glob("*.yml")
        for group in yaml.safe_load(path.read_text())
        for target in group["targets"]
    ]
    assert targets == [f"service:{STAGES['service'].one('EXPOSE')}"]


def test_grafana_finds_its_source_and_dashboards() -> None:
    found = mounts(SERVICES["grafana"])
    provisioned = "/etc/grafana/provisioning"
    source = ROOT / found[f"{provisioned}/datasources"][0]
    urls = [item["url"] for path in source.glob("*.yml") for item in yaml.safe_load(path.read_text())["datasources"]]
    assert urls == ["$PROMETHEUS_URL"]
    providers = ROOT / found[f"{provisioned}/dashboards"][0]
    places = [
        item["options"]["path"]
        for path in providers.glob("*.yml")
        for item in yaml.safe_load(path.read_text())["providers"]
    ]
    home = Path(SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert places == [str(home.parent)]
    assert (ROOT / found[str(home.parent)][0] / home.name).exists()
    assert is_writable(SERVICES["grafana"], "/var/lib/grafana")


def test_each_waits_until_the_one_before_is_healthy() -> None:
    waits = {name: list(SERVICES[name].get("depends_on", {}).items()) for name in NAMES}
    healthy = {"condition": "service_healthy"}
    assert waits == {
        "service": [],
        "training": [],
        "prometheus": [("service", healthy)],
        "grafana": [("prometheus", healthy)],
    }
    assert SERVICES["prometheus"]["healthcheck"]["test"][:2] == ["CMD", "promtool"]
    assert STAGES["service"].all("HEALTHCHECK")


def test_what_the_service_is_told_are_settings() -> None:
    told = SERVICES["service"]["environment"] | read(GPU)["services"]["service"]["environment"]
    assert set(told) <= {f"DIGITS_{name.upper()}" for name in Settings.model_fields}
    given = {name.removeprefix("DIGITS_").lower(): value for name, value in told.items() if value}
    Settings(**given)


@pytest.mark.parametrize("path", [MAIN, GPU], ids=lambda path: path.name)
def test_no_secret_stands_in_it(path: Path) -> None:
    for name, service in read(path)["services"].items():
        for key, value in service.get("environment", {}).items():
            if re.search(r"PASSW|SECRET|TOKEN|(^|_)KEY(_|$)", key):
                assert value == PASSWORD, f"{name}: {key}"
    assert [name for name, default in variables(path).items() if default is None] == (
        ["GRAFANA_ADMIN_PASSWORD"] if path == MAIN else []
    )


def test_the_gpu_file_changes_the_service_alone() -> None:
    overlay = read(GPU)
    assert list(overlay) == ["services"]
    assert list(overlay["services"]) == ["service"]
    service = overlay["services"]["service"]
    lock = service["build"]["args"]["LOCK"]
    assert "LOCK" in STAGES["service-packages"].arguments()
    assert (ROOT / "requirements" / f"{lock}.txt").exists()
    assert service["image"] != SERVICES["service"]["image"]
    assert service["environment"]["DIGITS_DEVICE"] == "gpu"
    (device,) = service["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}


def test_every_variable_is_documented_with_its_default() -> None:
    section = (ROOT / "docs" / "containers.md").read_text().split("\n## Settings\n")[1].split("\n## ")[0]
    documented = dict(re.findall(r"^\| `(\w+)` \|(?: `([^`]*)`|[^|`]*) ?\|", section, re.MULTILINE))
    found = variables(MAIN) | {name: value for name, value in variables(GPU).items() if name not in variables(MAIN)}
    assert documented == {name: value or "" for name, value in found.items()}


@pytest.mark.slow
@pytest.mark.parametrize("files", [[MAIN], [MAIN, GPU]], ids=["cpu", "gpu"])
def test_compose_itself_takes_the_files_and_asks_for_the_password(files: list[Path]) -> None:
    programs = compose_programs()
    if not programs:
        pytest.skip("there is neither docker compose nor docker-compose")
    chosen = [word for path in files for word in ("--file", str(path))]
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    for program in programs:
        # A directory without .env: whoever runs this may have one.
        command = [*program, "--project-directory", str(ROOT / "monitoring"), *chosen, "config"]
        refused = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert refused.returncode != 0
        assert "Choose a password for Grafana" in refused.stderr
        taken = subprocess.run(
            command, env=environment | {"GRAFANA_ADMIN_PASSWORD": PASSWORD}, capture_output=True, text=True, check=False
        )
        assert taken.returncode == 0, taken.stderr
        assert set(yaml.safe_load(taken.stdout)["services"]) >= {"service", "prometheus", "grafana"}
        assert not re.search(r"warn|obsolete|deprecated", taken.stderr, re.IGNORECASE), taken.stderr
