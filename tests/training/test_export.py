"""The published SavedModel, seen from outside: by TensorFlow alone, and beside the Keras model it was made of."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from architectures import ARCHITECTURES
from tests.toy_model import toy_digit, toy_digits
from training.calibrate import energy, softmax
from training.export import export_saved_model
from training.networks.build import build_served
from training.pipeline import to_pixels
from training.publish import read_card

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
TEMPERATURE = 1.7
INPUT = (28, 28, 1)


class Exported:
    def __init__(self, model: keras.Model, directory: Path) -> None:
        self.model = model
        self.directory = directory
        self.loaded: Any = tf.saved_model.load(str(directory))

    def call(self, signature: str, **inputs: NDArray[Any]) -> dict[str, NDArray[Any]]:
        tensors = {name: tf.constant(value) for name, value in inputs.items()}
        return {name: value.numpy() for name, value in self.loaded.signatures[signature](**tensors).items()}


@pytest.fixture(scope="module", params=sorted(ARCHITECTURES))
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Each architecture that is shipped, with weights of no training."""
    model = build_served(ARCHITECTURES[request.param], INPUT)
    rng = np.random.default_rng(3)
    for layer in model.layers:
        layer.set_weights([rng.normal(0.0, 1.5 / np.sqrt(np.prod(w.shape[:-1])), w.shape) for w in layer.weights])
    directory = tmp_path_factory.mktemp("exported")
    export_saved_model(model, ARCHITECTURES[request.param], TEMPERATURE, directory)
    return Exported(model, directory)


@pytest.fixture
def images(rng: np.random.Generator) -> NDArray[np.uint8]:
    return rng.integers(0, 256, (20, *INPUT), dtype=np.uint8)


def test_it_answers_what_the_keras_model_would(exported: Exported, images: NDArray[np.uint8]) -> None:
    logits = exported.model(to_pixels(images), training=False).numpy()
    answer = exported.call("serving_default", images=images)
    assert set(answer) == {"probabilities", "energy"}
    assert answer["probabilities"].dtype == answer["energy"].dtype == np.float32
    assert np.allclose(answer["probabilities"], softmax(logits, TEMPERATURE), atol=1e-6)
    assert np.allclose(answer["energy"], energy(logits, TEMPERATURE), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 7, 64, 256])
def test_any_batch_size(exported: Exported, count: int) -> None:
    images, _ = toy_digits(count)
    answer = exported.call("serving_default", images=images[..., None])
    assert answer["probabilities"].shape == (count, 10)
    assert answer["energy"].shape == (count,)
    assert np.allclose(answer["probabilities"].sum(axis=1), 1.0, atol=1e-5)
    alone = exported.call("serving_default", images=images[-1:, ..., None])
    assert np.allclose(answer["probabilities"][-1:], alone["probabilities"], atol=1e-5)


def test_activations_are_those_of_each_layer(exported: Exported, images: NDArray[np.uint8]) -> None:
    answer = exported.call("activations", images=images)
    layers = exported.model.layers[1:]
    assert set(answer) == {layer.name for layer in layers}
    values = to_pixels(images)
    for layer in layers:
        values = layer(values)
        assert np.allclose(answer[layer.name], values.numpy(), atol=1e-4)


def test_filters_are_every_kernel_and_bias(exported: Exported) -> None:
    answer = exported.call("filters")
    expected = {f"{layer.name}/{weight.name}": weight for layer in exported.model.layers for weight in layer.weights}
    assert set(answer) == set(expected)
    assert {name.rpartition("/")[2] for name in answer} == {"kernel", "bias"}
    for name, weight in expected.items():
        assert (answer[name] == weight.numpy()).all()


def test_saliency_is_the_slope_of_the_logit(exported: Exported, images: NDArray[np.uint8]) -> None:
    """Beside finite differences at the most salient pixels."""
    classes = np.arange(20, dtype=np.int32) % 10
    maps = exported.call("saliency", images=images, classes=classes)["saliency"]
    assert maps.shape == (20, 28, 28)
    assert maps.dtype == np.float32
    step = 1e-3
    for index in range(4):
        row, column = np.unravel_index(maps[index].argmax(), (28, 28))
        pixels = np.repeat(to_pixels(images[index : index + 1]).numpy(), 2, axis=0)
        pixels[0, row, column] -= step
        pixels[1, row, column] += step
        below, above = exported.model(pixels, training=False).numpy()[:, classes[index]]
        assert maps[index].max() == pytest.approx(abs(above - below) / (2 * step), rel=0.05)


def test_saliency_of_no_class_is_zero(exported: Exported, images: NDArray[np.uint8]) -> None:
    maps = exported.call("saliency", images=images[:2], classes=np.array([10, -1], np.int32))["saliency"]
    assert not maps.any()


def test_weights_are_written_once(exported: Exported) -> None:
    parameters = exported.model.count_params()
    variables = sum(path.stat().st_size for path in (exported.directory / "variables").iterdir())
    assert 4 * parameters <= variables < 4 * parameters + 20_000


def test_the_graph_that_is_served_only_infers(exported: Exported) -> None:
    function = exported.loaded.signatures["serving_default"]
    graph = function.graph.as_graph_def()
    ops = {node.op for node in graph.node}
    ops |= {node.op for called in graph.library.function for node in called.node_def}
    plumbing = {"Placeholder", "Const", "ReadVariableOp", "Identity", "NoOp", "StatefulPartitionedCall"}
    allowed = {
        "Cast",
        "RealDiv",
        "Conv2D",
        "BiasAdd",
        "Relu",
        "Reshape",
        "MatMul",
        "Softmax",
        "Max",
        "Log",
        "Sub",
        "Mul",
    }
    allowed |= plumbing
    assert ops <= allowed
    assert "MatMul" in ops  # the set was really read


def test_no_keras_is_needed(toy: Path) -> None:
    """In a fresh process: TensorFlow alone loads it and answers as this process does."""
    picture = toy_digit(4)
    code = (
        "import json, sys\n"
        "sys.modules['keras'] = None  # TensorFlow imports Keras where it finds it; here any import of it fails\n"
        "import tensorflow as tf\n"
        "import numpy as np\n"
        "signatures = tf.saved_model.load(sys.argv[1]).signatures\n"
        "images = np.frombuffer(bytes.fromhex(sys.stdin.read()), np.uint8).reshape(1, 28, 28, 1)\n"
        "signatures['activations'](images=tf.constant(images)), signatures['filters']()\n"
        "signatures['saliency'](images=tf.constant(images), classes=tf.constant([4]))\n"
        "answer = signatures['serving_default'](images=tf.constant(images))\n"
        "keras = [name for name in sys.modules if name.startswith(('keras.', 'tf_keras'))]\n"
        "print(json.dumps({'probabilities': answer['probabilities'].numpy().tolist(), 'keras': keras}))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(toy)],
        input=picture.tobytes().hex(),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    answer = json.loads(result.stdout)
    assert answer["keras"] == []
    here = tf.saved_model.load(str(toy)).signatures["serving_default"](images=tf.constant(picture[None, ..., None]))
    assert np.allclose(answer["probabilities"], here["probabilities"].numpy(), atol=1e-6)
    assert np.argmax(answer["probabilities"]) == 4


def test_a_session_serves_it_too(exported: Exported, images: NDArray[np.uint8]) -> None:
    """As TensorFlow Serving runs it: the graph and its own restore op, without any Python object."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        meta = tf.compat.v1.saved_model.load(session, ["serve"], str(exported.directory))
        signature = meta.signature_def["serving_default"]
        outputs = {name: tensor.name for name, tensor in signature.outputs.items()}
        answer = session.run(outputs, {signature.inputs["images"].name: images})
    expected = exported.call("serving_default", images=images)
    assert np.allclose(answer["probabilities"], expected["probabilities"], atol=1e-6)
    assert np.allclose(answer["energy"], expected["energy"], atol=1e-5)


def test_the_toy_reads_its_digits(toy: Path) -> None:
    loaded = tf.saved_model.load(str(toy))
    images = np.stack([toy_digit(digit) for digit in range(10)])[..., None]
    probabilities = loaded.signatures["serving_default"](images=tf.constant(images))["probabilities"].numpy()
    assert probabilities.argmax(axis=1).tolist() == list(range(10))
    assert read_card(toy)["metrics"]["test"]["accuracy"] > 0.98
