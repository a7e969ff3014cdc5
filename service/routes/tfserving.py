"""`/v1/models/…`: TensorFlow Serving's REST API."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request

from service.errors import MalformedRequestError
from service.responses import JSON_TYPE
from service.routes.services import inferred, services
from service.tfserving import addresses, status

blueprint = Blueprint("tfserving", __name__, url_prefix="/v1")

_WHOM = ("<model>", "<model>/versions/<version>", "<model>/labels/<label>")


def _each(suffix: str, method: str) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    """The same for a model, a version of it, and a label."""

    def register(view: Callable[..., Response]) -> Callable[..., Response]:
        for whom in _WHOM:
            blueprint.add_url_rule(f"/models/{whom}{suffix}", view_func=view, methods=[method])
        return view

    return register


@_each("", "GET")
def model_status(**_: str) -> Response:
    """The states of a model's versions, or of the one that is named.

    :raise UnknownModelError, UnknownVersionError, UnknownLabelError: 404.
    :raise NotReadyError: no engine has been heard from yet.
    """
    address = addresses.parse(request.path, "GET")
    return Response(status.model_status(services().client.catalogue, address), content_type=JSON_TYPE)


@_each("/metadata", "GET")
def metadata(**_: str) -> Response:
    """The signatures of the version that answers.

    :raise UnknownModelError, UnknownVersionError, UnknownLabelError: 404.
    :raise NotReadyError: no engine has been heard from yet, or it is still loading that version.
    """
    address = addresses.parse(request.path.removesuffix("/metadata"), "GET")
    return Response(status.metadata(services().client.catalogue, address), content_type=JSON_TYPE)


@_each(":predict", "POST")
def predict(**_: str) -> Response:
    """Any signature; see `service.tfserving.request` for its forms."""
    return _inferred()


@_each(":classify", "POST")
def classify(**_: str) -> Response:
    """Label and score of every class; see `service.tfserving.examples`."""
    return _inferred()


@_each(":regress", "POST")
def regress(**_: str) -> Response:
    """Refused: no model here is for regression."""
    return _inferred()


def _inferred() -> Response:
    addresses.parse(request.path)  # what no endpoint matches is malformed
    return inferred()


@blueprint.route("/<path:_rest>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def malformed(_rest: str) -> Response:
    """TensorFlow Serving has no 404 for a path and no 405 for a method, it calls both malformed.

    :raise MalformedRequestError: always.
    """
    if request.path in ("/v1/models", addresses.PREFIX):
        raise MalformedRequestError("Missing model name in request.")
    raise addresses.malformed(request.path, request.method)
