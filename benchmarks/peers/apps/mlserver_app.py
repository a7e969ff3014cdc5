"""MLServer: the Open Inference Protocol over HTTP; adaptive batching joins the inputs of several requests."""

# mypy: disable-error-code="import-not-found, misc"

from __future__ import annotations

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse

from benchmarks.peers.apps.pictures import SHAPE, images_in_base64
from benchmarks.peers.apps.settings import MODEL_DIR


class Digits(MLModel):
    """`images`: BYTES (N), PNGs in base64, or UINT8 (N, 28, 28, 1) → `probabilities` FP32 (N, K)."""

    async def load(self) -> bool:
        from benchmarks.peers.apps.model import Model

        self._model = Model()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        (sent,) = payload.inputs
        if sent.datatype == "BYTES":
            images = images_in_base64(list(sent.data))
        else:
            images = np.asarray(sent.data.root, np.uint8).reshape(-1, *SHAPE)
        output = NumpyCodec.encode_output("probabilities", self._model.predict(images))
        return InferenceResponse(model_name=self.name, model_version=MODEL_DIR.name, outputs=[output])
