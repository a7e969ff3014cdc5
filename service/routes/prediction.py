"""`POST /predict`."""

from __future__ import annotations

from flask import Blueprint, Response

from service.routes.services import inferred

blueprint = Blueprint("prediction", __name__)


@blueprint.post("/predict")
def predict() -> Response:
    """Classify the pictures in the body; see `service.forms` for its forms.

    :raise ServiceError: answered with its status by the application.
    """
    return inferred()
