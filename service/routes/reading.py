"""`POST /read`."""

from __future__ import annotations

from flask import Blueprint, Response

from service.routes.services import inferred

blueprint = Blueprint("reading", __name__)


@blueprint.post("/read")
def read() -> Response:
    """Read the row of digits on the picture in the body; see `service.reader`.

    :raise ServiceError: answered with its status by the application.
    """
    return inferred()
