"""The page's routes in the OpenAPI document."""

from __future__ import annotations

from service.description import Json, failures, path_parameter


def paths() -> Json:
    """By path."""
    html: Json = {"text/html": {"schema": {"type": "string"}}}
    json: Json = {"application/json": {"schema": {"type": "object"}}}
    files: Json = {kind: {"schema": {"type": "string"}} for kind in ("text/javascript", "text/css", "image/svg+xml")}
    return {
        "/": {"get": _get("The page to draw on; for programs, where to go from here.", {**json, **html})},
        "/docs": {"get": _get("This description, to read and to try.", html)},
        "/page/{release}/{name}": {
            "get": {
                **_get("A script or style of the page.", files, 404),
                "parameters": [path_parameter("release"), path_parameter("name")],
            }
        },
    }


def _get(summary: str, content: Json, *statuses: int) -> Json:
    return {"summary": summary, "responses": {"200": {"description": "OK", "content": content}, **failures(*statuses)}}
