"""What every request passes first: its patience and its size."""

from __future__ import annotations

import orjson
import pytest

from service.errors import InvalidParameterError, PayloadTooLargeError
from service.intake import Intake
from tests.unit.service import bodies
from tests.unit.service.conftest import MakeSettings
from tests.unit.service.site import Site

PNG = bodies.png(bodies.digit())


@pytest.fixture
def intake(make_settings: MakeSettings) -> Intake:
    return Intake(make_settings(deadline_seconds=3.0, deadline_limit_seconds=8.0, max_body_bytes=2000))


@pytest.mark.parametrize(
    ("timeout_ms", "seconds"), [("", 3.0), ("250", 0.25), ("0.5", 0.0005), ("5000", 5.0), ("60000", 8.0), ("inf", 8.0)]
)
def test_a_request_may_have_a_patience_of_its_own(intake: Intake, timeout_ms: str, seconds: float) -> None:
    assert intake.budget_seconds(timeout_ms) == seconds


@pytest.mark.parametrize("timeout_ms", ["0", "-1", "nan", "soon", "1s", " "])
def test_a_patience_that_is_none(intake: Intake, timeout_ms: str) -> None:
    with pytest.raises(InvalidParameterError, match="positive number of milliseconds") as refused:
        intake.budget_seconds(timeout_ms)
    assert refused.value.field == "X-Request-Timeout-Ms"


def test_sizes(intake: Intake) -> None:
    assert not intake.is_too_large("2000")
    assert intake.is_too_large("2001")
    assert not intake.is_too_large("")
    assert not intake.is_too_large("many")
    with pytest.raises(PayloadTooLargeError, match="more than 2000 bytes"):
        raise intake.too_large()


@pytest.mark.parametrize("way", ["over_flask", "over_lane"])
def test_a_request_is_given_up_after_its_own_patience(own_site: Site, way: str) -> None:
    own_site.engine.hold()
    late = getattr(own_site, way)("/predict", PNG, x_request_timeout_ms="20")
    assert late.status == 504
    assert "0.02 s" in orjson.loads(late.body)["error"]["message"]


@pytest.mark.parametrize("way", ["over_flask", "over_lane"])
def test_a_wrong_patience_is_400(site: Site, way: str) -> None:
    refused = getattr(site, way)("/predict", PNG, x_request_timeout_ms="soon", x_request_id="id-1")
    assert refused.status == 400
    assert orjson.loads(refused.body)["error"]["field"] == "X-Request-Timeout-Ms"
