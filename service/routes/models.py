"""`/models`: what is served, in which state, with its card."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify

from service.catalogue import Catalogue, ModelVersion
from service.errors import UnknownVersionError
from service.router import CANARY, SHADOW
from service.routes.services import services

blueprint = Blueprint("models", __name__)


@blueprint.get("/models")
def models() -> Response:
    """Every model with its versions, and the engine that runs them.

    :raise NotReadyError: no engine has been heard from yet.
    """
    catalogue = _catalogue()
    names = sorted({v.name for v in catalogue.versions})
    return jsonify(
        {
            "models": [_model(catalogue, name) for name in names],
            "engine": {
                "ready": services().client.ready,
                "device": {"kind": catalogue.device.kind, "name": catalogue.device.name},
                "pid": catalogue.engine_pid,
                "started": catalogue.started,
                "tensorflow": catalogue.tensorflow,
            },
        }
    )


@blueprint.get("/models/<name>")
def model(name: str) -> Response:
    """One model with its versions.

    :raise UnknownModelError: 404.
    """
    return jsonify(_model(_catalogue(), name))


@blueprint.get("/models/<name>/versions/<version>")
def model_version(name: str, version: str) -> Response:
    """One version, with its whole card.

    :raise UnknownModelError, UnknownVersionError: 404.
    """
    found = _catalogue().of(name)
    for candidate in found:
        if str(candidate.version) == version:
            return jsonify({**_version(candidate), "card": candidate.card})
    known = ", ".join(str(v.version) for v in found)
    raise UnknownVersionError(f"version {version[:40]!r} of {name!r} is not loaded; loaded: {known}", field="version")


def _catalogue() -> Catalogue:
    return services().client.catalogue


def _model(catalogue: Catalogue, name: str) -> dict[str, Any]:
    offer = catalogue.offer(name)
    return {
        "name": name,
        "default": name == services().settings.default_model,
        "labels": offer.labels,
        "canary_share": offer.canary_share if CANARY in offer.labels else 0.0,
        "shadow_share": offer.shadow_share if SHADOW in offer.labels else 0.0,
        "versions": [_version(v) for v in catalogue.of(name)],
    }


def _version(version: ModelVersion) -> dict[str, Any]:
    """A version in a few facts; those of the card are absent while there is none."""
    card = version.card
    facts = {
        "version": version.version,
        "state": version.state,
        "reason": version.reason,
        "runtime": version.runtime,
        "dataset": card.get("dataset", {}).get("name"),
        "input": card.get("input"),
        "labels": card.get("labels"),
        "parameters": card.get("architecture", {}).get("parameters"),
        "macs": card.get("architecture", {}).get("macs"),
        "test_accuracy": card.get("metrics", {}).get("test", {}).get("accuracy"),
        "created": card.get("created"),
        "card": f"/models/{version.name}/versions/{version.version}",
    }
    return {key: value for key, value in facts.items() if value is not None}
