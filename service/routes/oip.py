"""The Open Inference Protocol's routes; what they say is made in `service.oip`."""

from __future__ import annotations

from typing import Literal

from flask import Blueprint, Response, jsonify, request

from service.buffers import flush_all
from service.catalogue import Catalogue, ModelVersion
from service.errors import NotReadyError
from service.oip import metadata, repository, statistics
from service.oip.addressing import SERVING, version_number
from service.routes.services import admit, body, inferred, services

blueprint = Blueprint("oip", __name__, url_prefix="/v2")
_MODEL = "/models/<name>"
_VERSION = f"{_MODEL}/versions/<version>"


@blueprint.get("")
def server() -> Response:
    """Name, version and extensions."""
    return jsonify(metadata.server())


@blueprint.get("/health/live")
def live() -> Response:
    """200 as long as this worker answers at all."""
    return jsonify({"live": True})


@blueprint.get("/health/ready")
def ready() -> Response:
    """200 when an inference would be accepted now, and for a while yet.

    :raise NotReadyError: 503 otherwise.
    """
    if services().settings.draining_path.exists():
        raise NotReadyError("the service is stopping", retry_after_seconds=2)
    if not services().client.ready:
        raise NotReadyError("the engine is not ready", retry_after_seconds=2)
    return jsonify({"ready": True})


@blueprint.get(_MODEL)
@blueprint.get(_VERSION)
def model(name: str, version: str | None = None) -> Response:
    """Inputs and outputs of `serving_default`, or of the signature that `?signature_name=` names.

    :raise NotFoundError: there is no such model or version.
    """
    signature = request.args.get("signature_name") or SERVING
    found = _resolve(name, version)
    return jsonify(metadata.model(_catalogue(), found, signature, one_version=version is not None))


@blueprint.get(f"{_MODEL}/ready")
@blueprint.get(f"{_VERSION}/ready")
def model_ready(name: str, version: str | None = None) -> Response:
    """200 when an inference of this model would be accepted now.

    :raise NotFoundError: there is no such model or version, or it could not be loaded.
    :raise NotReadyError: it is being loaded, or there is no engine.
    """
    _resolve(name, version)
    if not services().client.ready:
        raise NotReadyError("the engine is not ready", retry_after_seconds=2)
    return jsonify({"name": name, "ready": True})


@blueprint.get(f"{_MODEL}/config")
@blueprint.get(f"{_VERSION}/config")
def configuration(name: str, version: str | None = None) -> Response:
    """Triton's model configuration."""
    found = _resolve(name, version)
    return jsonify(metadata.configuration(found, services().settings.max_batch_size, _catalogue().device))


@blueprint.get("/models/stats")
@blueprint.get(f"{_MODEL}/stats")
@blueprint.get(f"{_VERSION}/stats")
def stats(name: str | None = None, version: str | None = None) -> Response:
    """Counts and times of one version, of a model's available versions, or of all."""
    catalogue = _catalogue()
    if name is not None and version is not None:
        versions = [_resolve(name, version)]
    else:
        of = catalogue.versions if name is None else catalogue.of(name)
        versions = sorted((v for v in of if v.state == "available"), key=lambda v: (v.name, v.version))
    flush_all()
    return jsonify(statistics.read(versions))


@blueprint.post(f"{_MODEL}/infer")
@blueprint.post(f"{_VERSION}/infer")
def infer(name: str, version: str | None = None) -> Response:  # noqa: ARG001  (the endpoint reads the path itself)
    """See `service.oip.endpoint`."""
    return inferred()


@blueprint.post("/repository/index")
def index() -> Response:
    """Every version there is, with its state."""
    ready_only = repository.wants_ready_only(body())
    return jsonify(repository.index(_catalogue(), ready_only=ready_only))


@blueprint.post("/repository/models/<name>/load")
def load(name: str) -> Response:
    """Load the versions of a model now, those that were refused or unloaded too; answered when it is done.

    :raise UnknownModelError: there is no such model.
    :raise LoadFailedError: none of its versions can be served.
    """
    return _control("load", name)


@blueprint.post("/repository/models/<name>/unload")
def unload(name: str) -> Response:
    """Take a model out of service until it is loaded again; answered when it is done.

    :raise UnknownModelError: there is no such model.
    """
    return _control("unload", name)


def _control(action: Literal["load", "unload"], name: str) -> Response:
    admit("admin")
    repository.check_control(action, body())
    ours = services()
    # As patient as with a start: a load takes as long as it takes, and other requests do not wait for it.
    ours.client.from_thread(ours.client.control(action, name, ours.settings.engine_start_seconds))
    return jsonify({})


def _catalogue() -> Catalogue:
    return services().client.catalogue


def _resolve(name: str, version: str | None) -> ModelVersion:
    return _catalogue().resolve(name, version_number(version))
