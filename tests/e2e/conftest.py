"""One service for all tests that only ask; those that do it harm start their own."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.service_process import Service, started
from tests.reference import Reference, make_reference


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return make_reference(tmp_path_factory)


@pytest.fixture(scope="session")
def service(reference: Reference) -> Iterator[Service]:
    """A ready service with the models of the reference; it has to be well at the end, too."""
    with started(reference.models_dir) as service:
        service.wait_until_ready()
        yield service
        assert not service.events("internal_error")
        assert not service.events("engine_died")


@pytest.fixture
def client(service: Service) -> httpx.Client:
    return service.client
