"""The API described in OpenAPI 3.1; a test holds it against the routes that there are."""

from __future__ import annotations

from functools import cache

import orjson

from service import reading_description
from service.description import Json, error_types, failures, get, json_answer, path_parameter, query_parameter
from service.images import WARNINGS
from service.inspection import description as inspection
from service.oip import description as oip
from service.page import description as page
from service.tfserving import description as tfserving
from service.version import __version__

PREPROCESS_PATHS = tuple(f"{prefix}/preprocess" for prefix in inspection.OF_VERSION)


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
            **reading_description.paths(),
            **{path: {"post": _preprocess(path)} for path in PREPROCESS_PATHS},
            **inspection.paths(),
            "/models": {"get": get("Every model with its versions, and the engine that runs them.", 503)},
            "/models/{name}": {
                "get": get("One model with its versions.", 404, 503, parameters=[path_parameter("name")])
            },
            "/models/{name}/versions/{version}": {
                "get": get(
                    "One version, with its whole card.",
                    404,
                    503,
                    parameters=[path_parameter("name"), path_parameter("version")],
                )
            },
            "/healthz": {"get": get("200 as long as the worker answers at all.")},
            "/readyz": {"get": get("200 when a prediction would be accepted now.", 503)},
            "/metrics": {
                "get": {
                    "summary": "Metrics in Prometheus' text format, over all processes.",
                    "responses": {"200": {"description": "OK", "content": {"text/plain": {}}}},
                }
            },
            "/openapi.json": {"get": get("This description.")},
            **page.paths(),
            **tfserving.paths(),
            **oip.paths(),
        },
        "components": {"schemas": _schemas()},
    }


@cache
def as_json() -> bytes:
    """The same as it is sent: made once, since it takes longer than most answers."""
    return orjson.dumps(document())


def _predict() -> Json:
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {
        "summary": "Classify one picture or many.",
        "parameters": [
            query_parameter("model", {"type": "string"}, "The model that answers; the default one if absent."),
            query_parameter(
                "version", {"type": "integer", "minimum": 1}, "Its version; without one the stable or newest."
            ),
            query_parameter("label", {"type": "string"}, "In place of a version: one of the model's labels."),
            query_parameter("top_k", {"type": "integer", "minimum": 1}, "Also list so many of the best classes."),
            query_parameter(
                "prepare", {"enum": ["full", "none"]}, "none: encoded pictures are 28×28 and as the model sees them."
            ),
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
            "200": json_answer("The predictions, in the order sent.", "PredictResponse"),
            **failures(400, 401, 403, 404, 413, 415, 422, 429, 500, 503, 504),
        },
    }


def _preprocess(path: str) -> Json:
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {
        "summary": "What the model would see of a picture: every step of its preparation.",
        "parameters": [
            *inspection.parameters_of(path),
            query_parameter("format", {"enum": ["json", "png"]}, "In place of `Accept`."),
        ],
        "requestBody": inspection.picture_body(),
        "responses": {
            "200": {
                "description": "The steps as base64 PNGs with what was found on the way; or all of them in one PNG.",
                "content": {"application/json": {"schema": {"type": "object"}}, "image/png": binary},
            },
            **failures(400, 401, 403, 404, 413, 415, 422, 429, 500, 503),
        },
    }


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
            "is_digit": {"type": "boolean", "description": "Whether it looks like one of the classes at all."},
            "digit_score": {**probability, "description": "How much so; 0.5 is the threshold of `is_digit`."},
            "warnings": {"type": "array", "items": {"enum": list(WARNINGS)}},
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
        "ProtocolError": {
            "type": "object",
            "description": "What the standard protocols answer in place of `Error`.",
            "required": ["error"],
            "properties": {"error": {"type": "string"}},
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
