"""mosec: a Rust front end that batches, and Python workers that decode, run the model and encode."""

# mypy: disable-error-code="import-not-found, misc, no-any-return"

from __future__ import annotations

from mosec import Server, Worker

from benchmarks.peers.apps.pictures import Images, Probabilities, answer_of, images_of
from benchmarks.peers.apps.settings import BATCH_REQUESTS_MAX, MODEL_DIR, WAIT_MS, WORKERS


class Digits(Worker):
    """One per process; `forward` gets as many requests as were waiting."""

    resp_mime_type = "application/json"

    def __init__(self) -> None:
        from benchmarks.peers.apps.model import Model

        super().__init__()
        self._model = Model()

    def deserialize(self, data: bytes) -> Images:
        return images_of(data)

    def forward(self, data: list[Images]) -> list[Probabilities]:
        return self._model.predict_requests(data)

    def serialize(self, data: Probabilities) -> bytes:
        return answer_of(data, MODEL_DIR)


if __name__ == "__main__":
    server = Server()
    server.append_worker(
        Digits, num=WORKERS, max_batch_size=BATCH_REQUESTS_MAX, max_wait_time=WAIT_MS, timeout=30, route="/predict"
    )
    server.run()
