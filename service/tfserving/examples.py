"""`:classify` requests: `{"examples": [{"image": …}, …], "context"?: {…}}` in, pictures out.

An example's features are those of a tf.Example: a list of numbers without further structure, or bytes; here a picture
may also be nested as in `:predict`. What stands in the context stands in every example that does not say otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from service.dense_json import Dense
from service.errors import MalformedRequestError
from service.tensors import from_json
from service.tfserving.request import Pictures, is_encoded, picture

FEATURES = ("image", "images")
"""What the picture's feature may be called."""


def parse(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The examples' features, the context's among them.

    :raise MalformedRequestError: no examples, or not objects.
    """
    context = document.get("context", {})
    if not isinstance(context, dict):
        raise MalformedRequestError(f"Example must be JSON object but got JSON {json_type(context)}", field="context")
    if "examples" not in document:
        raise MalformedRequestError("When method is classify, key 'examples' is expected and was not found")
    examples = document["examples"]
    if not isinstance(examples, list):
        if json_type(examples) == "Array":  # of numbers
            raise MalformedRequestError("Example must be JSON object but got JSON Number", field="examples[0]")
        raise MalformedRequestError("Expecting 'examples' value to be an list/array")
    if not examples:
        raise MalformedRequestError("'examples' value is an empty array")
    for index, example in enumerate(examples):
        if not isinstance(example, dict):
            raise MalformedRequestError(
                f"Example must be JSON object but got JSON {json_type(example)}", field=f"examples[{index}]"
            )
    return [{**context, **example} for example in examples]


def images(examples: list[dict[str, Any]], pictures: Pictures) -> npt.NDArray[np.uint8]:
    """uint8 (N, *pictures.shape).

    :raise InputError: an example has no picture, or one that is at fault; names it: `examples[3].image`.
    """
    pictures.check_count(len(examples))
    return np.stack([_image(example, f"examples[{index}]", pictures) for index, example in enumerate(examples)])


def _image(example: Mapping[str, Any], field: str, pictures: Pictures) -> npt.NDArray[np.uint8]:
    name = next((name for name in FEATURES if name in example), None)
    if name is None:
        raise MalformedRequestError(
            "Feature: image (data type: uint8) is required but could not be found.", field=field
        )
    field, value = f"{field}.{name}", example[name]
    if isinstance(value, list) and len(value) == 1 and is_encoded(value[0]):
        value = value[0]
    size = math.prod(pictures.shape)
    if _is_flat(value, size):
        return from_json(value, "uint8", field, (size,)).reshape(pictures.shape)
    return picture(value, field, pictures)


def _is_flat(value: Any, size: int) -> bool:
    if isinstance(value, Dense):
        return value.shape == (size,)
    return isinstance(value, list) and len(value) == size and not isinstance(value[0], list | Dense)


def json_type(value: Any) -> str:
    """What JSON calls it, as TensorFlow Serving's messages do."""
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return str(value)
    return {str: "String", int: "Number", float: "Number", dict: "Object"}.get(type(value), "Array")
