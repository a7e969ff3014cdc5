"""The API described in OpenAPI 3.1; a test holds it against the routes that there are."""

from __future__ import annotations

from typing import Any

from service import errors
from service.version import __version__

Json = dict[str, Any]


def document() -> Json:
    """The whole description, ready to be sent as JSON."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "digits",
            "version": __version__,
            "summary": "Reads handwritten digits.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": {
            "/predict": {"post": _predict()},
            "/models": {"get": _get("Every model with its versions, and the engine that runs them.", 503)},
            "/models/{name}": {"get": _get("One model with its versions.", 404, 503, parameters=[_path("name")])},
            "/models/{name}/versions/{version}": {
                "get": _get("One version, with its whole card.", 404, 503, parameters=[_path("name"), _path("version")])
            },
            "/healthz": {"get": _get("200 as long as the worker answers at all.")},
            "/readyz": {"get": _get("200 when a prediction would be accepted now.", 503)},
            "/metrics": {
                "get": {
                    "summary": "Metrics in Prometheus' text format, over all processes.",
                    "responses": {"200": {"description": "OK", "content": {"text/plain": {}}}},
                }
            },
            "/openapi.json": {"get": _get("This description.")},
            "/": {"get": _get("Where to go from here.")},
        },
        "components": {"schemas": _schemas()},
    }


def _predict() -> Json:
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {
        "summary": "Classify one picture or many.",
        "parameters": [
            _query("model", {"type": "string"}, "The model that answers; the default one if absent."),
            _query("version", {"type": "integer", "minimum": 1}, "Its version; the newest available if absent."),
            _query("top_k", {"type": "integer", "minimum": 1}, "Also list so many of the best classes."),
        ],
        "requestBody": {
            "required": True,
            "description": "Encoded pictures are prepared; arrays (28×28, white on black, 0–255) are taken as they are.",
            "content": {
                **{f"image/{kind}": binary for kind in ("png", "jpeg", "gif", "bmp", "webp", "tiff")},
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "additionalProperties": {"type": "string", "format": "binary"},
                        "description": "One or many files; the fields' names do not matter.",
                    }
                },
                "application/json": {"schema": {"$ref": "#/components/schemas/PredictRequest"}},
                "application/octet-stream": {
                    "schema": {
                        "type": "string",
                        "format": "binary",
                        "description": "uint8, a whole number of 784-byte pictures.",
                    }
                },
                "application/x-npy": binary,
            },
        },
        "responses": {
            "200": _json("The predictions, in the order sent.", "PredictResponse"),
            **_errors(400, 404, 413, 415, 422, 429, 500, 503, 504),
        },
    }


def _get(summary: str, *failures: int, parameters: list[Json] | None = None) -> Json:
    return {
        "summary": summary,
        **({"parameters": parameters} if parameters else {}),
        "responses": {
            "200": {"description": "OK", "content": {"application/json": {"schema": {"type": "object"}}}},
            **_errors(*failures),
        },
    }


def _query(name: str, schema: Json, description: str) -> Json:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def _path(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _json(description: str, schema: str) -> Json:
    reference = {"$ref": f"#/components/schemas/{schema}"}
    return {"description": description, "content": {"application/json": {"schema": reference}}}


def _errors(*statuses: int) -> Json:
    """The answer for each status, naming the `type`s that it may have."""
    return {
        str(status): _json(", ".join(sorted(t for t, s in error_types().items() if s == status)), "Error")
        for status in statuses
    }


def error_types() -> dict[str, int]:
    """Every stable `type` of an error with its status, from the exception tree."""
    found: dict[str, int] = {}
    todo = [errors.ServiceError]
    while todo:
        cls = todo.pop()
        todo += cls.__subclasses__()
        if "type" in cls.__dict__:
            found[cls.type] = cls.status
    return found


def _schemas() -> Json:
    probability = {"type": "number", "minimum": 0, "maximum": 1}
    prediction = {
        "type": "object",
        "required": ["confidence", "probabilities"],
        "properties": {
            "digit": {"type": "integer", "minimum": 0, "maximum": 9},
            "label": {"type": "string", "description": "In place of `digit`, for classes that are no digits."},
            "index": {"type": "integer"},
            "confidence": probability,
            "probabilities": {"type": "array", "items": probability, "description": "One per class, in order."},
            "top": {"type": "array", "items": {"type": "object"}},
        },
    }
    return {
        "PredictRequest": {
            "type": "object",
            "required": ["images"],
            "properties": {
                "images": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "oneOf": [
                            {"type": "string", "contentEncoding": "base64"},
                            {"type": "array", "description": "28×28, 28×28×1 or 784 whole numbers, 0–255."},
                        ]
                    },
                }
            },
        },
        "PredictResponse": {
            "type": "object",
            "required": ["model", "version", "predictions", "timings_ms"],
            "properties": {
                "model": {"type": "string"},
                "version": {"type": "integer"},
                "predictions": {
                    "type": "array",
                    "items": {"oneOf": [prediction, {"$ref": "#/components/schemas/Error"}]},
                },
                "timings_ms": {
                    "type": "object",
                    "properties": {stage: {"type": "number"} for stage in ("read", "decode", "queue", "inference")},
                },
            },
        },
        "Error": {
            "type": "object",
            "required": ["error"],
            "properties": {
                "error": {
                    "type": "object",
                    "required": ["type", "message"],
                    "properties": {
                        "type": {"enum": sorted(error_types())},
                        "message": {"type": "string"},
                        "field": {"type": "string", "description": "The part of the input at fault."},
                        "request_id": {"type": "string"},
                    },
                }
            },
        },
    }
