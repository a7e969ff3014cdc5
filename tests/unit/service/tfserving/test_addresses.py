"""The paths: what they name, and what is none of them."""

from __future__ import annotations

import pytest

from service.errors import MalformedRequestError
from service.router import Wanted
from service.tfserving import addresses
from service.tfserving.addresses import Address


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/models/cnn", Address("cnn", None, None, "")),
        ("/v1/models/cnn:predict", Address("cnn", None, None, "predict")),
        ("/v1/models/cnn/versions/12:classify", Address("cnn", 12, None, "classify")),
        ("/v1/models/cnn/versions/007", Address("cnn", 7, None, "")),
        ("/v1/models/a model/labels/it's stable:regress", Address("a model", None, "it's stable", "regress")),
        (f"/v1/models/cnn/versions/{2**63 - 1}", Address("cnn", 2**63 - 1, None, "")),
    ],
)
def test_a_path_is_taken_apart(path: str, expected: Address) -> None:
    verb = "POST" if expected.method else "GET"

    assert addresses.parse(path, verb) == expected
    assert addresses.method_of(path) == expected.method
    assert expected.wanted("id") == Wanted(expected.model, expected.version, expected.label, "id")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/",
        "/v1/models/:predict",
        "/v1/models/cnn:Predict",
        "/v1/models/cnn:explain",
        "/v1/models/cnn/version/1:predict",
        "/v1/models/cnn/versions/one:predict",
        "/v1/models/cnn/versions/-1:predict",
        "/v1/models/cnn/versions/٣:predict",
        "/v1/models/cnn/versions/1/labels/x:predict",
        "/v1/models/cnn:predict/",
        "/v1/models/cnn:predict\n",
        "/v2/models/cnn:predict",
        "x/v1/models/cnn:predict",
        "",
    ],
)
def test_any_other_path_is_malformed(path: str) -> None:
    assert addresses.method_of(path) == ""
    for verb in ("POST", "GET"):
        with pytest.raises(MalformedRequestError) as error:
            addresses.parse(path, verb)

        assert error.value.message == f"Malformed request: {verb} {path}"


@pytest.mark.parametrize(("verb", "path"), [("GET", "/v1/models/cnn:predict"), ("POST", "/v1/models/cnn")])
def test_a_verb_that_does_not_fit_is_malformed(verb: str, path: str) -> None:
    with pytest.raises(MalformedRequestError) as error:
        addresses.parse(path, verb)

    assert error.value.message == f"Malformed request: {verb} {path}"


@pytest.mark.parametrize("digits", [str(2**63), "9" * 5000])
def test_a_version_beyond_64_bits_is_refused(digits: str) -> None:
    with pytest.raises(MalformedRequestError) as error:
        addresses.parse(f"/v1/models/cnn/versions/{digits}", "GET")

    assert error.value.message == f"Failed to convert version: {digits[:40]} to numeric."
