"""SavedModels that the toy model is not: unfit ones, damaged ones, and one with moods. By TensorFlow alone, no Keras.

    python -m tests.engine.odd_models <directory>      writes `moody`, `greedy`, `sick`, `numberless`, `short`, `lame` there

Whoever imports this has imported TensorFlow: it is for processes of its own, not for pytest's.
"""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import service.engine.tf  # noqa: F401  (it keeps Keras out, so TensorFlow comes after it)

tf: Any = importlib.import_module("tensorflow")
FAILING_PIXEL = 255
PICTURE = (None, 28, 28, 1)
Tensors = dict[str, Any]


def _answer(images: Any, classes: int = 10, dtype: Any = tf.float32) -> Tensors:
    """Probabilities by the first pixels of the second row: something to tell pictures apart by."""
    logits = tf.cast(images[:, 1, :classes, 0], dtype) / 32
    return {"probabilities": tf.nn.softmax(logits), "energy": -tf.reduce_logsumexp(logits, axis=1)}


def _save(directory: Path, serve: Callable[[Any], Tensors], shape: Any, dtype: Any = tf.uint8, **names: str) -> None:
    function = tf.function(serve, input_signature=[tf.TensorSpec(shape, dtype, name=names.get("input", "images"))])
    module = tf.Module()
    module.serve = function
    signature = names.get("signature", "serving_default")
    tf.saved_model.save(module, str(directory), signatures={signature: function})


def write_moody(directory: Path) -> None:
    """Keeps the contract. The first pixel of a picture is its mood: from 1 on it takes the longer the brighter that is
    (254: about a second), and at 255 it fails at run time.
    """

    def serve(images: Any) -> Tensors:
        mood = tf.reduce_max(tf.cast(images[:, 0, 0, 0], tf.int32))
        fails = tf.debugging.assert_less(mood, FAILING_PIXEL, message="in a bad mood")
        with tf.control_dependencies([fails]):
            start = (tf.constant(0), tf.eye(64))
        turns = mood * 160
        _, product = tf.while_loop(lambda i, _: i < turns, lambda i, m: (i + 1, tf.tanh(m @ m)), start)
        with tf.control_dependencies([product]):
            return {name: tf.identity(value) for name, value in _answer(images).items()}

    _save(directory, serve, PICTURE)


def write_greedy(directory: Path) -> None:
    """Keeps the contract, and asks for 4 TiB times the largest first pixel; at 255 that is more than an address reaches."""

    def serve(images: Any) -> Tensors:
        tebi = tf.reduce_max(tf.cast(images[:, 0, 0, 0], tf.int64))
        eaten = tf.fill(tf.reshape(tebi * 2**40, [1]), 1.0)
        answer = _answer(images)  # what comes of the numbers has to be used, or they are never made
        return {**answer, "energy": answer["energy"] + tf.reduce_sum(eaten)}

    _save(directory, serve, PICTURE)


def write_sick(directory: Path) -> None:
    """Keeps the contract in its signature, and fails whatever it is given."""

    def serve(images: Any) -> Tensors:
        fails = tf.debugging.assert_less(tf.shape(images)[0], 0, message="sick")
        with tf.control_dependencies([fails]):
            return {name: tf.identity(value) for name, value in _answer(images).items()}

    _save(directory, serve, PICTURE)


def write_numberless(directory: Path) -> None:
    """Keeps the contract in its signature, and answers with what is no number, as after a training that diverged."""
    _save(directory, lambda images: {name: value * float("nan") for name, value in _answer(images).items()}, PICTURE)


def write_tossing(directory: Path) -> None:
    """Keeps the contract, and its energy is a matter of luck, so that no two answers are the same."""

    def serve(images: Any) -> Tensors:
        answer = _answer(images)
        return {**answer, "energy": answer["energy"] + tf.random.uniform(tf.shape(answer["energy"]))}

    _save(directory, serve, PICTURE)


def write_short(directory: Path) -> None:
    """Keeps the contract in its signature, and answers with one row, whatever it is given."""

    def serve(images: Any) -> Tensors:
        return {
            name: tf.strided_slice(value, [0], [tf.minimum(1, tf.shape(value)[0])])
            for name, value in _answer(images).items()
        }

    _save(directory, serve, PICTURE)


def write_lame(directory: Path) -> None:
    """Predicts, and has a signature `look` beside, which calls a function that is not there."""

    def look(images: Any) -> Tensors:
        return {"mean": tf.reduce_mean(tf.cast(images, tf.float32))}

    pictures = tf.TensorSpec(PICTURE, tf.uint8, name="images")
    module = tf.Module()
    module.serve = tf.function(_answer, input_signature=[pictures])
    module.look = tf.function(look, input_signature=[pictures])
    tf.saved_model.save(module, str(directory), signatures={"serving_default": module.serve, "look": module.look})
    file = directory / "saved_model.pb"
    saved_model = _parsed(file)
    (graph,) = [meta.graph_def for meta in saved_model.meta_graphs]
    name = saved_model.meta_graphs[0].signature_def["look"].outputs["mean"].name.partition(":")[0]
    (call,) = [node for node in graph.node if node.name == name]
    call.attr["f"].func.name = "nonesuch"
    file.write_bytes(saved_model.SerializeToString())


def write_tabled(directory: Path) -> None:
    """Keeps the contract; its energy is read from a table that an asset fills: 2 for an even first pixel, 3 for an odd."""
    words = directory.with_suffix(".txt")
    words.parent.mkdir(parents=True, exist_ok=True)
    words.write_text("two\nthree\n")

    class Tabled(tf.Module):  # type: ignore[misc]  # TensorFlow is imported by name here
        def __init__(self) -> None:
            lines = tf.lookup.TextFileInitializer(
                str(words), tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE
            )
            self.table = tf.lookup.StaticHashTable(lines, "none")
            self.numbers = tf.Variable([2.0, 3.0])

        @tf.function(input_signature=[tf.TensorSpec(PICTURE, tf.uint8, name="images")])  # type: ignore[untyped-decorator]
        def serve(self, images: Any) -> Tensors:
            found = self.table.lookup(tf.cast(images[:, 0, 0, 0] % 2, tf.int64))
            energy = tf.where(found == "two", self.numbers[0], tf.where(found == "three", self.numbers[1], 0.0))
            return {**_answer(images), "energy": energy}

    module = Tabled()
    tf.saved_model.save(module, str(directory), signatures={"serving_default": module.serve})
    words.unlink()


def write_early(directory: Path) -> None:
    """Keeps the contract, and is written as before TensorFlow 2: a collection names what initialises it."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        images = v1.placeholder(tf.uint8, PICTURE, "images")
        offset = v1.get_variable("offset", initializer=tf.constant(2.0), use_resource=False)
        extra = v1.get_local_variable("extra", initializer=tf.constant(3.0), use_resource=False)
        answer = _answer(images)
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.builder.SavedModelBuilder(str(directory))
        signature = v1.saved_model.signature_def_utils.predict_signature_def(
            {"images": images}, {**answer, "energy": 0 * answer["energy"] + offset + extra}
        )
        builder.add_meta_graph_and_variables(
            session, ["serve"], {"serving_default": signature}, main_op=v1.local_variables_initializer()
        )
        builder.save()


def _parsed(file: Path) -> Any:
    return importlib.import_module("tensorflow.core.protobuf.saved_model_pb2").SavedModel.FromString(file.read_bytes())


def write_unfit(directory: Path) -> dict[str, Path]:
    """SavedModels that break the contract, each in one way, by the name of that way."""
    paths = {}

    def add(
        name: str, serve: Callable[[Any], Tensors], shape: Any = PICTURE, dtype: Any = tf.uint8, **names: str
    ) -> None:
        paths[name] = directory / name
        _save(paths[name], serve, shape, dtype, **names)

    add("other signature", _answer, signature="classify")
    add("other input name", _answer, input="pictures")
    add("float input", _answer, dtype=tf.float32)
    add("other input shape", _answer, shape=(None, 32, 32, 3))
    add("one picture at a time", _answer, shape=(1, 28, 28, 1))
    add("eleven classes", lambda images: _answer(images, classes=11))
    add("double precision", lambda images: _answer(images, dtype=tf.float64))
    add("no energy", lambda images: {"probabilities": _answer(images)["probabilities"]})
    return paths


def write_damaged(directory: Path, sound: Path) -> dict[str, Path]:
    """Copies of the SavedModel in `sound`, each damaged in one way."""
    paths = {name: directory / name for name in ("no graph", "garbled graph", "cut graph", "no weights", "cut weights")}
    for path in paths.values():
        shutil.copytree(sound, path)
    graph, weights = "saved_model.pb", "variables/variables.data-00000-of-00001"
    (paths["no graph"] / graph).unlink()
    (paths["garbled graph"] / graph).write_bytes(b"\xff" * 1000)
    (paths["cut graph"] / graph).write_bytes((sound / graph).read_bytes()[:1000])
    (paths["no weights"] / weights).unlink()
    (paths["cut weights"] / weights).write_bytes((sound / weights).read_bytes()[:1000])
    return paths


if __name__ == "__main__":
    write_moody(Path(sys.argv[1]) / "moody")
    write_greedy(Path(sys.argv[1]) / "greedy")
    write_sick(Path(sys.argv[1]) / "sick")
    write_numberless(Path(sys.argv[1]) / "numberless")
    write_short(Path(sys.argv[1]) / "short")
    write_lame(Path(sys.argv[1]) / "lame")
