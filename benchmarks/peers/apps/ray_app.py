"""Ray Serve: a proxy, and replicas whose calls `serve.batch` gathers."""

# mypy: disable-error-code="import-not-found, misc, untyped-decorator, attr-defined"

from __future__ import annotations

import signal
import sys

import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import Response

from benchmarks.peers.apps.pictures import Images, Probabilities, answer_of, images_of
from benchmarks.peers.apps.settings import BATCH_REQUESTS_MAX, MODEL_DIR, PORT, WAIT_MS, WORKERS

# Its default is 5, which would keep batches that small; beyond it requests wait in the proxy.
ONGOING_REQUESTS_MAX = 2 * BATCH_REQUESTS_MAX


@serve.deployment(
    num_replicas=WORKERS, max_ongoing_requests=ONGOING_REQUESTS_MAX, ray_actor_options={"num_cpus": 1 / WORKERS}
)
class Digits:
    def __init__(self) -> None:
        from benchmarks.peers.apps.model import Model

        self._model = Model()

    @serve.batch(max_batch_size=BATCH_REQUESTS_MAX, batch_wait_timeout_s=WAIT_MS / 1000)
    async def predict(self, requests: list[Images]) -> list[Probabilities]:
        return self._model.predict_requests(requests)

    async def __call__(self, request: Request) -> Response:
        probabilities = await self.predict(images_of(await request.body()))
        return Response(answer_of(probabilities, MODEL_DIR), media_type="application/json")


def main() -> None:
    """Serve until SIGTERM."""
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=100 * 2**20,
        log_to_driver=False,
        logging_level="warning",
    )
    serve.start(http_options={"host": "127.0.0.1", "port": PORT}, logging_config={"enable_access_log": False})
    serve.run(Digits.bind(), route_prefix="/predict")
    # Ray ends its processes when Python leaves in order.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
