"""Which requests are the endpoint's, and which would hold up an event loop."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from service.endpoint import Call
from service.oip.endpoint import OpenInference
from tests.unit.service import bodies
from tests.unit.service.oip.requests import LENGTH, binary, blob, pictures, plain, tensor
from tests.unit.service.site import Site


@pytest.fixture
def endpoint(site: Site) -> OpenInference:
    found = site.services.endpoint("/v2/models/cnn/infer")
    assert isinstance(found, OpenInference)
    return found


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v2/models/cnn/infer", True),
        ("/v2/models/cnn/versions/1/infer", True),
        ("/v2/models/versions/infer", True),
        ("/v2/models/cnn/versions/1/2/infer", False),
        ("/v2/models/cnn/infer/", False),
        ("/v2/models//infer", False),
        ("/v2/models/cnn", False),
        ("/v2/repository/index", False),
        ("/predict", False),
    ],
)
def test_whose_path_it_is(endpoint: OpenInference, path: str, expected: bool) -> None:
    assert endpoint.matches(path) is expected


DIGIT = bodies.digit()[np.newaxis]
MANY = np.zeros((300, 28, 28), np.uint8)


def uint8(images: npt.NDArray[np.uint8]) -> tuple[bytes, dict[str, str]]:
    return binary(images.tobytes(), blob("images", "UINT8", (*images.shape, 1), images.size))


def converted(count: int) -> tuple[bytes, dict[str, str]]:
    return binary(bytes(count * 4 * 784), blob("images", "FP32", (count, 28, 28, 1), count * 4 * 784))


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (plain(pictures(DIGIT)), {}, False),
        (plain(pictures(MANY)), {}, True),
        (plain(tensor("images", "BYTES", [1], ["aGVsbG8="])), {}, True),
        (*uint8(DIGIT), False),
        (*uint8(MANY), False),
        (*converted(1), False),
        (*converted(300), True),
        (*binary(b"\x01\0\0\0x", blob("images", "BYTES", [1], 5)), True),
        (*binary(b"x", blob("images", "UINT8", [1], 1), id="x" * 20_000), True),
        (MANY.tobytes(), {LENGTH: "0"}, False),
        (b"", {}, False),
        (b"{}", {LENGTH: "many"}, False),
        (b"{}", {LENGTH: "9" * 9999}, False),
        (b"{}", {LENGTH: "²"}, False),
    ],
)
def test_what_is_heavy(endpoint: OpenInference, body: bytes, headers: dict[str, str], expected: bool) -> None:
    raw = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    assert endpoint.is_heavy(Call("/v2/models/cnn/infer", b"", raw, body, "id", 0.0, 1.0)) is expected
