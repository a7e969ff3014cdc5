"""The usual script: Flask on gunicorn, Keras' `model.predict` for every request. Nothing is batched across requests."""

from __future__ import annotations

import keras
import numpy as np
from flask import Flask, Response, request

from benchmarks.peers.apps.model import set_threads
from benchmarks.peers.apps.pictures import SHAPE, answer_of, images_of
from benchmarks.peers.apps.settings import MODEL_DIR

set_threads()
_inputs = keras.Input(SHAPE, dtype="uint8")
_layer = keras.layers.TFSMLayer(str(MODEL_DIR), call_endpoint="serving_default")
model = keras.Model(_inputs, _layer(_inputs))
model.predict(np.zeros((1, *SHAPE), np.uint8), verbose=0)

app = Flask(__name__)


@app.post("/predict")
def predict() -> Response:
    """One request, one call."""
    probabilities = model.predict(images_of(request.get_data()), verbose=0)["probabilities"]
    return Response(answer_of(probabilities, MODEL_DIR), mimetype="application/json")
