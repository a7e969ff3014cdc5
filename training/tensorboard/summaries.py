"""One value for TensorBoard at a time, as its plugins expect it.

`tf.summary.scalar` and its like are part of TensorBoard's own package; `tf.summary.write` is TensorFlow's. Layouts:
`tensorboard/plugins/{scalar,histogram,image}/metadata.py` and `summary_v2.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BINS = 30


def write_scalar(name: str, value: float, step: int) -> None:
    """A point of a curve."""
    _write("scalars", name, tf.constant(value, tf.float32), step, "DATA_CLASS_SCALAR")


def write_histogram(name: str, values: NDArray[Any], step: int) -> None:
    """How often which value: `_BINS` bins of equal width over what there is."""
    counts, edges = np.histogram(values, bins=_BINS)
    buckets = np.stack([edges[:-1], edges[1:], counts], axis=1)  # (bins, 3): left, right, count
    _write("histograms", name, tf.constant(buckets, tf.float64), step, "DATA_CLASS_TENSOR")


def write_image(name: str, image: NDArray[np.uint8], step: int) -> None:
    """A picture uint8 (H, W, 1 or 3)."""
    height, width = image.shape[:2]
    texts = [str(width), str(height), tf.io.encode_png(image).numpy()]
    _write("images", name, tf.constant(texts), step, "DATA_CLASS_BLOB_SEQUENCE")


def _write(plugin: str, name: str, value: Any, step: int, data_class: str) -> None:
    metadata = tf.compat.v1.SummaryMetadata()
    metadata.plugin_data.plugin_name = plugin  # its content is a message whose defaults suit: no bytes at all
    metadata.data_class = metadata.DESCRIPTOR.fields_by_name["data_class"].enum_type.values_by_name[data_class].number
    tf.summary.write(name, value, step=step, metadata=metadata)
