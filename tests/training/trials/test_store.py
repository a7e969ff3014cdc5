"""What a finished trial leaves behind, and when it counts."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from architectures import Conv, MaxPool, preset
from training.errors import ConfigurationError
from training.trials import Failed, Store, TrialResult
from training.trials.identity import digest_of, digest_of_arrays, document_of

IDENTITY = {"architecture": {"name": "mlp"}, "config": {"epochs": 1}}
RESULT = TrialResult(0.25, 0.9, 90, 100, (0.8, 1.0), 1.5, ({"epoch": 1, "val_loss": 0.3},))
LIBRARIES = {"libraries": {"python": "3.11"}}


def test_what_is_put_can_be_got(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs" / "trials")
    store.require_place()
    assert store.get(IDENTITY) is None
    store.put(IDENTITY, RESULT, LIBRARIES)
    assert store.get(IDENTITY) == RESULT
    assert store.get(IDENTITY | {"config": {"epochs": 2}}) is None
    (file,) = store.directory.iterdir()
    assert json.loads(file.read_text())["made_by"] == LIBRARIES


def test_a_failure_is_kept_with_its_reason(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put(IDENTITY, Failed("the loss got out of hand"), LIBRARIES)
    assert store.get(IDENTITY) == Failed("the loss got out of hand")


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"schema": 0}', '{"schema": 1, "identity": {"other": 1}, "result": {}}', "\x00"]
)
def test_a_damaged_file_does_not_count(tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture) -> None:
    store = Store(tmp_path)
    (tmp_path / f"{digest_of(IDENTITY)}.json").write_text(content)
    with caplog.at_level(logging.WARNING):
        assert store.get(IDENTITY) is None
    assert "does not count" in caplog.text
    store.put(IDENTITY, RESULT, LIBRARIES)
    assert store.get(IDENTITY) == RESULT


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        Store(tmp_path / "file" / "runs").require_place()


def test_a_document_tells_layers_apart_that_have_the_same_fields() -> None:
    @dataclass(frozen=True)
    class Other:
        size: int
        stride: int
        padding: str

    assert document_of(MaxPool(2)) != document_of(Other(2, 2, "valid"))
    assert document_of(Conv(8, 3))["type"] == "Conv"
    assert document_of({"path": Path("a"), "pair": (1, 2.5, None, True)}) == {"path": "a", "pair": [1, 2.5, None, True]}
    with pytest.raises(TypeError, match="object has no form"):
        document_of(object())


def test_architectures_that_differ_in_one_key_have_digests_of_their_own() -> None:
    digests = {digest_of(document_of(preset("conv-pool-n", keys={"numFilters": count}))) for count in (8, 16, 32)}
    assert len(digests) == 3


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=5))
def test_the_order_of_keys_does_not_count(document: dict[str, Any]) -> None:
    assert digest_of(document) == digest_of(dict(reversed(document.items())))


def test_a_digest_of_arrays_sees_shape_type_and_content() -> None:
    array = np.arange(6, dtype=np.uint8)
    others: list[NDArray[Any]] = [array.reshape(2, 3), array.reshape(3, 2), array.astype(np.int64), array + np.uint8(1)]
    others.append(array[::-1])
    assert len({digest_of_arrays(one) for one in [array, *others]}) == 6
    assert digest_of_arrays(np.arange(12)[::2]) == digest_of_arrays(np.arange(12)[::2].copy())
