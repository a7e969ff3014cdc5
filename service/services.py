"""What the requests of a worker share, put together in one place."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service import tracing
from service.browsers import Cors
from service.client import EngineClient
from service.endpoint import Endpoint
from service.gate import Gate
from service.heavy import HeavyWork
from service.intake import Intake
from service.observation import Recorder
from service.oip.endpoint import OpenInference
from service.predictor import Predictor
from service.reader import Reader
from service.router import Router
from service.settings import Settings
from service.tfserving import endpoint as tfserving

if TYPE_CHECKING:
    from service.tracing.tracer import Tracer

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Services:
    """One per worker."""

    settings: Settings
    client: EngineClient
    router: Router
    endpoints: tuple[Endpoint, ...]
    """Of inference, the busiest first."""
    recorder: Recorder
    gate: Gate
    cors: Cors
    intake: Intake
    heavy: HeavyWork
    clock: Clock
    """Seconds; tests put a still one in."""
    tracer: Tracer | None = None
    """None unless a collector is named."""

    def endpoint(self, path: str) -> Endpoint | None:
        """Which of the endpoints a POST to `path` is for."""
        for endpoint in self.endpoints:
            if endpoint.matches(path):
                return endpoint
        return None


def assemble(settings: Settings, client: EngineClient, clock: Clock = time.perf_counter) -> Services:
    """The services of a worker with these settings; the client is started by whoever owns its loop."""
    router = Router(client)
    return Services(
        settings,
        client,
        router,
        (
            Predictor(settings, router, clock),
            *tfserving.endpoints(settings, router, clock),
            OpenInference(settings, router, clock),
            Reader(settings, router, clock),
        ),
        Recorder(settings.access_log_per_second, settings.log_slow_seconds),
        Gate(settings),
        Cors(settings.cors_origins),
        Intake(settings),
        HeavyWork(settings.heavy_thread_count),
        clock,
        tracing.start(),
    )
