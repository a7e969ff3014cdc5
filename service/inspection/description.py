"""The OpenAPI description of the routes that look inside a model, and of the tools beside them."""

from __future__ import annotations

from typing import Final

from architectures.document import LAYER_TYPES
from service.description import Json, failures, path_parameter, query_parameter
from service.inspection import neighbours
from service.inspection.dreaming import OCTAVES, STEPS_DEFAULT, STEPS_MAX
from service.inspection.explanation import METHODS
from service.inspection.filtering import KERNEL_SIDE_MAX, NAMED_KERNELS, SIDE_MAX

OF_VERSION: Final = ("/models/{name}", "/models/{name}/versions/{version}", "/models/{name}/labels/{label}")
_BINARY: Final[Json] = {"schema": {"type": "string", "format": "binary"}}
_PICTURES: Final = ("png", "jpeg", "gif", "bmp", "webp", "tiff")
_INTEGER: Final[Json] = {"type": "integer", "minimum": 0}


def paths() -> Json:
    """Each path with what it can be asked."""
    found: Json = {}
    for prefix in OF_VERSION:
        found |= {
            f"{prefix}/layers": {"get": _operation(prefix, "The table of layers.", [], ("json",))},
            f"{prefix}/report": {"get": _report(prefix)},
            f"{prefix}/layers/{{layer}}/filters": {
                "get": _operation(f"{prefix}/{{layer}}", "A layer's weights.", [_format()], ("json", "npy", "png"))
            },
            f"{prefix}/activations": {"post": _activations(prefix)},
            f"{prefix}/explain": {"post": _explain(prefix)},
            f"{prefix}/nearest": {"post": _nearest(prefix)},
            f"{prefix}/maximize": {"get": _maximize(prefix)},
            f"{prefix}/dream": {"post": _dream(prefix)},
        }
    models = query_parameter("models", {"type": "string"}, "Which: `cnn,mlp/2,cnn@canary`; all models if absent.")
    return {
        **found,
        "/compare": {"get": _operation("", "The figures of several versions side by side.", [models], ("json",))},
        "/convolve": {"post": _convolve()},
        "/pool": {"post": _pool()},
        "/describe": {"post": _describe()},
    }


def picture_body(*others: str) -> Json:
    """A request's body that is a picture."""
    return {
        "required": True,
        "content": {**{f"image/{kind}": _BINARY for kind in _PICTURES}, **dict.fromkeys(others, _BINARY)},
    }


def parameters_of(path: str) -> list[Json]:
    """Those that the path itself holds."""
    return [path_parameter(part) for part in ("name", "version", "label", "layer") if f"{{{part}}}" in path]


def _operation(path: str, summary: str, query: list[Json], formats: tuple[str, ...], body: Json | None = None) -> Json:
    contents: Json = {
        "json": {"application/json": {"schema": {"type": "object"}}},
        "npy": {"application/x-npy": _BINARY},
        "png": {"image/png": _BINARY},
        "html": {"text/html": {"schema": {"type": "string"}}},
    }
    content = {name: value for kind in formats for name, value in contents[kind].items()}
    # A picture may be at fault in more ways than a path.
    statuses = (
        (400, 401, 403, 404, 413, 415, 422, 429, 500, 503, 504) if body else (400, 401, 403, 404, 422, 429, 503, 504)
    )
    parameters = [*parameters_of(path), *query]
    return {
        "summary": summary,
        **({"parameters": parameters} if parameters else {}),
        **({"requestBody": body} if body else {}),
        "responses": {"200": {"description": "OK", "content": content}, **failures(*statuses)},
    }


def _format() -> Json:
    return query_parameter("format", {"enum": ["json", "npy", "png"]}, "In place of `Accept`.")


def _activations(prefix: str) -> Json:
    return _operation(
        prefix,
        "What a layer gives for a picture; without `layer` each layer's statistics.",
        [
            query_parameter("layer", {"type": "string"}, "Which layer, by its name in the table of layers."),
            query_parameter("channels", {"type": "string"}, "Some of its channels: `0,3,5-8`."),
            query_parameter("untrained", {"enum": ["true", "false"]}, "Beside those of the weights before training."),
            _format(),
        ],
        ("json", "npy", "png"),
        picture_body("application/json", "application/x-npy", "application/octet-stream"),
    )


def _explain(prefix: str) -> Json:
    return _operation(
        prefix,
        "What the answer for a picture hangs on.",
        [
            query_parameter("method", {"enum": list(METHODS)}, "How that is found out."),
            query_parameter("class", {"type": "string"}, "For which class; the predicted one if absent."),
            query_parameter("layer", {"type": "string"}, "Of `grad_cam`: which layer's map; the last one if absent."),
            _format(),
        ],
        ("json", "npy", "png"),
        picture_body("application/json", "application/x-npy", "application/octet-stream"),
    )


def _nearest(prefix: str) -> Json:
    k = {"type": "integer", "minimum": 1, "maximum": neighbours.K_MAX, "default": neighbours.K_DEFAULT}
    body = picture_body("application/json", "multipart/form-data", "application/x-npy", "application/octet-stream")
    return _operation(
        prefix,
        "The training examples that are most alike to each picture, to the model; as `.npy` its embeddings.",
        [
            query_parameter("k", k, "How many of each picture."),
            query_parameter(
                "thumbnails", {"enum": list(neighbours.THUMBNAILS)}, "Their pictures too, as base64 PNGs or as arrays."
            ),
            _format(),
        ],
        ("json", "npy", "png"),
        body,
    )


def _report(prefix: str) -> Json:
    form = query_parameter("format", {"enum": ["json", "html"]}, "In place of `Accept`.")
    operation = _operation(prefix, "How a version came about and how good it is.", [form], ("json", "html"))
    operation["responses"]["304"] = {"description": "The page is the one of `If-None-Match`."}
    return operation


def _goal() -> list[Json]:
    steps = {"type": "integer", "minimum": 1, "maximum": STEPS_MAX, "default": STEPS_DEFAULT}
    octaves = {"type": "integer", "minimum": 1, "maximum": len(OCTAVES), "default": len(OCTAVES)}
    return [
        query_parameter("class", {"type": "string"}, "Which class shall be excited; or:"),
        query_parameter("layer", {"type": "string"}, "a channel of this layer,"),
        query_parameter("channel", _INTEGER, "namely this one."),
        query_parameter("steps", steps, "How many steps up the slope."),
        query_parameter("octaves", octaves, "At how many resolutions, coarse ones first."),
    ]


def _maximize(prefix: str) -> Json:
    seed = query_parameter("seed", _INTEGER, "Of the noise to start from.")
    return _operation(
        prefix, "A picture that excites a class or a channel.", [*_goal(), seed, _format()], ("json", "npy", "png")
    )


def _dream(prefix: str) -> Json:
    body = picture_body("application/json", "application/x-npy", "application/octet-stream")
    return _operation(
        prefix,
        "A picture changed until it excites a class or a channel.",
        [*_goal(), _format()],
        ("json", "npy", "png"),
        body,
    )


def _tool(summary: str, query: list[Json], properties: Json) -> Json:
    schema = {"type": "object", "required": ["image"], "properties": properties}
    body = picture_body()
    body["content"]["application/json"] = {"schema": schema}
    return _operation("", summary, [*query, _format()], ("json", "npy", "png"), body)


_WINDOW: Final[Json] = {
    "stride": {"type": "integer", "minimum": 1, "maximum": 64},
    "padding": {"type": "integer", "minimum": 0, "maximum": 64, "default": 0},
    "floor": {"type": "boolean", "default": False, "description": "Leave out what the stride leaves over."},
}


def _nested(depth: int) -> Json:
    """Numbers in lists in lists, all of one length at each depth, which no schema can say."""
    return {"type": "array", "minItems": 1, "items": {"type": "number"} if depth == 1 else _nested(depth - 1)}


_IMAGE: Final[Json] = {
    "description": f"A picture as base64, or (H,W) or (H,W,C) of any numbers; at most {SIDE_MAX} pixels a side.",
    "oneOf": [
        {"type": "string", "contentEncoding": "base64"},
        _nested(2),
        _nested(3),
    ],
}


def _window_query() -> list[Json]:
    return [query_parameter(name, schema, "How the window goes over the picture.") for name, schema in _WINDOW.items()]


def _convolve() -> Json:
    kernel = {
        "description": f"Its name, or (k,l), (k,l,C) or (k,l,C,F) of any numbers; at most {KERNEL_SIDE_MAX} a side.",
        "oneOf": [{"enum": list(NAMED_KERNELS)}, *(_nested(depth) for depth in (2, 3, 4))],
    }
    named = query_parameter("kernel", {"enum": list(NAMED_KERNELS)}, "For a picture in the body: a kernel by its name.")
    bias = {"type": "array", "items": {"type": "number"}}
    return _tool(
        "A kernel over a picture, not turned round, as deep learning has it.",
        [named, *_window_query()],
        {"image": _IMAGE, "kernel": kernel, "bias": bias, **_WINDOW},
    )


def _pool() -> Json:
    size = {"type": "integer", "minimum": 1, "maximum": 31, "default": 2}
    kind = {"enum": ["max", "average"], "default": "max"}
    return _tool(
        "The largest or mean value of each window of a picture.",
        [
            query_parameter("size", size, "The window's side."),
            query_parameter("kind", kind, "What is taken of a window."),
            *_window_query(),
        ],
        {"image": _IMAGE, "size": size, "kind": kind, **_WINDOW},
    )


def _describe() -> Json:
    shape = {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 3, "maxItems": 3}
    layer = {"type": "object", "required": ["type"], "properties": {"type": {"enum": list(LAYER_TYPES)}}}
    layers = {"type": "array", "minItems": 1, "items": layer}
    schema = {
        "oneOf": [
            {
                "type": "object",
                "required": ["layers"],
                "properties": {"layers": layers, "input": shape, "allow_floor": {"type": "boolean"}},
            },
            {
                "type": "object",
                "required": ["preset"],
                "properties": {
                    "preset": {"type": "string"},
                    "classes": {"type": "integer", "minimum": 2},
                    "keys": {"type": "object"},
                    "input": shape,
                    "allow_floor": {"type": "boolean"},
                },
            },
            layers,
        ]
    }
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    return _operation("", "What an architecture would cost that nobody has trained.", [], ("json",), body)
