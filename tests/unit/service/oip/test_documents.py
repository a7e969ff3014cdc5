"""What can be asked about server, models and repository: request → exact response."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from service.oip import description
from service.version import __version__
from tests.unit.service.oip.conftest import VERSIONS
from tests.unit.service.site import Site
from tests.unit.service.tiny_engine import PROBED

INPUT = {"name": "images", "datatype": "UINT8", "shape": [-1, 28, 28, 1]}
CNN = {
    "name": "cnn",
    "versions": ["1", "3"],
    "platform": "tensorflow_savedmodel",
    "inputs": [INPUT],
    "outputs": [
        {"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]},
        {"name": "energy", "datatype": "FP32", "shape": [-1]},
    ],
}
CONFIGURATION = {
    "name": "cnn",
    "platform": "tensorflow_savedmodel",
    "backend": "tensorflow",
    "version_policy": {"specific": {"versions": [1]}},
    "max_batch_size": 64,
    "input": [{"name": "images", "data_type": "TYPE_UINT8", "dims": [28, 28, 1]}],
    "output": [
        {"name": "probabilities", "data_type": "TYPE_FP32", "dims": [10]},
        {"name": "energy", "data_type": "TYPE_FP32", "dims": [1], "reshape": {"shape": []}},
    ],
    "instance_group": [{"name": "cnn", "kind": "KIND_CPU", "count": 1}],
    "dynamic_batching": {"max_queue_delay_microseconds": 0, "preserve_ordering": False},
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (
            "/v2",
            {
                "name": "digits",
                "version": __version__,
                "extensions": [
                    "binary_tensor_data",
                    "classification",
                    "model_configuration",
                    "model_repository",
                    "model_repository(unload_dependents)",
                    "statistics",
                ],
            },
        ),
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        ("/v2/models/cnn", CNN),
        ("/v2/models/cnn/versions/3", {**CNN, "versions": ["3"]}),
        (
            "/v2/models/cnn?signature_name=saliency",
            {
                **CNN,
                "inputs": [INPUT, {"name": "classes", "datatype": "INT32", "shape": [-1]}],
                "outputs": [{"name": "maps", "datatype": "FP32", "shape": [-1, 28, 28]}],
            },
        ),
        ("/v2/models/cnn/ready", {"name": "cnn", "ready": True}),
        ("/v2/models/cnn/versions/1/ready", {"name": "cnn", "ready": True}),
        ("/v2/models/cnn/config", CONFIGURATION),
        ("/v2/models/cnn/versions/3/config", {**CONFIGURATION, "version_policy": {"specific": {"versions": [3]}}}),
    ],
)
def test_what_is_told(site: Site, path: str, expected: Any) -> None:
    answer = site.over_flask(path, method="GET")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert orjson.loads(answer.body) == expected


@pytest.mark.parametrize("suffix", ["", "/ready", "/config", "/stats"])
@pytest.mark.parametrize(
    ("model", "status", "message"),
    [
        ("none", 404, "model: there is no model 'none'"),
        ("broken/versions/1", 404, "version: version 1 of 'broken' could not be loaded: saved_model.pb does not have"),
        ("cnn/versions/9", 404, "version: version 9 of 'cnn' is not loaded; loaded: 3, 2, 1"),
        ("cnn/versions/x", 404, "version: 'x' is no version's number"),
        ("cnn/versions/2", 503, "version 2 of 'cnn' is being loaded"),
    ],
)
def test_versions_that_cannot_be_asked(site: Site, model: str, suffix: str, status: int, message: str) -> None:
    answer = site.over_flask(f"/v2/models/{model}{suffix}", method="GET")
    assert answer.status == status
    document = orjson.loads(answer.body)
    assert list(document) == ["error"]
    assert document["error"].startswith(message)


@pytest.mark.parametrize("path", ["/v2/models/cnn?signature_name=x", "/v2/models/short/config"])
def test_signatures_that_there_are_not(own_site: Site, path: str) -> None:
    """The model of this site has none at all."""
    answer = own_site.over_flask(path.replace("short", "cnn"), method="GET")
    assert answer.status == 400
    name = "x" if "x" in path.partition("?")[2] else "serving_default"
    assert orjson.loads(answer.body) == {
        "error": f"signature_name: cnn/1 has no signature '{name}'; its signatures: none"
    }


def test_a_service_without_an_engine_is_alive_and_not_ready(own_site: Site) -> None:
    own_site.engine.die()
    own_site.wait_until(lambda: not own_site.client.ready)
    assert own_site.over_flask("/v2/health/live", method="GET").status == 200
    for path in ("/v2/health/ready", "/v2/models/cnn/ready"):
        answer = own_site.over_flask(path, method="GET")
        assert (answer.status, orjson.loads(answer.body)) == (503, {"error": "the engine is not ready"})
        assert answer.headers["retry-after"] == "2"


def test_a_service_that_drains_is_not_ready(own_site: Site, tmp_path: Path) -> None:
    own_site.settings.draining_path.touch()
    answer = own_site.over_flask("/v2/health/ready", method="GET")
    assert (answer.status, orjson.loads(answer.body)) == (503, {"error": "the service is stopping"})


# --- the repository


def entry(name: str, version: int, state: str, reason: str = "") -> dict[str, str]:
    return {"name": name, "version": str(version), "state": state, "reason": reason}


INDEX = [
    entry("arrays", 1, "READY"),
    entry("broken", 1, "UNAVAILABLE", "saved_model.pb does not have the SHA-256 that its card states"),
    entry("cnn", 1, "READY"),
    entry("cnn", 2, "LOADING"),
    entry("cnn", 3, "READY"),
    entry("coming", 1, "LOADING"),
    entry("going", 1, "UNLOADING"),
    entry("letters", 1, "READY"),
]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", INDEX),
        (b"{}", INDEX),
        (b'{"ready": false}', INDEX),
        (b'{"ready": true, "repository_name": "any"}', [item for item in INDEX if item["state"] == "READY"]),
    ],
)
def test_the_index(site: Site, body: bytes, expected: Any) -> None:
    answer = site.over_flask("/v2/repository/index", body)
    assert (answer.status, orjson.loads(answer.body)) == (200, expected)


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"ready": 1}', b"\xff", b"[" * 9999])
def test_no_index_request(site: Site, body: bytes) -> None:
    answer = site.over_flask("/v2/repository/index", body)
    assert answer.status == 400
    assert orjson.loads(answer.body)["error"].startswith("body: no such request: ")


@pytest.mark.parametrize("body", [b"", b"{}", b'{"parameters": {"unload_dependents": false}}'])
def test_a_model_is_unloaded_and_loaded(own_site: Site, body: bytes) -> None:
    own_site.engine.serve(PROBED, push=True)

    def state() -> str:
        found: str = orjson.loads(own_site.over_flask("/v2/repository/index", b"").body)[0]["state"]
        return found

    answer = own_site.over_flask("/v2/repository/models/cnn/unload", body)
    assert (answer.status, orjson.loads(answer.body)) == (200, {})
    assert state() == "UNAVAILABLE"
    assert own_site.over_flask("/v2/models/cnn/ready", method="GET").status == 404
    answer = own_site.over_flask("/v2/repository/models/cnn/load", b"")
    assert (answer.status, orjson.loads(answer.body)) == (200, {})
    assert state() == "READY"
    assert [(message.action, message.model) for message in own_site.engine.controlled] == [
        ("unload", "cnn"),
        ("load", "cnn"),
    ]


@pytest.mark.parametrize(
    ("action", "body", "message"),
    [
        ("load", b"{", "body: no such request: "),
        ("load", b'{"parameters": []}', "body: no such request: "),
        ("load", b'{"parameters": {"config": "{}"}}', "parameters.config: is not supported"),
        ("load", b'{"parameters": {"unload_dependents": true}}', "parameters.unload_dependents: is not supported"),
        ("unload", b'{"parameters": {"unload_dependents": 1}}', "parameters.unload_dependents: must be true or false"),
        ("unload", b'{"parameters": {"file:1/model": "x"}}', "parameters.file:1/model: is not supported"),
    ],
)
def test_no_control_request(site: Site, action: str, body: bytes, message: str) -> None:
    answer = site.over_flask(f"/v2/repository/models/cnn/{action}", body)
    assert answer.status == 400
    assert orjson.loads(answer.body)["error"].startswith(message)
    assert not site.engine.controlled


@pytest.mark.parametrize(
    ("reason", "status"), [("unknown_model", 404), ("load_failed", 400), ("not_ready", 503), ("internal_error", 500)]
)
def test_a_control_that_fails(own_site: Site, reason: str, status: int) -> None:
    own_site.engine.refusal = (reason, "because")
    answer = own_site.over_flask("/v2/repository/models/cnn/load", b"")
    assert (answer.status, orjson.loads(answer.body)) == (status, {"error": "because"})


def test_only_this_machine_administers_without_keys(site: Site) -> None:
    with site.flask.test_client() as http:
        answer = http.post("/v2/repository/models/cnn/unload", environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert answer.status_code == 403
    assert not site.engine.controlled
    assert site.client.catalogue.versions == VERSIONS


def test_the_description_is_of_these_routes(site: Site) -> None:
    routes = {
        (re.sub(r"<(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in site.flask.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/v2")
    }
    assert routes == {(path, method) for path, methods in description.paths().items() for method in methods}
