"""NVIDIA's own client, unchanged, against a running service."""

from __future__ import annotations

import base64
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from service.version import __version__
from tests.e2e.requests import encoded
from tests.e2e.service_process import MODEL, VERSION, Service, started
from tests.processes import ROOT, eventually, run_python
from tests.reference import Reference

KEYS = [(MODEL, 1), (MODEL, VERSION)]
SOME = np.array([17, 3, 250, 4, 4, 99])


def connect(service: Service) -> InferenceServerClient:
    host, port = service.address
    return InferenceServerClient(f"{host}:{port}", connection_timeout=60.0, network_timeout=60.0)


@pytest.fixture(scope="module")
def triton(service: Service) -> Iterator[InferenceServerClient]:
    client = connect(service)
    yield client
    client.close()


def given(name: str, datatype: str, values: npt.NDArray[Any], *, binary: bool = True) -> InferInput:
    tensor = InferInput(name, list(values.shape), datatype)
    tensor.set_data_from_numpy(values, binary_data=binary)
    return tensor


def images(reference: Reference, *, binary: bool = True) -> InferInput:
    return given("images", "UINT8", reference.images[SOME], binary=binary)


def test_the_server(triton: InferenceServerClient) -> None:
    assert triton.is_server_live()
    assert triton.is_server_ready()
    metadata = triton.get_server_metadata()
    assert (metadata["name"], metadata["version"]) == ("digits", __version__)
    assert {"binary_tensor_data", "classification", "model_repository", "statistics"} <= set(metadata["extensions"])


def test_a_model(triton: InferenceServerClient) -> None:
    assert triton.is_model_ready(MODEL)
    assert triton.is_model_ready(MODEL, "1")
    assert not triton.is_model_ready(MODEL, "9")
    assert not triton.is_model_ready("none")
    assert triton.get_model_metadata(MODEL) == {
        "name": MODEL,
        "versions": ["1", "2"],
        "platform": "tensorflow_savedmodel",
        "inputs": [{"name": "images", "datatype": "UINT8", "shape": [-1, 28, 28, 1]}],
        "outputs": [
            {"name": "energy", "datatype": "FP32", "shape": [-1]},
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]},
        ],
    }
    saliency = triton.get_model_metadata(MODEL, query_params={"signature_name": "saliency"})
    assert sorted(tensor["name"] for tensor in saliency["inputs"]) == ["classes", "images"]
    configuration = triton.get_model_config(MODEL, "1")
    assert configuration["max_batch_size"] == 256
    assert configuration["input"] == [{"name": "images", "data_type": "TYPE_UINT8", "dims": [28, 28, 1]}]
    with pytest.raises(InferenceServerException, match="there is no model 'none'") as caught:
        triton.get_model_metadata("none")
    assert caught.value.status() == "404"


@pytest.mark.parametrize("into", ["binary", "json"])
@pytest.mark.parametrize("out_of", ["binary", "json"])
@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
def test_inference(
    triton: InferenceServerClient, reference: Reference, into: str, out_of: str, compression: str | None
) -> None:
    outputs = [InferRequestedOutput(name, binary_data=out_of == "binary") for name in ("probabilities", "energy")]
    for model, version in KEYS:
        result = triton.infer(
            model,
            [images(reference, binary=into == "binary")],
            model_version=str(version),
            outputs=outputs,
            request_id="some-id",
            request_compression_algorithm=compression,
        )
        response = result.get_response()
        assert (response["id"], response["model_name"], response["model_version"]) == ("some-id", model, str(version))
        key = (model, version)
        np.testing.assert_allclose(result.as_numpy("probabilities"), reference.probabilities[key][SOME], atol=1e-5)
        np.testing.assert_allclose(result.as_numpy("energy"), reference.energy[key][SOME], atol=1e-4)


def test_all_outputs_and_the_newest_version_unless_one_is_named(
    triton: InferenceServerClient, reference: Reference
) -> None:
    result = triton.infer(MODEL, [images(reference)])
    assert result.get_response()["model_version"] == str(VERSION)
    for name, expected in (("probabilities", reference.probabilities), ("energy", reference.energy)):
        np.testing.assert_allclose(result.as_numpy(name), expected[MODEL, VERSION][SOME], atol=1e-4)


@pytest.mark.parametrize(("datatype", "dtype"), [("INT32", np.int32), ("INT64", np.int64), ("FP32", np.float32)])
def test_other_datatypes(
    triton: InferenceServerClient, reference: Reference, datatype: str, dtype: type[np.generic]
) -> None:
    result = triton.infer(MODEL, [given("images", datatype, reference.images[SOME].astype(dtype))])
    expected = reference.probabilities[MODEL, VERSION][SOME]
    np.testing.assert_allclose(result.as_numpy("probabilities"), expected, atol=1e-5)


def test_a_thousand_pictures(triton: InferenceServerClient, reference: Reference) -> None:
    which = np.arange(1024) % len(reference.images)
    result = triton.infer(MODEL, [given("images", "UINT8", reference.images[which])])
    expected = reference.probabilities[MODEL, VERSION][which]
    np.testing.assert_allclose(result.as_numpy("probabilities"), expected, atol=1e-5)


def test_encoded_pictures(triton: InferenceServerClient, reference: Reference) -> None:
    files = [encoded(reference.images[at]) for at in SOME]
    expected = reference.probabilities[MODEL, VERSION][SOME]
    in_binary = given("images", "BYTES", np.array(files, dtype=np.object_))
    texts = np.array([base64.b64encode(file).decode() for file in files], dtype=np.object_)
    for tensor in (in_binary, given("images", "BYTES", texts, binary=False)):
        np.testing.assert_allclose(triton.infer(MODEL, [tensor]).as_numpy("probabilities"), expected, atol=1e-5)


@pytest.mark.parametrize("binary", [True, False])
def test_classification(triton: InferenceServerClient, reference: Reference, binary: bool) -> None:
    output = InferRequestedOutput("probabilities", binary_data=binary, class_count=3)
    found = triton.infer(MODEL, [images(reference)], outputs=[output]).as_numpy("probabilities")
    assert found.shape == (len(SOME), 3)
    for row, probabilities in zip(found, reference.probabilities[MODEL, VERSION][SOME], strict=True):
        texts = [text.decode() if isinstance(text, bytes) else text for text in row]
        scores, classes, labels = zip(*(text.split(":") for text in texts), strict=True)
        assert classes == labels
        assert [int(c) for c in classes] == np.argsort(-probabilities, kind="stable")[:3].tolist()
        np.testing.assert_allclose([float(s) for s in scores], np.sort(probabilities)[::-1][:3], atol=1e-5)


def test_another_signature(triton: InferenceServerClient, reference: Reference) -> None:
    classes = given("classes", "INT64", reference.labels[SOME].astype(np.int64))
    result = triton.infer(MODEL, [images(reference), classes], parameters={"signature_name": "saliency"})
    found = result.as_numpy("saliency")
    assert (found.shape, found.dtype) == ((len(SOME), 28, 28), np.float32)
    assert (found >= 0).all()
    assert found.max(axis=(1, 2)).all()
    np.testing.assert_array_equal(found[3], found[4])  # the same picture twice, the same class


def test_a_signature_without_inputs(triton: InferenceServerClient) -> None:
    result = triton.infer(MODEL, [], parameters={"signature_name": "filters"})
    assert {len(output["shape"]) for output in result.get_response()["outputs"]} >= {1, 4}


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (given("images", "UINT8", np.zeros((1, 28, 28), np.uint8)), r"images: has shape \[1,28,28\]; expected"),
        (given("images", "INT32", np.full((1, 28, 28, 1), 256, np.int32)), "256 cannot be uint8 without loss"),
        (given("picture", "UINT8", np.zeros((1, 28, 28, 1), np.uint8)), "picture: the model has no such input"),
        (given("images", "BYTES", np.array([b"hello"], dtype=np.object_)), r"images\[0\]: "),
    ],
)
def test_what_is_refused(triton: InferenceServerClient, tensor: InferInput, message: str) -> None:
    with pytest.raises(InferenceServerException, match=message) as caught:
        triton.infer(MODEL, [tensor])
    assert caught.value.status() == "400"


def test_many_at_once(triton: InferenceServerClient, reference: Reference) -> None:
    requests = [triton.async_infer(MODEL, [images(reference)]) for _ in range(8)]
    for request in requests:
        found = request.get_result().as_numpy("probabilities")
        np.testing.assert_allclose(found, reference.probabilities[MODEL, VERSION][SOME], atol=1e-5)


def test_the_repository(triton: InferenceServerClient, reference: Reference) -> None:
    index = triton.get_model_repository_index()
    assert index == [
        {"name": name, "version": str(version), "state": "READY", "reason": ""}
        for name, version in sorted(reference.probabilities)
    ]


def test_statistics(triton: InferenceServerClient, reference: Reference) -> None:
    def read() -> dict[str, Any]:
        (found,) = triton.get_inference_statistics("other", "1")["model_stats"]
        return dict(found)

    before, started_ms = read(), int(time.time() * 1000)
    triton.infer("other", [images(reference)])
    triton.infer("other", [images(reference)])

    def counted() -> dict[str, Any]:
        """The other processes' numbers come a tenth of a second later; empty until then."""
        now = read()
        return now if now["execution_count"] >= before["execution_count"] + 2 else {}

    after = eventually(counted)
    assert after["inference_count"] - before["inference_count"] == 2 * len(SOME)
    assert after["last_inference"] >= started_ms
    for name in ("success", "queue", "compute_input", "compute_infer", "compute_output"):
        assert after["inference_stats"][name]["count"] - before["inference_stats"][name]["count"] == 2
    assert after["inference_stats"]["compute_infer"]["ns"] > before["inference_stats"]["compute_infer"]["ns"]
    names = [(item["name"], item["version"]) for item in triton.get_inference_statistics()["model_stats"]]
    assert names == [(name, str(version)) for name, version in sorted(reference.probabilities)]


@pytest.mark.slow
def test_unloading_and_loading(reference: Reference, tmp_path: Path) -> None:
    models_dir = tmp_path / "models"
    shutil.copytree(reference.models_dir, models_dir)
    with started(models_dir) as service:
        service.wait_until_ready()
        client = connect(service)
        client.unload_model("other")
        assert not client.is_model_ready("other")
        with pytest.raises(InferenceServerException):
            client.infer("other", [images(reference)])
        assert client.is_model_ready(MODEL)
        client.load_model("other")
        assert client.is_model_ready("other")
        found = client.infer("other", [images(reference)]).as_numpy("probabilities")
        np.testing.assert_allclose(found, reference.probabilities["other", 1][SOME], atol=1e-5)
        shutil.rmtree(models_dir / "other" / "1")
        with pytest.raises(InferenceServerException):
            client.load_model("other")
        with pytest.raises(InferenceServerException, match="'none'"):
            client.load_model("none")
        with pytest.raises(InferenceServerException, match="config: is not supported"):
            client.load_model(MODEL, config="{}")
        client.close()


def test_the_example_of_the_documentation_runs(service: Service) -> None:
    text = (ROOT / "docs" / "open-inference.md").read_text()
    _, _, rest = text.partition("```python\n")
    code, _, _ = rest.partition("```")
    host, port = service.address
    ran = run_python(["-c", code.replace("localhost:8000", f"{host}:{port}").replace('"cnn"', f'"{MODEL}"')])
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.endswith("(2, 28, 28)\n")
