"""The part of the OpenAPI description that is about reading rows."""

from __future__ import annotations

from service.description import Json, failures, query_parameter
from service.reader import DIGITS_MAX, NOT_AS_EXPECTED


def paths() -> Json:
    """By path, as in an OpenAPI document."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    expected = {"type": "integer", "minimum": 1, "maximum": DIGITS_MAX}
    return {
        "/read": {
            "post": {
                "summary": "Read a row of digits: a postcode, a meter, a field of a form.",
                "parameters": [
                    query_parameter("model", {"type": "string"}, "The model that answers; the default one if absent."),
                    query_parameter(
                        "version", {"type": "integer", "minimum": 1}, "Its version; without one the stable or newest."
                    ),
                    query_parameter("label", {"type": "string"}, "In place of a version: one of the model's labels."),
                    query_parameter("digits", expected, "How many digits the row has, where that is known."),
                ],
                "requestBody": {
                    "required": True,
                    "description": "One picture with one row.",
                    "content": {
                        **{f"image/{kind}": binary for kind in ("png", "jpeg", "gif", "bmp", "webp", "tiff")},
                        "multipart/form-data": {
                            "schema": {
                                "type": "object",
                                "additionalProperties": {"type": "string", "format": "binary"},
                                "description": "One file; the field's name does not matter.",
                            }
                        },
                    },
                },
                "responses": {
                    "200": {
                        "description": "The digits, left to right.",
                        "content": {"application/json": {"schema": _response()}},
                    },
                    **failures(400, 401, 403, 404, 413, 415, 422, 429, 500, 503, 504),
                },
            }
        }
    }


def _response() -> Json:
    probability = {"type": "number", "minimum": 0, "maximum": 1}
    pixels = {"type": "integer", "minimum": 0}
    digit = {
        "type": "object",
        "required": ["confidence", "box", "split"],
        "properties": {
            "digit": {"type": "integer", "minimum": 0, "maximum": 9},
            "label": {"type": "string", "description": "In place of `digit`, for classes that are no digits."},
            "index": {"type": "integer"},
            "confidence": {**probability, "description": "That this digit stands there: cut and read rightly."},
            "box": {
                "type": "object",
                "description": "Of its ink, in pixels of the picture as sent, turned upright.",
                "required": ["x", "y", "width", "height"],
                "properties": dict.fromkeys(("x", "y", "width", "height"), pixels),
            },
            "split": {"type": "boolean", "description": "Whether it was cut off a digit that it touches."},
        },
    }
    return {
        "type": "object",
        "required": [
            "model",
            "version",
            "text",
            "confidence",
            "digits",
            "width",
            "height",
            "warnings",
            "timings_ms",
        ],
        "properties": {
            "model": {"type": "string"},
            "version": {"type": "integer"},
            "text": {"type": "string", "description": "The whole row."},
            "confidence": {**probability, "description": "That the whole row is read rightly."},
            "digits": {"type": "array", "items": digit},
            "width": {**pixels, "description": "Of the picture, upright."},
            "height": pixels,
            "warnings": {"type": "array", "items": {"enum": [NOT_AS_EXPECTED]}},
            "timings_ms": {
                "type": "object",
                "properties": {stage: {"type": "number"} for stage in ("read", "decode", "queue", "inference")},
            },
        },
    }
