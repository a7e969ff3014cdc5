"""TensorFlow Serving's REST API, described in OpenAPI."""

from __future__ import annotations

from service.description import Json, failures, get, path_parameter

_WHOM = {"": [], "/versions/{version}": ["version"], "/labels/{label}": ["label"]}
_ERROR = "ProtocolError"
_ENCODED: Json = {
    "type": "object",
    "required": ["b64"],
    "properties": {"b64": {"type": "string", "contentEncoding": "base64"}},
    "description": "An encoded picture, prepared as for `/predict`.",
}
_NAME: Json = {"type": "string", "default": "serving_default"}


def paths() -> Json:
    """All paths below `/v1`, to be merged into the whole description."""
    found: Json = {}
    for whom, names in _WHOM.items():
        path = f"/v1/models/{{model}}{whom}"
        parameters = [path_parameter(name) for name in ("model", *names)]
        found[path] = {
            "get": get(
                "TensorFlow Serving: the states of a model's versions.",
                400,
                404,
                503,
                parameters=parameters,
                error=_ERROR,
            )
        }
        found[f"{path}/metadata"] = {
            "get": get("TensorFlow Serving: a model's signatures.", 400, 404, 503, parameters=parameters, error=_ERROR)
        }
        found[f"{path}:predict"] = {"post": _post("any signature, in row or column form.", _predict(), parameters)}
        found[f"{path}:classify"] = {"post": _post("label and score of every class.", _classify(), parameters)}
        found[f"{path}:regress"] = {
            "post": {
                "summary": "TensorFlow Serving: refused, as no model here is for regression.",
                "parameters": parameters,
                "responses": failures(400, 404, 503, error=_ERROR),
            }
        }
    return found


def _post(summary: str, schema: Json, parameters: list[Json]) -> Json:
    return {
        "summary": f"TensorFlow Serving: {summary}",
        "parameters": parameters,
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {
            "200": {"description": "OK", "content": {"application/json": {"schema": {"type": "object"}}}},
            **failures(400, 404, 413, 503, 504, error=_ERROR),
        },
    }


def _predict() -> Json:
    pictures = {"type": "array", "items": {"oneOf": [_ENCODED, {"type": "array"}, {"type": "object"}]}}
    return {
        "type": "object",
        "properties": {
            "signature_name": _NAME,
            "instances": {**pictures, "minItems": 1, "description": "Row form: answered by `predictions`."},
            "inputs": {"description": "Column form, tensors by name or the only one bare: answered by `outputs`."},
        },
        "oneOf": [{"required": ["instances"]}, {"required": ["inputs"]}],
    }


def _classify() -> Json:
    feature: Json = {"oneOf": [_ENCODED, {"type": "array"}]}
    example: Json = {"type": "object", "properties": {"image": feature, "images": feature}}
    return {
        "type": "object",
        "required": ["examples"],
        "properties": {
            "signature_name": _NAME,
            "context": {**example, "description": "Features that all examples share."},
            "examples": {"type": "array", "minItems": 1, "items": example},
        },
    }
