"""Is it alive, is it ready, how does it fare, what can it do."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST

from service import metrics
from service.buffers import flush_all
from service.errors import NotReadyError
from service.openapi import as_json
from service.responses import JSON_TYPE
from service.routes.services import services

blueprint = Blueprint("health", __name__)
OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@blueprint.get("/healthz")
def healthz() -> Response:
    """200 as long as this worker answers at all; a restart would help if it did not."""
    return jsonify({"status": "alive"})


@blueprint.get("/readyz")
def readyz() -> Response:
    """200 when a prediction would be accepted now, and for a while yet.

    :raise NotReadyError: 503 otherwise.
    """
    if services().settings.draining_path.exists():
        raise NotReadyError("the service is stopping", retry_after_seconds=2)
    if not services().client.ready:
        raise NotReadyError("the engine is not ready", retry_after_seconds=2)
    return jsonify({"status": "ready"})


@blueprint.get("/metrics")
def exposition() -> Response:
    """Prometheus' text format, over all processes of the service; OpenMetrics, for its exemplars, where there are traces."""
    flush_all()
    tracer = services().tracer
    if tracer is not None and OPENMETRICS_TYPE.partition(";")[0] in request.headers.get("Accept", ""):
        return Response(metrics.openmetrics(tracer.exemplars.attach), content_type=OPENMETRICS_TYPE)
    return Response(metrics.exposition(), content_type=CONTENT_TYPE_LATEST)


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """This API, described."""
    return Response(as_json(), content_type=JSON_TYPE)
