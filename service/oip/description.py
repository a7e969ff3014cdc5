"""The Open Inference Protocol's part of the OpenAPI description."""

from __future__ import annotations

from service.description import Json, failures, get, path_parameter, query_parameter

ERROR = "ProtocolError"
_BINARY_TYPE = "application/octet-stream"


def paths() -> Json:
    """By path, as in an OpenAPI document."""
    described: Json = {
        "/v2": {"get": _get("The server's name, version and extensions.")},
        "/v2/health/live": {"get": _get("200 as long as the worker answers at all.")},
        "/v2/health/ready": {"get": _get("200 when an inference would be accepted now.", 503)},
        "/v2/models/stats": {"get": _get("Counts and times of every available version.", 503)},
        "/v2/repository/index": {
            "post": _index("Every version with its state; `ready` leaves out those that cannot be asked.")
        },
    }
    for action, summary, heeded in (
        ("load", "Load the versions of a model now, those that were refused or unloaded too.", {}),
        ("unload", "Take a model out of service until it is loaded again.", {"unload_dependents": {"type": "boolean"}}),
    ):
        parameters = {"type": "object", "properties": heeded, "additionalProperties": False}
        control = {"type": "object", "properties": {"parameters": parameters}}
        described[f"/v2/repository/models/{{name}}/{action}"] = {
            "post": _post(summary, control, 400, 401, 403, 404, 409, 429, 503, 504, parameters=[path_parameter("name")])
        }
    for base in ("/v2/models/{name}", "/v2/models/{name}/versions/{version}"):
        place = [path_parameter(part) for part in ("name", "version") if f"{{{part}}}" in base]
        signature = query_parameter("signature_name", {"type": "string"}, "In place of `serving_default`.")
        described |= {
            base: {"get": _get("Inputs and outputs.", 400, 404, 503, parameters=[*place, signature])},
            f"{base}/ready": {"get": _get("200 when it can be asked.", 404, 503, parameters=place)},
            f"{base}/config": {"get": _get("Triton's model configuration.", 400, 404, 503, parameters=place)},
            f"{base}/stats": {"get": _get("Counts and times.", 404, 503, parameters=place)},
            f"{base}/infer": {"post": _infer(place)},
        }
    return described


def _get(summary: str, *statuses: int, parameters: list[Json] | None = None) -> Json:
    return get(summary, *statuses, parameters=parameters, error=ERROR)


def _post(summary: str, schema: Json, *statuses: int, parameters: list[Json] | None = None) -> Json:
    return {
        **get(summary, *statuses, parameters=parameters, error=ERROR),
        "requestBody": {"required": False, "content": {"application/json": {"schema": schema}}},
    }


def _index(summary: str) -> Json:
    version = {
        "type": "object",
        "required": ["name", "version", "state", "reason"],
        "properties": {
            **{key: {"type": "string"} for key in ("name", "version", "reason")},
            "state": {"enum": ["READY", "UNAVAILABLE", "LOADING", "UNLOADING"]},
        },
    }
    described = _post(summary, _INDEX, 400, 503)
    described["responses"]["200"]["content"]["application/json"]["schema"] = {"type": "array", "items": version}
    return described


def _infer(place: list[Json]) -> Json:
    binary = {"schema": {"type": "string", "format": "binary"}}
    length = {
        "name": "Inference-Header-Content-Length",
        "in": "header",
        "required": False,
        "schema": {"type": "integer", "minimum": 0},
        "description": "Where the JSON ends and binary data begin; 0: all of the body is the only input's data.",
    }
    return {
        "summary": "Call a signature with tensors.",
        "parameters": [*place, length],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _REQUEST}, _BINARY_TYPE: binary},
        },
        "responses": {
            "200": {
                "description": "The outputs; with binary data behind the JSON if they were asked for.",
                "content": {"application/json": {"schema": _RESPONSE}, _BINARY_TYPE: binary},
            },
            **failures(400, 401, 403, 404, 413, 429, 500, 503, 504, error=ERROR),
        },
    }


_PARAMETERS: Json = {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}}
_TENSOR: Json = {
    "name": {"type": "string"},
    "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
    "datatype": {"type": "string"},
    "parameters": _PARAMETERS,
    "data": {"type": "array", "description": "Row-major; one list, or nested as the shape says."},
}
_REQUEST: Json = {
    "type": "object",
    "required": ["inputs"],
    "properties": {
        "id": {"type": ["string", "integer"]},
        "parameters": _PARAMETERS,
        "inputs": {
            "type": "array",
            "items": {"type": "object", "required": ["name", "shape", "datatype"], "properties": _TENSOR},
        },
        "outputs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string"}, "parameters": _PARAMETERS},
            },
        },
    },
}
_RESPONSE: Json = {
    "type": "object",
    "required": ["model_name", "model_version", "outputs"],
    "properties": {
        "id": {"type": ["string", "integer"]},
        "model_name": {"type": "string"},
        "model_version": {"type": "string"},
        "outputs": {
            "type": "array",
            "items": {"type": "object", "required": ["name", "shape", "datatype"], "properties": _TENSOR},
        },
    },
}
_INDEX: Json = {"type": "object", "properties": {"ready": {"type": "boolean", "default": False}}}
