"""Arrays → the JSON that TensorFlow Serving answers, byte for byte but for the digits of a number.

It writes four spaces of indent, an element of `predictions` on one line, and every number of `outputs` on a line of its
own. A float32 is written in the fewest digits that give it back (`0.1`), not finite ones as `NaN`, `Infinity` and
`-Infinity`, which are no JSON but are what it writes, and what Python's `json` and others read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from service.errors import MalformedRequestError

Array = npt.NDArray[Any]
_NULL = re.compile(rb"null")


def predictions(outputs: Mapping[str, Array]) -> bytes:
    """Row form: `{"predictions": [element, …]}`, objects by name if there are several outputs.

    :raise MalformedRequestError: the outputs have no batch axis, or not the same; ask in column form.
    """
    _check_batch_size(outputs)
    texts = {name: rows(array) for name, array in outputs.items()}
    if len(texts) == 1:
        return _listed("predictions", b", ".join(*texts.values()))
    named = [[b"            %b: " % orjson.dumps(name) + text for text in texts[name]] for name in sorted(texts)]
    elements = [b"        {\n" + b",\n".join(members) + b"\n        }" for members in zip(*named, strict=True)]
    return _listed("predictions", b"\n" + b",\n".join(elements) if elements else b"")


def outputs(outputs: Mapping[str, Array]) -> bytes:
    """Column form: `{"outputs": …}`, an object by name if there are several."""
    if len(outputs) == 1:
        (array,) = outputs.values()
        return b'{\n    "outputs": %b\n}' % _indented(array, b"    ")
    members = [
        b"        %b: %b" % (orjson.dumps(name), _indented(outputs[name], b"        ")) for name in sorted(outputs)
    ]
    return b'{\n    "outputs": {\n%b\n    }\n}' % b",\n".join(members)


def results(probabilities: npt.NDArray[np.float32], labels: Sequence[str]) -> bytes:
    """`:classify`'s answer: for each row of (N, K) its K pairs of label and score, in the order of the classes."""
    classes = probabilities.shape[1]
    names = labels if len(labels) == classes else [""] * classes
    pairs = (b"[" + orjson.dumps(name).replace(b"%", b"%%") + b", %b]" for name in names)
    template = b"[" + b", ".join(pairs) + b"]"
    texts = [template % tuple(row[1:-1].split(b", ")) for row in rows(probabilities)]
    return _listed("results", b", ".join(texts))


def rows(array: Array) -> list[bytes]:
    """Each element along the first axis as JSON on one line."""
    if array.ndim == 1 and array.size:
        return numbers(array)[1:-1].split(b",")
    if not array.size:
        return [numbers(element).replace(b",", b", ") for element in array]
    depth = array.ndim - 1
    opening, closing = b"[" * depth, b"]" * depth
    # The whole at once, then cut where so many brackets close and open.
    inner = numbers(array)[depth + 1 : -depth - 1].split(closing + b"," + opening)
    return [opening + row.replace(b",", b", ") + closing for row in inner]


def numbers(array: Array, option: int = 0) -> bytes:
    """An array, or a single number, as JSON; what is not finite as TensorFlow Serving writes it."""
    if array.ndim == 0:
        text = orjson.dumps(array[()], option=option | orjson.OPT_SERIALIZE_NUMPY)
    else:
        text = orjson.dumps(np.ascontiguousarray(array), option=option | orjson.OPT_SERIALIZE_NUMPY)
    if array.dtype.kind != "f" or b"null" not in text:
        return text
    flat = array.ravel()
    special = iter(flat[~np.isfinite(flat)].tolist())
    return _NULL.sub(lambda _: _name(next(special)), text)


def _name(value: float) -> bytes:
    if math.isnan(value):
        return b"NaN"
    return b"Infinity" if value > 0 else b"-Infinity"


def _indented(array: Array, base: bytes) -> bytes:
    return numbers(array, orjson.OPT_INDENT_2).replace(b"  ", b"    ").replace(b"\n", b"\n" + base)


def _listed(key: str, elements: bytes) -> bytes:
    return b'{\n    "%b": [%b\n    ]\n}' % (key.encode(), elements)


def _check_batch_size(outputs: Mapping[str, Array]) -> None:
    expected = -1
    for name, array in outputs.items():
        if array.ndim == 0:
            raise MalformedRequestError(f"Tensor name: {name} has no shape information")
        if expected not in (-1, len(array)):
            raise MalformedRequestError(
                f"Tensor name: {name} has inconsistent batch size: {len(array)} expecting: {expected}"
            )
        expected = len(array)
