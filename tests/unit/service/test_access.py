"""Who may ask, and what browsers are told: the same over the lane and over Flask."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from structlog.testing import capture_logs

from tests.unit.service import bodies
from tests.unit.service.conftest import MakeSettings
from tests.unit.service.site import Answer, Site, serving
from tests.unit.service.tiny_engine import TinyEngine

PNG = bodies.png(bodies.digit())
KEYS = {"reader": ("predict",), "keeper": ("admin",), "hurried": ("predict",)}
WAYS = ["over_lane", "over_flask"]


@pytest.fixture
def guarded(tmp_path: Path, make_settings: MakeSettings) -> Iterator[Site]:
    """A site with three keys, each presented as its name; `hurried` may ask twice, then once in a long time."""
    tables = []
    for name, scopes in KEYS.items():
        rate = "requests_per_second = 0.001\nburst = 2" if name == "hurried" else ""
        digest = hashlib.sha256(name.encode()).hexdigest()
        tables.append(f'[[key]]\nname = "{name}"\nsha256 = "{digest}"\nscopes = {list(scopes)}\n{rate}')
    file = tmp_path / "keys.toml"
    file.write_text("\n".join(tables))
    file.chmod(0o600)
    settings = make_settings(api_keys_file=file, workers=1, cors_origins="https://forms.example")
    with TinyEngine(settings.endpoint) as engine, serving(settings, engine) as site:
        yield site


def ask(site: Site, way: str, **headers: str) -> Answer:
    with capture_logs():
        answer: Answer = getattr(site, way)("/predict", PNG, x_request_id="id-1", **headers)
    return answer


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x_api_key": "reader"}, 200),
        ({"authorization": "Bearer reader"}, 200),
        ({"authorization": "bearer reader"}, 200),
        ({}, 401),
        ({"x_api_key": "nobody"}, 401),
        ({"authorization": "Basic reader"}, 401),
        ({"x_api_key": "keeper"}, 403),
    ],
)
def test_predictions_need_a_key_that_opens_them(guarded: Site, way: str, headers: dict[str, str], status: int) -> None:
    answer = ask(guarded, way, **headers)
    assert answer.status == status
    assert ("www-authenticate" in answer.headers) == (status == 401)
    if status != 200:
        error = orjson.loads(answer.body)["error"]
        assert error["type"] == {401: "unauthorized", 403: "forbidden"}[status]
        assert not guarded.engine.asked


@pytest.mark.parametrize("way", WAYS)
def test_a_key_has_its_rate(guarded: Site, way: str) -> None:
    assert [ask(guarded, way, x_api_key="hurried").status for _ in range(3)] == [200, 200, 429]
    late = ask(guarded, way, x_api_key="hurried")
    assert orjson.loads(late.body)["error"]["type"] == "rate_limited"
    assert int(late.headers["retry-after"]) > 100
    assert ask(guarded, way, x_api_key="reader").status == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/models", "/metrics", "/openapi.json", "/"])
def test_looking_needs_no_key(guarded: Site, path: str) -> None:
    assert guarded.over_flask(path, method="GET").status == 200


@pytest.mark.parametrize("body", [PNG, b"no picture"])
def test_both_ways_tell_browsers_the_same(guarded: Site, body: bytes) -> None:
    headers = {"x_api_key": "reader", "origin": "https://forms.example", "x_request_id": "id-1"}
    over_lane, over_flask = (getattr(guarded, way)("/predict", body, **headers) for way in WAYS)
    assert over_lane == over_flask
    assert over_lane.headers["x-content-type-options"] == "nosniff"
    assert over_lane.headers["cache-control"] == "no-store"
    assert over_lane.headers["access-control-allow-origin"] == "https://forms.example"


@pytest.mark.parametrize("way", WAYS)
def test_other_origins_are_told_nothing(guarded: Site, site: Site, way: str) -> None:
    stranger = ask(guarded, way, x_api_key="reader", origin="https://other.example")
    assert "access-control-allow-origin" not in stranger.headers
    assert stranger.headers["vary"] == "Origin"
    off = ask(site, way, origin="https://forms.example")
    assert not [name for name in off.headers if name.startswith("access-control") or name == "vary"]


def test_a_preflight_is_answered_without_a_key(guarded: Site) -> None:

    def ask_whether(header: str) -> Answer:
        return guarded.over_lane(
            "/predict",
            method="OPTIONS",
            origin="https://forms.example",
            access_control_request_method="POST",
            access_control_request_headers=header,
        )

    answer = ask_whether("x-api-key")
    assert (answer.status, answer.body) == (204, b"")
    assert "POST" in answer.headers["access-control-allow-methods"]
    refused = ask_whether("x-evil")
    assert "access-control-allow-methods" not in refused.headers
    assert "POST" in refused.headers["allow"]


def test_pages_and_programs_alike_get_security_headers(site: Site) -> None:
    for path in ("/", "/healthz", "/nowhere"):
        answer = site.over_flask(path, method="GET")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "cache-control" not in answer.headers
