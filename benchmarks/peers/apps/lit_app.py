"""LitServe: FastAPI in front, workers behind a queue (ZeroMQ, as it advises from 100 requests/s on)."""

# mypy: disable-error-code="import-not-found, misc, no-any-return"
# No `annotations` from the future: FastAPI reads the one of `decode_request`, and would find a text.

from typing import Annotated

import litserve
from fastapi import Depends, Request, Response

from benchmarks.peers.apps.pictures import Images, Probabilities, answer_of, images_of
from benchmarks.peers.apps.settings import BATCH_REQUESTS_MAX, MODEL_DIR, PORT, WAIT_MS, WORKERS


async def read_body(request: Request) -> bytes:
    """Bodies other than JSON and forms reach `decode_request` only by a dependency of FastAPI's."""
    return await request.body()


class Digits(litserve.LitAPI):
    def setup(self, device: str) -> None:  # noqa: ARG002  # its name is part of the interface
        from benchmarks.peers.apps.model import Model

        self._model = Model()

    def decode_request(self, request: Annotated[bytes, Depends(read_body)]) -> Images:
        return images_of(request)

    def batch(self, inputs: list[Images]) -> list[Images]:
        return list(inputs)

    def predict(self, x: list[Images]) -> list[Probabilities]:
        return self._model.predict_requests(x)

    def unbatch(self, output: list[Probabilities]) -> list[Probabilities]:
        return output

    def encode_response(self, output: Probabilities) -> Response:
        return Response(answer_of(output, MODEL_DIR), media_type="application/json")


if __name__ == "__main__":
    api = Digits(max_batch_size=BATCH_REQUESTS_MAX, batch_timeout=WAIT_MS / 1000)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=WORKERS, fast_queue=True, timeout=30)
    server.run(host="127.0.0.1", port=PORT, generate_client_file=False, log_level="warning", access_log=False)
