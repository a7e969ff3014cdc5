from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from service import settings as module
from service.cores import cores
from service.settings import PREFIX, Settings, SettingsError, load

NAMES = list(Settings.model_fields)
DEFAULTS = {name: field.default for name, field in Settings.model_fields.items()}


def test_every_setting_says_what_it_is_for() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description[0].isupper() or field.description[0] == "`", name
        assert field.description.endswith("."), name


def test_every_default_fits() -> None:
    assert load().model_dump() == DEFAULTS
    assert load(**DEFAULTS).model_dump() == DEFAULTS


# A value for each, other than its default.
OTHERS = {
    "host": "0.0.0.0",
    "port": "9000",
    "workers": "3",
    "threads": "2",
    "heavy_threads": "3",
    "models_dir": "/srv/models",
    "default_model": "mlp",
    "version_policy": "latest:2",
    "models_poll_seconds": "0.5",
    "canary_share": "0.05",
    "shadow_share": "0.5",
    "device": "gpu",
    "gpu_memory_mb": "512",
    "xla": "True",
    "litert": "False",
    "engine_threads": "5",
    "max_batch_size": "64",
    "batch_sizes": "1,8,64",
    "engines": "2",
    "engine_index": "1",
    "engine_endpoint": "tcp://10.0.0.1:7000",
    "engine_heartbeat_seconds": "0.5",
    "engine_timeout_seconds": "3.5",
    "engine_start_seconds": "30.0",
    "restart_backoff_seconds": "0.25",
    "restart_backoff_limit_seconds": "7.0",
    "max_body_bytes": "4096",
    "max_pixels": "1000",
    "max_pictures": "100",
    "concurrency": "64",
    "queue_limit": "200",
    "run_limit": "4",
    "deadline_seconds": "1.5",
    "deadline_limit_seconds": "5.0",
    "drain_seconds": "4.0",
    "drain_notice_seconds": "0.5",
    "api_keys_file": "/etc/digits/keys.toml",
    "cors_origins": "https://forms.example",
    "run_dir": "/run/digits",
    "log_format": "json",
    "log_level": "debug",
    "access_log_per_second": "0",
    "log_slow_seconds": "0.25",
}


def test_the_table_above_is_complete() -> None:
    assert set(OTHERS) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"{PREFIX}{name.upper()}", OTHERS[name])
    if name == "queue_limit":
        monkeypatch.setenv(f"{PREFIX}MAX_PICTURES", "1")
    if name == "engine_index":
        monkeypatch.setenv(f"{PREFIX}ENGINES", "2")
    read = getattr(load(), name)
    assert str(read) == OTHERS[name]
    assert read != DEFAULTS[name]


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_variable_is_an_absent_one(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"{PREFIX}{name.upper()}", "")
    assert load().model_dump() == DEFAULTS


BAD = [
    ("port", "many"),
    ("port", "70000"),
    ("port", "-1"),
    ("workers", "-1"),
    ("workers", "2.5"),
    ("threads", "0"),
    ("version_policy", "newest"),
    ("version_policy", "latest:0"),
    ("version_policy", "latest:1 "),
    ("version_policy", "specific:"),
    ("version_policy", "specific:1,0"),
    ("models_poll_seconds", "0"),
    ("canary_share", "1.5"),
    ("shadow_share", "-0.1"),
    ("batch_sizes", "8,"),
    ("batch_sizes", "0"),
    ("engines", "0"),
    ("engine_index", "-1"),
    ("engine_endpoint", "tcp://10.0.0.1:7000,"),
    ("run_limit", "0"),
    ("deadline_limit_seconds", "0"),
    ("drain_notice_seconds", "-1"),
    ("device", "tpu"),
    ("gpu_memory_mb", "-1"),
    ("max_batch_size", "0"),
    ("engine_endpoint", "localhost:7000"),
    ("engine_endpoint", "tcp://"),
    ("engine_endpoint", "tcp://10.0.0.1"),
    ("engine_endpoint", "ipc:///tmp/engine.sock,tcp://10.0.0.1:http"),
    ("engine_heartbeat_seconds", "0"),
    ("engine_timeout_seconds", "soon"),
    ("deadline_seconds", "-1"),
    ("drain_seconds", "nan"),
    ("max_body_bytes", "1"),
    ("max_pixels", "0"),
    ("concurrency", "0"),
    ("queue_limit", "0"),
    ("log_format", "xml"),
    ("log_level", "loud"),
    ("access_log_per_second", "-1"),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_value_names_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"{PREFIX}{name.upper()}", value)
    with pytest.raises(SettingsError) as refused:
        load()
    assert f"{PREFIX}{name.upper()}: " in str(refused.value)
    assert repr(value) in str(refused.value)


def test_all_bad_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGITS_PORT", "x")
    monkeypatch.setenv("DIGITS_DEVICE", "y")
    with pytest.raises(SettingsError, match=r"DIGITS_PORT: .*; DIGITS_DEVICE: "):
        load()


def test_values_that_do_not_fit_together_name_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGITS_MAX_PICTURES", "11")
    monkeypatch.setenv("DIGITS_QUEUE_LIMIT", "10")
    with pytest.raises(SettingsError, match=r"DIGITS_MAX_PICTURES \(11\) may not exceed DIGITS_QUEUE_LIMIT \(10\)"):
        load()


@pytest.mark.parametrize(("length", "fits"), [(107, True), (108, False)])
def test_a_socket_path_may_be_so_long_and_no_longer(length: int, fits: bool) -> None:
    run_dir = Path("/" + "d" * (length - len("/engine-0.sock") - 1))
    if fits:
        assert len(load(run_dir=run_dir).endpoint) == length + len("ipc://")
    else:
        with pytest.raises(SettingsError, match=r"than the 107 bytes .* DIGITS_RUN_DIR"):
            load(run_dir=run_dir)
        assert load(run_dir=run_dir, engine_endpoint="tcp://10.0.0.1:7000").run_path == run_dir


def test_several_engines_have_an_address_each(tmp_path: Path) -> None:
    two = load(run_dir=tmp_path, engines=2, engine_index=1)
    assert two.endpoints == tuple(f"ipc://{tmp_path}/engine-{index}.sock" for index in (0, 1))
    assert two.endpoint == two.endpoints[1]
    far = load(engines=2, engine_endpoint="tcp://10.0.0.1:7000,tcp://10.0.0.2:7000")
    assert far.endpoints == ("tcp://10.0.0.1:7000", "tcp://10.0.0.2:7000")
    with pytest.raises(SettingsError, match="names 1 addresses for DIGITS_ENGINES=2"):
        load(engines=2, engine_endpoint="tcp://10.0.0.1:7000")
    with pytest.raises(SettingsError, match=r"DIGITS_ENGINE_INDEX \(2\) must be below DIGITS_ENGINES \(2\)"):
        load(engines=2, engine_index=2)


@pytest.mark.parametrize("policy", ["all", "latest:3", "specific:4", "specific:1,12"])
def test_policies(policy: str) -> None:
    assert load(version_policy=policy).version_policy == policy


@pytest.mark.parametrize("command", ["service", "service.engine"])
def test_a_bad_value_stops_the_start_with_its_name(command: str, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", command],
        env={**os.environ, "DIGITS_PORT": "many", "DIGITS_RUN_DIR": str(tmp_path / "run")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert re.fullmatch(r"digits: DIGITS_PORT: .*\n", ran.stderr)
    assert not (tmp_path / "run").exists()


def test_other_variables_are_none_of_its_business(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGITS_SOMETHING_ELSE", "1")
    monkeypatch.setenv("PORT", "1")
    assert load().model_dump() == DEFAULTS


def test_overrides_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGITS_PORT", "1")
    assert load(port=2).port == 2


def test_once_read_they_stay() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().port = 1  # type: ignore[misc]  # that it is refused at run time too is the point


def test_two_services_on_two_ports_meet_in_two_directories() -> None:
    one, other = load(port=1), load(port=2)
    assert one.run_path != other.run_path
    assert one.run_path == load(port=1).run_path
    assert one.run_path.parent == Path(tempfile.gettempdir())
    assert one.metrics_path.parent == one.run_path
    assert one.endpoint.startswith(f"ipc://{one.run_path}/")


def test_a_given_directory_and_endpoint_are_taken(tmp_path: Path) -> None:
    given = load(run_dir=tmp_path)
    assert (given.run_path, given.endpoint) == (tmp_path, f"ipc://{tmp_path}/engine-0.sock")
    assert load(engine_endpoint="tcp://10.0.0.1:7000", run_dir=tmp_path).endpoint == "tcp://10.0.0.1:7000"


def test_zero_takes_what_the_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load().engine_thread_count == cores() >= 1
    assert load(engine_threads=3).engine_thread_count == 3
    assert load(workers=3).worker_count == 3
    for found, workers in ((1, 1), (2, 1), (3, 1), (8, 4)):
        monkeypatch.setattr(module, "cores", lambda found=found: found)
        assert load().worker_count == workers
    # cores() is 8 here
    assert load().heavy_thread_count == 1
    assert load(workers=1).heavy_thread_count == 4
    assert load(workers=1, heavy_threads=2).heavy_thread_count == 2


def test_a_child_sees_the_same_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DIGITS_THREADS", "5")
    monkeypatch.setenv("HOME_OF_SOMETHING", "kept")
    parent = load(port=1234, run_dir=tmp_path, max_pixels=77, deadline_seconds=0.125, default_model="mlp")
    environment = parent.environment()
    assert environment["HOME_OF_SOMETHING"] == "kept"
    assert environment["PROMETHEUS_MULTIPROC_DIR"] == str(parent.metrics_path)
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert load() == parent


def test_a_childs_environment_holds_no_defaults() -> None:
    assert not [name for name in load().environment() if name.startswith(PREFIX)]


def test_metrics_are_shared_where_there_is_a_place_to_share_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR")
    settings = load(run_dir=tmp_path)
    module.share_metrics(settings)
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
    settings.metrics_path.mkdir()
    module.share_metrics(settings)
    assert os.environ["PROMETHEUS_MULTIPROC_DIR"] == str(settings.metrics_path)


def test_children_keep_freed_memory_unless_a_user_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)
    assert load().environment()["MALLOC_TRIM_THRESHOLD_"] == str(64 << 20)
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "131072")
    assert load().environment()["MALLOC_TRIM_THRESHOLD_"] == "131072"


def test_a_users_own_word_to_tensorflow_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    module.prepare_tensorflow()
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL")
    module.prepare_tensorflow()
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "3"


@pytest.mark.parametrize(
    ("flags", "kernels"), [({"avx2"}, "0"), ({"avx2", "avx512f"}, None), ({"sse4_2"}, None), (set(), None)]
)
def test_kernels_for_the_processor(monkeypatch: pytest.MonkeyPatch, flags: set[str], kernels: str | None) -> None:
    monkeypatch.setattr(module, "features", lambda: frozenset(flags))
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "")  # so that what was there comes back
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS")
    module.prepare_tensorflow()
    assert os.environ.get("TF_ENABLE_ONEDNN_OPTS") == kernels
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
    module.prepare_tensorflow()
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "1"
