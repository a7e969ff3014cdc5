"""`POST /predict`."""

from __future__ import annotations

from flask import Blueprint, Response, g, request

from service.responses import JSON_TYPE
from service.routes.services import services

blueprint = Blueprint("prediction", __name__)


@blueprint.post("/predict")
def predict() -> Response:
    """Classify the pictures in the body; see `service.forms` for its forms.

    :raise ServiceError: answered with its status by the application.
    """
    predictor = services().predictor
    query = predictor.query(request.query_string)
    body = request.get_data(cache=False)
    job = predictor.begin(query, request.headers.get("Content-Type", ""), body, g.started)
    answer = predictor.client.ask_from_thread(job.target.version, job.images, job.budget_seconds)
    response = Response(predictor.finish(job, answer), content_type=JSON_TYPE)
    writing = predictor.clock()

    def written() -> None:
        job.stages["write"] = predictor.clock() - writing
        job.target.observer.passed(job.stages)

    response.call_on_close(written)
    return response
