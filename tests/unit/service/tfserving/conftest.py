"""A site that speaks TensorFlow Serving's REST API: models with signatures, in every state, with labels."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from service import settings as service_settings
from service.catalogue import ModelVersion, Offer, Signature, TensorInfo
from tests.unit.service.site import Site, serving
from tests.unit.service.tiny_engine import CARD, PROBED, SIGNATURES, TinyEngine

REFUSED = "saved_model.pb does not have the SHA-256 that its card states"
_METHOD = "tensorflow/serving/predict"
_SHORT = {
    "serving_default": Signature(
        {"images": TensorInfo("images:0", "DT_UINT8", (-1, 28, 28, 1))},
        {"probabilities": TensorInfo("probabilities:0", "DT_FLOAT", (-1, 10))},
        _METHOD,
    ),
    "texts": Signature(
        {"texts": TensorInfo("texts:0", "DT_STRING", (-1,))}, {"lengths": TensorInfo("l:0", "DT_INT32", None)}, _METHOD
    ),
}
_COLOUR = {"labels": CARD["labels"], "input": {"shape": [2, 1, 3]}}
_COLOUR_SIGNATURES = {
    "serving_default": Signature(
        {"images": TensorInfo("images:0", "DT_UINT8", (-1, 2, 1, 3))}, SIGNATURES["serving_default"].outputs, _METHOD
    )
}

VERSIONS = (
    PROBED,
    ModelVersion("cnn", 2, "loading"),
    ModelVersion("cnn", 3, "failed", REFUSED),
    ModelVersion("cnn", 4, "unloading", None, CARD, SIGNATURES),
    # One output, and labels that are words.
    ModelVersion("letters", 7, "available", None, {**CARD, "labels": ["a%", 'b"', *"cdefghij"]}, _SHORT),
    # Pictures for which no preparation is known.
    ModelVersion("arrays", 1, "available", None, _COLOUR, _COLOUR_SIGNATURES),
    ModelVersion("bare", 1, "available", None, CARD),
)
OFFERS = {"cnn": Offer({"stable": 1, "next": 2})}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Shared by a file's tests, which leave it as they find it."""
    settings = service_settings.load(
        run_dir=tmp_path_factory.mktemp("site"), max_body_bytes=1_000_000, max_pictures=100, max_pixels=1_000_000
    )
    with TinyEngine(settings.endpoint, *VERSIONS) as engine:
        engine.serve(*VERSIONS, offers=OFFERS)
        with serving(settings, engine) as made:
            yield made
