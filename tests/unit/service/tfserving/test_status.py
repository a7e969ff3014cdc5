"""Status and metadata: exactly what TensorFlow Serving prints, and its 400 and 404."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.service.site import Site
from tests.unit.service.tfserving.conftest import REFUSED

STATUS = """{{
 "model_version_status": [
  {{
   "version": "{}",
   "state": "{}",
   "status": {{
    "error_code": "{}",
    "error_message": "{}"
   }}
  }}
 ]
}}
"""
METADATA = """{
"model_spec":{
 "name": "letters",
 "signature_name": "",
 "version": "7"
}
,
"metadata": {"signature_def": {
 "signature_def": {
  "serving_default": {
   "inputs": {
    "images": {
     "dtype": "DT_UINT8",
     "tensor_shape": {
      "dim": [
       {
        "size": "-1",
        "name": ""
       },
       {
        "size": "28",
        "name": ""
       },
       {
        "size": "28",
        "name": ""
       },
       {
        "size": "1",
        "name": ""
       }
      ],
      "unknown_rank": false
     },
     "name": "images:0"
    }
   },
   "outputs": {
    "probabilities": {
     "dtype": "DT_FLOAT",
     "tensor_shape": {
      "dim": [
       {
        "size": "-1",
        "name": ""
       },
       {
        "size": "10",
        "name": ""
       }
      ],
      "unknown_rank": false
     },
     "name": "probabilities:0"
    }
   },
   "method_name": "tensorflow/serving/predict"
  },
  "texts": {
   "inputs": {
    "texts": {
     "dtype": "DT_STRING",
     "tensor_shape": {
      "dim": [
       {
        "size": "-1",
        "name": ""
       }
      ],
      "unknown_rank": false
     },
     "name": "texts:0"
    }
   },
   "outputs": {
    "lengths": {
     "dtype": "DT_INT32",
     "tensor_shape": {
      "dim": [],
      "unknown_rank": true
     },
     "name": "l:0"
    }
   },
   "method_name": "tensorflow/serving/predict"
  }
 }
}
}
}
"""


@pytest.fixture(params=["flask", "lane"])
def get(request: pytest.FixtureRequest, site: Site) -> Any:
    """GET a path, over Flask alone or through the whole application."""
    carry = site.over_flask if request.param == "flask" else site.over_lane
    return lambda path: carry(path, method="GET")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/models/letters", ("7", "AVAILABLE", "OK", "")),
        ("/v1/models/letters/versions/7", ("7", "AVAILABLE", "OK", "")),
        ("/v1/models/cnn/versions/1", ("1", "AVAILABLE", "OK", "")),
        ("/v1/models/cnn/versions/2", ("2", "LOADING", "OK", "")),
        ("/v1/models/cnn/versions/3", ("3", "END", "FAILED_PRECONDITION", REFUSED)),
        ("/v1/models/cnn/versions/4", ("4", "UNLOADING", "OK", "")),
        ("/v1/models/cnn/labels/stable", ("1", "AVAILABLE", "OK", "")),
        ("/v1/models/cnn/labels/next", ("2", "LOADING", "OK", "")),
    ],
)
def test_the_status_of_a_version(get: Any, path: str, expected: tuple[str, ...]) -> None:
    answer = get(path)

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.body.decode() == STATUS.format(*expected)


def test_a_model_has_the_status_of_all_its_versions_newest_first(get: Any) -> None:
    found = json.loads(get("/v1/models/cnn").body)["model_version_status"]

    assert [(status["version"], status["state"]) for status in found] == [
        ("4", "UNLOADING"),
        ("3", "END"),
        ("2", "LOADING"),
        ("1", "AVAILABLE"),
    ]


@pytest.mark.parametrize("path", ["/v1/models/letters/metadata", "/v1/models/letters/versions/7/metadata"])
def test_metadata(get: Any, path: str) -> None:
    answer = get(path)

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.body.decode() == METADATA


@pytest.mark.parametrize("path", ["/v1/models/cnn/metadata", "/v1/models/cnn/labels/stable/metadata"])
def test_metadata_is_that_of_the_version_that_answers(get: Any, path: str) -> None:
    found = json.loads(get(path).body)

    assert found["model_spec"] == {"name": "cnn", "signature_name": "", "version": "1"}
    signatures = found["metadata"]["signature_def"]["signature_def"]
    assert sorted(signatures) == ["filters", "saliency", "serving_default"]
    assert signatures["filters"]["inputs"] == {}


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/v1/models/nobody", 404, "model: there is no model 'nobody'; models here: arrays, bare, cnn, letters"),
        ("GET", "/v1/models/nobody/metadata", 404, "model: there is no model 'nobody'; models here: arrays, bare, cnn, letters"),
        ("GET", "/v1/models/cnn/versions/9", 404, "Could not find version 9 of model cnn"),
        ("GET", "/v1/models/cnn/labels/x", 404, "'cnn' has no label 'x'; its labels: next, stable"),
        ("GET", "/v1/models/cnn/versions/9/metadata", 404, "version: version 9 of 'cnn' is not loaded; loaded: 4, 3, 2, 1"),
        ("GET", "/v1/models/cnn/versions/3/metadata", 404, f"version: version 3 of 'cnn' could not be loaded: {REFUSED}"),
        ("GET", "/v1/models/cnn/versions/2/metadata", 503, "version 2 of 'cnn' is being loaded"),
        ("GET", f"/v1/models/cnn/versions/{2**64}", 400, f"Failed to convert version: {2**64} to numeric."),
        ("GET", "/v1/models/cnn/versions/one", 400, "Malformed request: GET /v1/models/cnn/versions/one"),
        ("GET", "/v1/models", 400, "Missing model name in request."),
        ("GET", "/v1/models/", 400, "Missing model name in request."),
        ("GET", "/v1/foo", 400, "Malformed request: GET /v1/foo"),
        ("POST", "/v1/foo", 400, "Malformed request: POST /v1/foo"),
        ("POST", "/v1/models/foo", 400, "Malformed request: POST /v1/models/foo"),
        ("DELETE", "/v1/models/cnn", 400, "Malformed request: DELETE /v1/models/cnn"),
        ("GET", "/v1/models/cnn:predict", 400, "Malformed request: GET /v1/models/cnn:predict"),
        ("PUT", "/v1/models/cnn:predict", 400, "Malformed request: PUT /v1/models/cnn:predict"),
        ("GET", "/v1/models/cnn/version/50:predict", 400, "Malformed request: GET /v1/models/cnn/version/50:predict"),
        ("POST", "/v1/models/cnn/version/50:predict", 400, "Malformed request: POST /v1/models/cnn/version/50:predict"),
        ("POST", "/v1/models/cnn:explain", 400, "Malformed request: POST /v1/models/cnn:explain"),
        ("POST", "/v1/models/cnn/versions/one:predict", 400, "Malformed request: POST /v1/models/cnn/versions/one:predict"),
    ],
)  # fmt: skip
def test_what_there_is_not_is_refused_as_in_tensorflow_serving(
    site: Site, method: str, path: str, status: int, message: str
) -> None:
    for carry in (site.over_flask, site.over_lane):
        answer = carry(path, method=method)

        assert answer.status == status
        assert json.loads(answer.body) == {"error": message}
