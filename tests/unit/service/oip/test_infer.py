"""Inference over HTTP, by both carriers: request → exact response."""

from __future__ import annotations

import base64
import struct
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import orjson
import pytest

from service.catalogue import ModelVersion
from service.endpoint import Call as EndpointCall
from service.errors import UnknownVersionError
from tests.unit.service import bodies
from tests.unit.service.oip.conftest import OFFERS, VERSIONS
from tests.unit.service.oip.requests import LENGTH, Json, binary, blob, pictures, plain, tensor, unpacked
from tests.unit.service.site import Answer, Site
from tests.unit.service.tiny_engine import CNN, PROBED, classify, filters, saliency

CNN_URL = "/v2/models/cnn/infer"
DIGITS = np.stack([bodies.digit(seed) for seed in range(3)])
IMAGES = DIGITS[..., np.newaxis]
PROBABILITIES, ENERGY = classify(IMAGES)


def ask(site: Site, body: bytes, url: str = CNN_URL, **headers: str) -> Answer:
    """The answer, which both carriers have to give byte for byte."""
    by_lane = site.over_lane(url, body, x_request_id="the-same", **headers)
    by_flask = site.over_flask(url, body, x_request_id="the-same", **headers)
    assert by_lane == by_flask
    return by_lane


def read(site: Site, body: bytes, url: str = CNN_URL, **headers: str) -> tuple[Json, dict[str, bytes]]:
    answer = ask(site, body, url, **headers)
    assert answer.status == 200, answer.body
    return unpacked(answer.body, answer.headers)


def numbers(values: npt.NDArray[Any]) -> list[float]:
    """As they are in JSON: the shortest decimal that is this float32."""
    found: list[float] = orjson.loads(orjson.dumps(values.ravel(), option=orjson.OPT_SERIALIZE_NUMPY))
    return found


BOTH = [
    {"name": "probabilities", "datatype": "FP32", "shape": [3, 10], "data": numbers(PROBABILITIES)},
    {"name": "energy", "datatype": "FP32", "shape": [3], "data": numbers(ENERGY)},
]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"outputs": BOTH}),
        ({"id": "42"}, {"id": "42", "outputs": BOTH}),
        ({"outputs": [{"name": "energy"}]}, {"outputs": BOTH[1:]}),
        ({"outputs": [{"name": "energy"}, {"name": "probabilities"}]}, {"outputs": BOTH[::-1]}),
        ({"outputs": []}, {"outputs": BOTH}),
        ({"parameters": {"signature_name": "serving_default", "sequence_id": 3, "own": "x"}}, {"outputs": BOTH}),
        ({"parameters": {"label": "stable"}}, {"outputs": BOTH}),
        ({"parameters": {"label": "next"}}, {"model_version": "3", "outputs": BOTH}),
    ],
)
def test_a_request_in_json(site: Site, fields: Json, expected: Json) -> None:
    answer = ask(site, plain(pictures(DIGITS), **fields))
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert LENGTH not in answer.headers
    assert orjson.loads(answer.body) == {"model_name": "cnn", "model_version": "1", **expected}


@pytest.mark.parametrize(
    ("url", "version"), [("/v2/models/cnn/versions/1/infer", "1"), ("/v2/models/cnn/versions/3/infer", "3")]
)
def test_a_version_by_its_number(site: Site, url: str, version: str) -> None:
    assert read(site, plain(pictures(DIGITS)), url)[0]["model_version"] == version


@pytest.mark.parametrize("datatype", ["UINT8", "INT32", "INT64", "FP32", "FP16"])
def test_binary_both_ways(site: Site, datatype: str) -> None:
    dtype = {"UINT8": "u1", "INT32": "<i4", "INT64": "<i8", "FP32": "<f4", "FP16": "<f2"}[datatype]
    data = IMAGES.astype(dtype).tobytes()
    body, headers = binary(
        data, blob("images", datatype, IMAGES.shape, len(data)), parameters={"binary_data_output": True}
    )
    answer = ask(site, body, **headers)
    document, blobs = unpacked(answer.body, answer.headers)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert document["outputs"] == [
        {"name": "probabilities", "datatype": "FP32", "shape": [3, 10], "parameters": {"binary_data_size": 120}},
        {"name": "energy", "datatype": "FP32", "shape": [3], "parameters": {"binary_data_size": 12}},
    ]
    assert blobs == {"probabilities": PROBABILITIES.tobytes(), "energy": ENERGY.tobytes()}


def test_some_outputs_in_binary(site: Site) -> None:
    outputs = [{"name": "probabilities"}, {"name": "energy", "parameters": {"binary_data": True}}]
    document, blobs = read(site, plain(pictures(DIGITS), outputs=outputs))
    assert document["outputs"][0] == BOTH[0]
    assert blobs == {"energy": ENERGY.tobytes()}


def test_a_body_of_nothing_but_pictures(site: Site) -> None:
    document, blobs = read(site, IMAGES.tobytes(), **{LENGTH: "0"})
    assert [output["shape"] for output in document["outputs"]] == [[3, 10], [3]]
    assert blobs["probabilities"] == PROBABILITIES.tobytes()


@pytest.mark.parametrize("form", ["json", "binary"])
def test_encoded_pictures(site: Site, form: str) -> None:
    files = [bodies.png(digit) for digit in DIGITS]
    if form == "json":
        body = plain(tensor("images", "BYTES", [3], [base64.b64encode(file).decode() for file in files]))
        document, _ = read(site, body)
    else:
        data = b"".join(struct.pack("<I", len(file)) + file for file in files)
        body, headers = binary(data, blob("images", "BYTES", [3, 1], len(data)))
        document, _ = read(site, body, **headers)
    assert document["outputs"] == BOTH


@pytest.mark.parametrize(("model", "names"), [("cnn", [*"0123456789"]), ("letters", [*"abcdefghij"])])
def test_classification(site: Site, model: str, names: list[str]) -> None:
    outputs = [{"name": "probabilities", "parameters": {"classification": 2}}]
    document, _ = read(site, plain(pictures(DIGITS), outputs=outputs), f"/v2/models/{model}/infer")
    best = np.argsort(-PROBABILITIES, axis=1)[:, :2]
    texts = [f"{PROBABILITIES[i, k]:f}:{k}:{names[k]}" for i, row in enumerate(best) for k in row]
    assert document["outputs"] == [{"name": "probabilities", "datatype": "BYTES", "shape": [3, 2], "data": texts}]


def test_another_signature_with_two_inputs(site: Site) -> None:
    classes = np.array([7, 0, 2], np.int32)
    parameters = {"signature_name": "saliency"}
    for inputs in ((pictures(DIGITS), tensor("classes", "INT64", [3], [7, 0, 2])),):
        for order in (inputs, inputs[::-1]):
            document, _ = read(site, plain(*order, parameters=parameters))
            assert document["model_version"] == "1"
            assert document["outputs"] == [
                {
                    "name": "maps",
                    "datatype": "FP32",
                    "shape": [3, 28, 28],
                    "data": numbers(saliency(IMAGES, classes)["maps"]),
                }
            ]


def test_another_signature_without_inputs_in_binary(site: Site) -> None:
    parameters = {"signature_name": "filters", "binary_data_output": True}
    document, blobs = read(site, plain(parameters=parameters))
    assert [output["name"] for output in document["outputs"]] == ["conv/kernel", "conv/bias"]
    assert blobs == {name: values.tobytes() for name, values in filters().items()}
    document, _ = read(
        site, plain(parameters=parameters, outputs=[{"name": "conv/bias", "parameters": {"binary_data": False}}])
    )
    assert document["outputs"] == [{"name": "conv/bias", "datatype": "FP32", "shape": [2], "data": [0.5, -0.5]}]


ONE = pictures(DIGITS[:1])


@pytest.mark.parametrize(
    ("url", "body", "status", "message"),
    [
        (CNN_URL, b"", 400, "body: the body is empty; expected an inference request"),
        (CNN_URL, b"{}", 400, "body: Object missing required field `inputs`"),
        (CNN_URL, plain(), 400, "images: this input is missing"),
        (CNN_URL, plain({**ONE, "shape": [1, 784]}), 400, "images: has shape [1,784]; expected [?,28,28,1]"),
        (
            CNN_URL,
            plain({**ONE, "data": [256, *ONE["data"][1:]]}),
            400,
            "images[0]: 256 cannot be uint8 without loss",
        ),
        (
            CNN_URL,
            plain(ONE, outputs=[{"name": "x"}]),
            400,
            "x: the model has no such output; its outputs: probabilities, energy",
        ),
        (
            CNN_URL,
            plain(ONE, parameters={"signature_name": "x"}),
            400,
            "signature_name: cnn/1 has no signature 'x'; its signatures: filters, saliency, serving_default",
        ),
        (
            CNN_URL,
            plain(ONE, parameters={"label": "x"}),
            404,
            "label: 'cnn' has no label 'x'; its labels: next, stable",
        ),
        (
            "/v2/models/cnn/versions/1/infer",
            plain(ONE, parameters={"label": "stable"}),
            400,
            "parameters.label: name a version or a label, not both",
        ),
        ("/v2/models/none/infer", plain(ONE), 404, None),
        (
            "/v2/models/cnn/versions/9/infer",
            plain(ONE),
            404,
            "version: version 9 of 'cnn' is not loaded; loaded: 3, 2, 1",
        ),
        ("/v2/models/cnn/versions/0/infer", plain(ONE), 404, "version: '0' is no version's number"),
        ("/v2/models/cnn/versions/2/infer", plain(ONE), 503, "version 2 of 'cnn' is being loaded"),
        (
            "/v2/models/arrays/infer",
            plain(tensor("images", "BYTES", [1], ["aGVsbG8="])),
            400,
            "images[0]: arrays/1 takes arrays only: no preparation of pictures is known for it",
        ),
        (
            CNN_URL,
            plain(tensor("images", "UINT8", [401, 28, 28, 1], [0])),
            413,
            "images: 401 at once; at most 400 may be sent",
        ),
        (
            CNN_URL,
            plain(
                tensor("classes", "INT32", [65], [0]),
                tensor("images", "UINT8", [65, 28, 28, 1], [0]),
                parameters={"signature_name": "saliency"},
            ),
            413,
            "classes: 65 at once; at most 64 may be sent",
        ),
    ],
)
def test_errors(site: Site, url: str, body: bytes, status: int, message: str | None) -> None:
    answer = ask(site, body, url)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/json"
    document = orjson.loads(answer.body)
    assert list(document) == ["error"]
    if message is not None:
        assert document["error"] == message


def test_one_bad_picture_is_named(site: Site) -> None:
    files = [base64.b64encode(file).decode() for file in (bodies.png(DIGITS[0]), b"no picture")]
    answer = ask(site, plain(tensor("images", "BYTES", [2], files)))
    assert answer.status == 400
    assert orjson.loads(answer.body)["error"].startswith("images[1]: ")


@pytest.mark.parametrize(
    ("signature", "reason", "status"),
    [
        ("serving_default", "queue_full", 429),
        ("serving_default", "deadline_exceeded", 504),
        ("saliency", "wrong_shape", 400),
        ("saliency", "internal_error", 500),
    ],
)
def test_what_the_engine_refuses(own_site: Site, signature: str, reason: str, status: int) -> None:
    serve(own_site, PROBED)
    own_site.engine.refusal = (reason, "because")
    inputs = [ONE] if signature == "serving_default" else [ONE, tensor("classes", "INT32", [1], [1])]
    answer = ask(own_site, plain(*inputs, parameters={"signature_name": signature}))
    assert answer.status == status
    assert orjson.loads(answer.body) == {"error": "because"}


NEWER = VERSIONS[2]
FILTERS = plain(parameters={"signature_name": "filters"})
OTHER_INPUTS = msgspec.structs.replace(
    NEWER, signatures={**NEWER.signatures, "filters": NEWER.signatures["serving_default"]}
)


def begun(site: Site, body: bytes, url: str = CNN_URL) -> Any:
    """A job whose version is `PROBED`."""
    serve(site, PROBED)
    endpoint = site.services.endpoint(url)
    assert endpoint is not None
    return endpoint.begin(EndpointCall(url, b"", {}, body, "id", 0.0, 10.0))


def serve(site: Site, *versions: ModelVersion) -> None:
    site.engine.serve(*versions, push=True)
    site.wait_until(lambda: site.client.catalogue.versions == versions)


@pytest.mark.parametrize("body", [FILTERS, plain(ONE)])
def test_a_version_leaves_between_choosing_and_asking(own_site: Site, body: bytes) -> None:
    job = begun(own_site, body)
    serve(own_site, NEWER)
    own_site.client.from_thread(job.ask())
    assert job.target.version == NEWER
    assert job.outputs


@pytest.mark.parametrize(
    ("url", "successors"),
    [
        ("/v2/models/cnn/versions/1/infer", (NEWER,)),
        (CNN_URL, (OTHER_INPUTS,)),
        (CNN_URL, (msgspec.structs.replace(NEWER, signatures={}),)),
    ],
)
def test_nobody_can_stand_in(own_site: Site, url: str, successors: tuple[ModelVersion, ...]) -> None:
    job = begun(own_site, FILTERS, url)
    serve(own_site, *successors)
    with pytest.raises(UnknownVersionError):
        own_site.client.from_thread(job.ask())


def test_a_model_without_signatures_can_be_asked_for_none(own_site: Site) -> None:
    assert CNN.signatures == {}
    answer = ask(own_site, plain(ONE))
    assert answer.status == 400
    assert orjson.loads(answer.body)["error"].startswith("signature_name: cnn/1 has no signature 'serving_default'")


def test_the_table_of_labels_is_the_sites(site: Site) -> None:
    assert site.client.catalogue.offers == OFFERS
