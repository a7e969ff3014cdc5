"""BentoML: a front service with a route of its own, and the model in a service of its own that batches adaptively."""

# mypy: disable-error-code="import-not-found, misc, untyped-decorator, no-any-return"

from __future__ import annotations

import bentoml
import numpy as np
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.peers.apps.pictures import answer_of, images_of
from benchmarks.peers.apps.settings import MODEL_DIR, WORKERS

LATENCY_MAX_MS = 1000
"""What a request may take before BentoML refuses it; its default is a minute."""
BATCH_PICTURES_MAX = 4096
"""It counts pictures, not requests, and refuses a request that holds more."""
# By default the connection to the inner service is renewed every 100 requests, and those in flight fail then.
CONNECTION = {"max_requests": 10**9, "max_age": 1e9}


@bentoml.service(workers=WORKERS, traffic={"timeout": 30}, runner_connection=CONNECTION)
class Digits:
    """Behind a socket; arrays come in batches of several requests."""

    def __init__(self) -> None:
        from benchmarks.peers.apps.model import Model

        self._model = Model()

    @bentoml.api(batchable=True, max_batch_size=BATCH_PICTURES_MAX, max_latency_ms=LATENCY_MAX_MS)
    def predict(self, images: np.ndarray) -> np.ndarray:
        return self._model.predict(images)


async def _predict(request: Request) -> Response:
    images = images_of(await request.body())
    probabilities = await request.app.state.digits.to_async.predict(images)
    return Response(answer_of(probabilities, MODEL_DIR), media_type="application/json")


front = Starlette(routes=[Route("/predict", _predict, methods=["POST"])])


@bentoml.service(traffic={"timeout": 30})
@bentoml.asgi_app(front, path="/")
class Front:
    """HTTP and decoding. A route of its own, because BentoML's own inputs take a picture only by way of a file."""

    digits = bentoml.depends(Digits)

    def __init__(self) -> None:
        front.state.digits = self.digits
