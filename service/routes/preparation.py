"""`POST /models/<name>/preprocess`: what the model would see of a picture."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request

from service import preprocessing
from service.catalogue import ModelVersion
from service.errors import UnsupportedMediaTypeError
from service.images import trace_for
from service.images.limits import PictureLimits
from service.inspection import formats
from service.routes.services import admit, body, services
from service.routes.versions import below_a_version, target

blueprint = Blueprint("preparation", __name__)


@below_a_version(blueprint, "/preprocess", "POST")
def preprocess(name: str, version: str | None, label: str | None) -> Response:
    """Each step of the preparation of the picture in the body: JSON, or one PNG by `Accept` or `?format=png`.

    :raise ServiceError: as for a prediction.
    """
    admit("predict")
    ours = services()
    found = target(name, version, label)
    if not found.reads_pictures:
        raise UnsupportedMediaTypeError(
            f"{name}/{found.version.version} takes arrays only: there is nothing to prepare"
        )
    as_png = formats.chosen(request.args.get("format"), request.accept_mimetypes.best_match, ("json", "png")) == "png"
    picture, limits = body(), PictureLimits(max_pixels=ours.settings.max_pixels)
    if as_png:
        return Response(
            ours.heavy.wait_for(_sheet, found.version, picture, limits), content_type=formats.MEDIA_TYPES["png"]
        )
    return jsonify(ours.heavy.wait_for(_document, found.version, picture, limits))


def _sheet(version: ModelVersion, picture: bytes, limits: PictureLimits) -> bytes:
    return preprocessing.sheet(trace_for(version.preparation, version.input_shape, picture, limits).steps)


def _document(version: ModelVersion, picture: bytes, limits: PictureLimits) -> dict[str, Any]:
    return preprocessing.document(version, trace_for(version.preparation, version.input_shape, picture, limits))
