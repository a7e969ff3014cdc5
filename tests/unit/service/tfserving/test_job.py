"""What carriers go by: whether a request is heavy to read, and its answer long to write."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from service.endpoint import Call
from tests.unit.service.running import pictures
from tests.unit.service.site import Site


def call(path: str, document: Any) -> Call:
    return Call(path, b"", {}, orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY), "id", 0.0, 10.0)


@pytest.mark.parametrize(
    ("document", "heavy"),
    [
        ({"instances": pictures(1)}, False),
        ({"instances": pictures(20)}, True),
        ({"instances": [{"b64": "AAAA"}]}, True),
    ],
)
def test_pictures_to_decode_and_many_numbers_are_heavy(site: Site, document: Any, heavy: bool) -> None:
    request = call("/v1/models/cnn:predict", document)
    endpoint = site.services.endpoint(request.path)

    assert endpoint is not None
    assert endpoint.is_heavy(request) is heavy


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"instances": pictures(2)}, 2),  # 10 probabilities and an energy each
        ({"inputs": {"images": pictures(2), "classes": [0, 1]}, "signature_name": "saliency"}, 2 * 784 // 10),
    ],
)
def test_an_answer_is_as_long_as_its_numbers_are_many(site: Site, document: Any, expected: int) -> None:
    request = call("/v1/models/cnn:predict", document)
    endpoint = site.services.endpoint(request.path)
    assert endpoint is not None
    job = endpoint.begin(request)
    asyncio.run_coroutine_threadsafe(job.ask(), site.loop).result()

    assert job.pictures == expected


@pytest.mark.parametrize(
    ("method", "route"),
    [(method, f"/v1/models/<model>:{method}") for method in ("predict", "classify", "regress")],
)
def test_all_addresses_of_a_method_are_one_route(site: Site, method: str, route: str) -> None:
    for whom in ("cnn", "cnn/versions/1", "letters/labels/stable"):
        endpoint = site.services.endpoint(f"/v1/models/{whom}:{method}")
        assert endpoint is not None
        assert endpoint.route == route
