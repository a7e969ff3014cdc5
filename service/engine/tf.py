"""TensorFlow as the engine wants it; whoever needs it takes it from here.

Why Keras is kept out: a SavedModel needs none, and importing TensorFlow without it takes 2.7 s, not 6.0.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from service.settings import prepare_tensorflow

prepare_tensorflow()
if not TYPE_CHECKING:
    sys.modules.setdefault("keras", None)  # TensorFlow imports Keras if it can, and lives without
import tensorflow as tf  # noqa: E402  (after Keras has been kept out)
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel  # noqa: E402

v1 = tf.compat.v1
v1.logging.set_verbosity(v1.logging.ERROR)

__all__ = ["SavedModel", "tf", "v1"]
