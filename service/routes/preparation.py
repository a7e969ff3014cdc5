"""`POST /models/<name>/preprocess`: what the model would see of a picture."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, jsonify, request

from service import preprocessing
from service.catalogue import ModelVersion
from service.errors import InvalidParameterError, UnsupportedMediaTypeError
from service.images import trace
from service.images.limits import PictureLimits
from service.oip.addressing import version_number
from service.router import Wanted
from service.routes.services import admit, body, services

blueprint = Blueprint("preparation", __name__)
_FORMATS = {"json": "application/json", "png": "image/png"}


@blueprint.post("/models/<name>/preprocess")
@blueprint.post("/models/<name>/versions/<version>/preprocess")
def preprocess(name: str, version: str | None = None) -> Response:
    """Each step of the preparation of the picture in the body: JSON, or one PNG by `Accept` or `?format=png`.

    :raise ServiceError: as for a prediction.
    """
    admit("predict")
    ours = services()
    wanted = Wanted(name, None if version is None else version_number(version), None, g.request_id)
    target = ours.router.target(wanted)
    if not target.reads_pictures:
        raise UnsupportedMediaTypeError(
            f"{name}/{target.version.version} takes arrays only: there is nothing to prepare"
        )
    as_png = _wanted_type() == _FORMATS["png"]
    picture, limits = body(), PictureLimits(max_pixels=ours.settings.max_pixels)
    if as_png:
        return Response(ours.heavy.wait_for(_sheet, picture, limits), content_type=_FORMATS["png"])
    return jsonify(ours.heavy.wait_for(_document, target.version, picture, limits))


def _sheet(picture: bytes, limits: PictureLimits) -> bytes:
    _, steps = trace(picture, limits)
    return preprocessing.sheet(steps)


def _document(version: ModelVersion, picture: bytes, limits: PictureLimits) -> dict[str, Any]:
    prepared, steps = trace(picture, limits)
    return preprocessing.document(version, prepared, steps)


def _wanted_type() -> str:
    asked = request.args.get("format")
    if asked is None:
        return request.accept_mimetypes.best_match(list(_FORMATS.values()), _FORMATS["json"])
    if asked not in _FORMATS:
        raise InvalidParameterError(f"format must be one of {', '.join(_FORMATS)}, not {asked[:40]!r}", field="format")
    return _FORMATS[asked]
