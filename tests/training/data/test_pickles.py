from __future__ import annotations

import contextlib
import os
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.training.data.python2_pickle import python2_batch
from training.data.pickles import load_plain

if TYPE_CHECKING:
    from pathlib import Path


class Calls:
    """Pickled, it asks for `function(*arguments)` to be called."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.asked = function, arguments

    def __reduce__(self) -> Any:
        return self.asked


@given(arrays.arrays(np.uint8, arrays.array_shapes(min_dims=1, max_dims=3, max_side=4)), st.integers(2, 4))
def test_what_numpy_pickles(array: np.ndarray[Any, np.dtype[np.uint8]], protocol: int) -> None:
    if protocol == 2:
        content = python2_batch(array, [1, 2])
        assert load_plain(content)[b"labels"] == [1, 2]
        assert (load_plain(content)[b"data"] == array).all()
    else:
        found = load_plain(pickle.dumps({"data": np.ascontiguousarray(array)}, protocol))["data"]
        assert found.shape == array.shape
        assert (found == array).all()


def test_a_pickle_that_runs_a_command(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    content = pickle.dumps({"data": Calls(os.system, f"touch {mark}")}, 2)
    with pytest.raises(ValueError, match=r"asks for (posix|nt)\.system, which is refused"):
        load_plain(content)
    assert not mark.exists()
    pickle.loads(content)  # noqa: S301 - it is ours
    assert mark.exists()  # so the pickle was a working one


@pytest.mark.parametrize(
    ("function", "arguments"),
    [(eval, ("1 + 1",)), (getattr, (int, "bit_length")), (np.load, ("data.npy",)), (bytearray, (10,)), (print, ())],
)
def test_other_names_are_refused(function: Any, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match="which is refused"):
        load_plain(pickle.dumps(Calls(function, *arguments), 4))


def test_a_name_below_an_allowed_one_is_refused() -> None:
    with pytest.raises(ValueError, match="which is refused"):
        load_plain(b"\x80\x04\x8c\x05numpy\x8c\x0fdtype.__class__\x93.")


def test_numpy_itself_is_not_called() -> None:
    """An array with objects in it would have NumPy hold whatever addresses its bytes spell."""
    with pytest.raises(ValueError, match="something else than bytes"):
        load_plain(pickle.dumps({"data": np.array([1, "a"], object)}, 4))


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.float32])
def test_arrays_of_other_numbers(dtype: type[Any]) -> None:
    with pytest.raises(ValueError, match="something else than bytes"):
        load_plain(pickle.dumps(np.zeros(4, dtype), 4))


def test_a_shape_that_lies() -> None:
    content = python2_batch(np.zeros((2, 3), np.uint8), [1, 2])
    lying = content.replace(b"J\x03\x00\x00\x00", b"J\xff\xff\xff\x7f")
    assert lying != content
    with pytest.raises(ValueError, match="whose content is something else"):
        load_plain(lying)


@given(st.data())
def test_damaged_pickles_are_refused_or_read(data: st.DataObject) -> None:
    """Cut short or with a byte changed it is a `ValueError`, or a pickle all the same; never anything else."""
    content = python2_batch(np.arange(6, dtype=np.uint8).reshape(2, 3), [0, 1])
    at = data.draw(st.integers(0, len(content) - 1))
    damaged = data.draw(st.sampled_from([content[:at], content[:at] + b"\x2e" + content[at + 1 :]]))
    with contextlib.suppress(ValueError):
        load_plain(damaged)


def test_what_lies_outside_the_pickle() -> None:
    with pytest.raises(ValueError, match="refers to"):
        load_plain(b"\x80\x04\x8c\x03key\x51.")
