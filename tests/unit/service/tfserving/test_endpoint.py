"""`:predict`, `:classify` and `:regress` over both carriers: request in, exact answer out."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import orjson
import pytest

from service.catalogue import ModelVersion, Offer
from service.settings import Settings
from tests.unit.service import bodies
from tests.unit.service.running import pictures
from tests.unit.service.site import Answer, Site, serving
from tests.unit.service.tfserving.conftest import OFFERS, VERSIONS
from tests.unit.service.tiny_engine import PROBED, TinyEngine, classify, filters, saliency

Post = Callable[..., Answer]
DIGIT = bodies.digit()
IMAGES = pictures(3)
NEXT = msgspec.structs.replace(PROBED, version=2)


@pytest.fixture(params=["flask", "lane"])
def post(request: pytest.FixtureRequest, site: Site) -> Post:
    """POST a document to a path, over Flask alone or through the lane."""
    carry = site.over_flask if request.param == "flask" else site.over_lane

    def post(path: str, document: Any, **headers: str) -> Answer:
        body = document if isinstance(document, bytes) else orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
        return carry(path, body, content_type="application/json", **headers)

    return post


def b64(data: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(data).decode()}


def row(values: npt.NDArray[np.float32]) -> str:
    """float32 (K) on one line."""
    return orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY).decode().replace(",", ", ")


def predictions(images: npt.NDArray[np.uint8]) -> str:
    """What a model with two outputs answers in row form."""
    probabilities, energy = classify(images)
    elements = [
        f'        {{\n            "energy": {json.dumps(e)},\n            "probabilities": {row(p)}\n        }}'
        for p, e in zip(probabilities, lists(energy), strict=True)
    ]
    return '{\n    "predictions": [\n' + ",\n".join(elements) + "\n    ]\n}"


@pytest.mark.parametrize(
    "path", ["/v1/models/cnn:predict", "/v1/models/cnn/versions/1:predict", "/v1/models/cnn/labels/stable:predict"]
)
@pytest.mark.parametrize(
    "document",
    [
        {"instances": IMAGES},
        {"instances": [{"images": image} for image in IMAGES], "signature_name": "serving_default"},
        {"signature_name": "", "instances": IMAGES.astype(np.float32)},
    ],
    ids=["plain", "named", "fractions"],
)
def test_row_form(post: Post, path: str, document: Any) -> None:
    answer = post(path, document)

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.body.decode() == predictions(IMAGES)


def test_a_model_with_one_output_answers_without_its_name(post: Post) -> None:
    answer = post("/v1/models/letters:predict", {"instances": IMAGES})

    rows = ", ".join(row(values) for values in classify(IMAGES)[0])
    assert answer.body.decode() == f'{{\n    "predictions": [{rows}\n    ]\n}}'


@pytest.mark.parametrize("document", [{"inputs": IMAGES}, {"inputs": {"images": IMAGES}}], ids=["bare", "named"])
def test_column_form(post: Post, document: Any) -> None:
    answer = post("/v1/models/letters:predict", document)

    assert answer.body.decode() == json.dumps({"outputs": lists(classify(IMAGES)[0])}, indent=4)


def lists(array: npt.NDArray[Any]) -> Any:
    """Nested lists of the numbers as they are written: 0.1 and not 0.10000000149."""
    return orjson.loads(orjson.dumps(array, option=orjson.OPT_SERIALIZE_NUMPY))


def test_column_form_of_two_outputs_is_an_object(post: Post) -> None:
    answer = post("/v1/models/cnn:predict", {"inputs": IMAGES})

    probabilities, energy = classify(IMAGES)
    expected = {"outputs": {"energy": lists(energy), "probabilities": lists(probabilities)}}
    assert answer.body.decode() == json.dumps(expected, indent=4)


@pytest.mark.parametrize(
    "document",
    [
        {"instances": [b64(bodies.png(DIGIT))]},
        {"instances": [{"images": b64(bodies.png(DIGIT))}]},
        {"instances": DIGIT.reshape(1, 28, 28, 1)},
    ],
    ids=["bare", "named", "numbers"],
)
def test_an_encoded_picture_is_prepared_as_the_native_route_prepares_it(post: Post, document: Any) -> None:
    assert post("/v1/models/cnn:predict", document).body.decode() == predictions(DIGIT.reshape(1, 28, 28, 1))


def test_a_model_that_takes_no_pictures_takes_numbers(post: Post) -> None:
    images = np.arange(12, dtype=np.uint8).reshape(2, 2, 1, 3)

    assert post("/v1/models/arrays:predict", {"instances": images}).body.decode() == predictions(images)


def test_any_other_signature_is_called_for_this_request_alone(post: Post) -> None:
    classes = np.array([1, 0, 9], np.int32)
    document = {
        "signature_name": "saliency",
        "instances": [{"images": i, "classes": c} for i, c in zip(IMAGES, classes.tolist(), strict=True)],
    }

    answer = post("/v1/models/cnn:predict", document)

    expected = saliency(IMAGES, classes)["maps"]
    assert answer.status == 200
    assert np.array_equal(np.array(json.loads(answer.body)["predictions"], np.float32), expected)


def test_a_signature_without_inputs_is_asked_in_column_form(post: Post) -> None:
    answer = post("/v1/models/cnn:predict", {"signature_name": "filters", "inputs": {}})

    found = json.loads(answer.body)["outputs"]
    assert list(found) == ["conv/bias", "conv/kernel"]
    for name, expected in filters().items():
        assert np.array_equal(np.array(found[name], np.float32), expected)


def test_classify(post: Post) -> None:
    document = {"examples": [{"image": b64(bodies.png(DIGIT))}, {"images": IMAGES[0]}]}

    answer = post("/v1/models/letters:classify", document)

    labels = ["a%", 'b"', *"cdefghij"]
    rows = classify(np.concatenate([DIGIT.reshape(1, 28, 28, 1), IMAGES[:1]]))[0]
    pairs = [[f"[{json.dumps(n)}, {row(p[None])[1:-1]}]" for n, p in zip(labels, r, strict=True)] for r in rows]
    results = ", ".join(f"[{', '.join(pair)}]" for pair in pairs)
    assert answer.status == 200
    assert answer.body.decode() == f'{{\n    "results": [{results}\n    ]\n}}'


def test_what_was_predicted_is_counted(site: Site, post: Post) -> None:
    def counted() -> float:
        found = site.over_flask("/metrics", method="GET").body.decode().splitlines()
        wanted = 'digits_predictions_total{digit="', 'model="cnn",version="1"}'
        return sum(float(line.split()[-1]) for line in found if line.startswith(wanted[0]) and wanted[1] in line)

    before = counted()
    post("/v1/models/cnn:predict", {"instances": IMAGES})
    post("/v1/models/cnn:classify", {"examples": [{"image": IMAGES[0]}]})

    assert counted() == before + 4


def test_a_packed_body_is_unpacked(post: Post) -> None:
    body = gzip.compress(orjson.dumps({"instances": IMAGES}, option=orjson.OPT_SERIALIZE_NUMPY))

    answer = post("/v1/models/cnn:predict", body, content_encoding="gzip")

    assert answer.body.decode() == predictions(IMAGES)


REGRESS = "Expected regression signature method_name to be tensorflow/serving/regress. Was: tensorflow/serving/predict"
CLASSIFY = (
    "Expected classification signature method_name to be tensorflow/serving/classify. Was: tensorflow/serving/predict"
)
NO_MODEL = "model: there is no model 'nobody'; models here: arrays, bare, cnn, letters"
ONE = IMAGES[:1].tolist()


@pytest.mark.parametrize(
    ("path", "document", "status", "message"),
    [
        ("nobody:predict", {"instances": ONE}, 404, NO_MODEL),
        ("nobody:classify", {"examples": [{}]}, 404, NO_MODEL),
        ("nobody:regress", {"examples": [{}]}, 404, NO_MODEL),
        ("cnn/versions/9:predict", {"instances": ONE}, 404, "version: version 9 of 'cnn' is not loaded; loaded: 4, 3, 2, 1"),
        ("cnn/versions/4:predict", {"instances": ONE}, 404, "version: version 4 of 'cnn' is being unloaded"),
        ("cnn/labels/x:predict", {"instances": ONE}, 404, "label: 'cnn' has no label 'x'; its labels: next, stable"),
        ("cnn/labels/next:predict", {"instances": ONE}, 503, "version 2 of 'cnn' is being loaded"),
        (f"cnn/versions/{2**63}:predict", {"instances": ONE}, 400, f"Failed to convert version: {2**63} to numeric."),
        ("cnn:predict", b"", 400, "JSON Parse error: The document is empty"),
        ("cnn:predict", {}, 400, "Missing 'inputs' or 'instances' key"),
        ("cnn:predict", {"instances": ONE, "signature_name": "x"}, 400, 'Serving signature name: "x" not found in signature def'),
        ("bare:predict", {"instances": ONE}, 400, 'Serving signature name: "serving_default" not found in signature def'),
        ("cnn:predict", {"instances": [*ONE, ONE[0][1:]]}, 400, "instances[1]: has 27 elements; expected 28"),
        ("cnn:predict", {"instances": [*ONE, b64(b"GIF89a")]}, 400, "instances[1]: The GIF is damaged and cannot be read."),
        ("cnn:predict", {"instances": ONE * 101}, 413, "101 pictures; at most 100 may be sent at once"),
        ("arrays:predict", {"instances": [b64(b"")]}, 400, "instances[0]: arrays/1 takes arrays only: no preparation of pictures is known for it"),
        ("letters:predict", {"inputs": ["x"], "signature_name": "texts"}, 400, "inputs: the model takes DT_STRING here, which cannot be sent"),
        ("cnn:classify", b"", 400, "JSON Parse error: The document is empty"),
        ("cnn:classify", {"instances": ONE}, 400, "When method is classify, key 'examples' is expected and was not found"),
        ("cnn:classify", {"examples": [{"image": ONE}]}, 400, "examples[0].image: has shape [1,28,28,1]; expected [28,28,1]"),
        ("cnn:classify", {"examples": [{}], "signature_name": "x"}, 400, "No signature was found with the name: x"),
        ("cnn:classify", {"examples": [{}], "signature_name": "filters"}, 400, CLASSIFY),
        ("cnn:regress", b"?", 400, "JSON Parse error: unexpected character, expected a JSON value: line 1 column 1 (char 0)"),
        ("cnn:regress", {"examples": [{}]}, 400, REGRESS),
        ("cnn:regress", {"examples": [{}], "signature_name": "x"}, 400, "No signature was found with the name: x"),
    ],
)  # fmt: skip
def test_a_request_at_fault_is_refused(post: Post, path: str, document: Any, status: int, message: str) -> None:
    answer = post(f"/v1/models/{path}", document)

    assert (answer.status, json.loads(answer.body)) == (status, {"error": message})


def test_a_blank_picture_is_refused_with_400(post: Post) -> None:
    blank = bodies.png(np.zeros((28, 28), np.uint8))

    answer = post("/v1/models/cnn:predict", {"instances": [b64(blank)]})

    assert answer.status == 400
    assert json.loads(answer.body)["error"].startswith("instances[0]: ")


@pytest.fixture
def own(settings: Settings) -> Iterator[Site]:
    """A test's own, for those that make the engine misbehave."""
    with TinyEngine(settings.endpoint, *VERSIONS) as engine:
        engine.serve(*VERSIONS, offers=OFFERS)
        with serving(settings, engine) as made:
            yield made


@pytest.mark.parametrize(
    ("reason", "status"), [("queue_full", 503), ("deadline_exceeded", 504), ("internal_error", 500)]
)
@pytest.mark.parametrize(
    "document",
    [
        {"instances": IMAGES},
        {"inputs": {"images": IMAGES, "classes": [1, 2, 3]}, "signature_name": "saliency"},
    ],
    ids=["batched", "alone"],
)
def test_what_the_engine_refuses_has_tensorflow_servings_status(
    own: Site, document: Any, reason: str, status: int
) -> None:
    own.engine.refusal = (reason, "for a reason")

    for carry in (own.over_flask, own.over_lane):
        answer = carry("/v1/models/cnn:predict", orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY))
        assert (answer.status, json.loads(answer.body)) == (status, {"error": "for a reason"})


class Leaving(TinyEngine):
    """An engine whose held calls are for a version that leaves before they begin."""

    def leave(self) -> None:
        """Refuse what is held, and answer what comes next."""

        def refuse() -> None:
            held, self._held = self._held or [], None
            for work in held:
                self._refuse(work, "unknown_version", "it has left")

        self._do(refuse)


@pytest.mark.parametrize(
    ("path", "stay", "status"),
    [
        ("cnn:predict", NEXT, 200),
        ("cnn/labels/stable:predict", NEXT, 200),
        ("cnn/versions/1:predict", NEXT, 404),
        ("cnn:predict", PROBED, 404),
        ("cnn:predict", msgspec.structs.replace(NEXT, signatures={}), 404),
    ],
)
def test_who_names_no_version_is_served_by_the_next_when_one_leaves(
    settings: Settings, path: str, stay: ModelVersion, status: int
) -> None:
    document = {"inputs": {"images": IMAGES, "classes": [1, 2, 3]}, "signature_name": "saliency"}
    body = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    with Leaving(settings.endpoint, PROBED) as engine, serving(settings, engine) as own, ThreadPoolExecutor(1) as pool:
        engine.serve(PROBED, offers={"cnn": Offer({"stable": 1})}, push=True)
        engine.wait_until_known()
        engine.hold()
        answer = pool.submit(own.over_lane, f"/v1/models/{path}", body)
        engine.wait_for_calls(1)
        engine.serve(stay, offers={"cnn": Offer({"stable": stay.version})}, push=True)
        engine.wait_until_known()
        engine.leave()

        assert answer.result().status == status
        assert [called.header.version for called in engine.called] == ([1, 2] if status == 200 else [1])
