"""A site whose models have signatures, and requests to it in the protocol's form."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from service import settings as service_settings
from service.catalogue import ModelVersion, Offer, Signature, TensorInfo
from tests.unit.service.site import Site, serving
from tests.unit.service.tiny_engine import CARD, PROBED, SIGNATURES, TinyEngine

_SMALL = {
    "serving_default": Signature(
        {"images": TensorInfo("images:0", "DT_UINT8", (-1, 4, 5, 3))},
        SIGNATURES["serving_default"].outputs,
        "tensorflow/serving/predict",
    )
}
VERSIONS = (
    PROBED,
    ModelVersion("cnn", 2, "loading"),
    msgspec.structs.replace(PROBED, version=3),
    ModelVersion("broken", 1, "failed", "saved_model.pb does not have the SHA-256 that its card states"),
    ModelVersion("coming", 1, "loading"),
    ModelVersion("going", 1, "unloading"),
    ModelVersion("arrays", 1, "available", None, {"labels": CARD["labels"], "input": {"shape": [4, 5, 3]}}, _SMALL),
    ModelVersion("letters", 1, "available", None, {**CARD, "labels": [*"abcdefghij"]}, SIGNATURES),
)
OFFERS = {"cnn": Offer(labels={"stable": 1, "next": 3})}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Shared by a file's tests, which leave it as they find it."""
    settings = service_settings.load(
        run_dir=tmp_path_factory.mktemp("site"),
        engine_heartbeat_seconds=0.02,
        max_body_bytes=2**20,
        max_pictures=400,
        max_pixels=1_000_000,
        max_batch_size=64,
    )
    with TinyEngine(settings.endpoint, *VERSIONS) as engine:
        engine.serve(*VERSIONS, offers=OFFERS)
        with serving(settings, engine) as made:
            yield made
