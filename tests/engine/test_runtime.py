"""TensorFlow and LiteRT as the engine uses them, beside TensorFlow as everyone uses it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.reference import VERSIONS, Reference

pytestmark = pytest.mark.slow

Probe = tuple[dict[str, Any], dict[str, npt.NDArray[np.float32]]]


@pytest.mark.parametrize(("name", "version"), VERSIONS)
@pytest.mark.parametrize("how", ["", "single-"])
@pytest.mark.parametrize("runtime", ["tensorflow", "litert"])
def test_predictions_are_what_the_loaded_savedmodel_says(
    runtime: str, name: str, version: int, how: str, probe: Probe, reference: Reference
) -> None:
    """Pictures at once, shared among threads, and one by one."""
    _, arrays = probe
    probabilities = arrays[f"{runtime}-{name}-{version}-{how}probabilities"]
    energy = arrays[f"{runtime}-{name}-{version}-{how}energy"]
    assert {str(probabilities.dtype), str(energy.dtype)} == {"float32"}
    np.testing.assert_allclose(probabilities, reference.probabilities[name, version], atol=1e-5)
    np.testing.assert_allclose(energy, reference.energy[name, version], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(("name", "version"), VERSIONS)
@pytest.mark.parametrize("what", ["probabilities", "energy"])
def test_in_litert_a_picture_gets_the_same_bits_in_every_batch(
    name: str, version: int, what: str, probe: Probe
) -> None:
    _, arrays = probe
    together, alone = (arrays[f"litert-{name}-{version}-{how}{what}"] for how in ("", "single-"))
    assert together.tobytes() == alone.tobytes()


@pytest.mark.parametrize(
    ("kind", "runtime"),
    [
        ("early", "litert"),
        ("moody", "tensorflow"),  # it refuses some pictures, which the converter would leave out
        ("tossing", "tensorflow"),  # its answers are never the same
        ("numberless", "tensorflow"),  # its answers are no numbers
        ("failing in LiteRT", "tensorflow"),
        ("large", "tensorflow"),  # converting it would take too long
        ("large, converted before", "litert"),
        ("another's conversion", "tensorflow"),  # it answers differently
        ("a broken conversion", "tensorflow"),
    ],
)
def test_litert_is_used_where_it_answers_the_same(kind: str, runtime: str, probe: Probe) -> None:
    facts, _ = probe
    assert facts["used"][kind] == runtime


def test_large_batches_go_through_litert_in_pieces(probe: Probe) -> None:
    facts, _ = probe
    assert set(facts["in pieces"].values()) == {True}


def test_without_memory_litert_says_so_as_tensorflow_does(probe: Probe) -> None:
    facts, _ = probe
    assert facts["without memory"] == "failed to reshape"


def test_the_versions_of_the_reference_differ_so_that_mixing_them_up_would_show(reference: Reference) -> None:
    one, two, three = reference.energy.values()
    for a, b in ((one, two), (one, three), (two, three)):
        assert np.abs(a - b).min() > 1e-4
    for probabilities in reference.probabilities.values():
        assert (probabilities.argmax(axis=1) == reference.labels).mean() > 0.99


def test_what_looks_inside_is_loaded_when_it_is_wanted_and_moves_no_prediction(probe: Probe) -> None:
    _, arrays = probe
    for_predictions, for_all, *_ = arrays["opened in tensorflow"].tolist()
    assert for_predictions < for_all
    for runtime in ("tensorflow", "litert"):
        assert arrays[f"opened in {runtime}"].tolist()[-2:] == [False, True]
        assert arrays[f"unmoved in {runtime}"]


@pytest.mark.parametrize(("kind", "energy"), [("tabled", [2, 3]), ("early", [5, 5])])
def test_tables_assets_and_early_savedmodels_are_initialised(kind: str, energy: list[float], probe: Probe) -> None:
    _, arrays = probe
    np.testing.assert_array_equal(arrays[f"{kind}-energy"], energy)


def test_xla_says_what_the_loaded_savedmodel_says(probe: Probe, reference: Reference) -> None:
    _, arrays = probe
    np.testing.assert_allclose(arrays["compiled-probabilities"], reference.probabilities["toy", 1], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("other signature", "no signature 'serving_default'; it has ['__saved_model_init_op', 'classify']"),
        ("other input name", "no input 'images'; it has ['pictures']"),
        ("float input", "'images' of serving_default is float32 [None, 28, 28, 1], not uint8 [None, 28, 28, 1]"),
        ("other input shape", "is uint8 [None, 32, 32, 3], not uint8 [None, 28, 28, 1]"),
        ("one picture at a time", "is uint8 [1, 28, 28, 1], not uint8 [None, 28, 28, 1]"),
        ("eleven classes", "'probabilities' of serving_default is float32 [None, 11], not float32 [None, 10]"),
        ("double precision", "'probabilities' of serving_default is float64 [None, 10], not float32 [None, 10]"),
        ("no energy", "no output 'energy'; it has ['probabilities']"),
    ],
)
def test_a_savedmodel_that_breaks_the_contract_is_refused_and_the_reason_names_the_breach(
    name: str, reason: str, probe: Probe
) -> None:
    facts, _ = probe
    assert reason in facts["refusals"][name]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no graph", "SavedModel file does not exist"),
        ("garbled graph", "corrupt"),
        ("cut graph", "corrupt"),
        ("no weights", "No such file or directory"),
        ("cut weights", "Read less bytes than requested"),
        ("nothing", "SavedModel file does not exist"),
    ],
)
def test_a_damaged_savedmodel_is_refused_with_tensorflows_reason(name: str, reason: str, probe: Probe) -> None:
    facts, _ = probe
    assert facts["refusals"][name].startswith("TensorFlow cannot load it: ")
    assert reason in facts["refusals"][name]


def test_a_sound_savedmodel_is_refused_when_its_card_tells_another_shape(probe: Probe) -> None:
    facts, _ = probe
    assert facts["refused moody"] is None
    assert "not uint8 [None, 28, 28, 3]" in facts["refused as colour"]
    assert "not float32 [None, 12]" in facts["refused as 12 classes"]


def test_the_device_is_the_one_asked_for_or_there_is_none(probe: Probe) -> None:
    facts, _ = probe
    assert facts["device"] == ["cpu", "CPU"]
    assert facts["gpu"] == "gpu" or facts["gpu"].startswith("DIGITS_DEVICE=gpu, but TensorFlow finds no GPU")


def test_keras_is_never_imported(probe: Probe) -> None:
    facts, _ = probe
    assert facts["keras"] == []
