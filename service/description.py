"""The pieces that OpenAPI descriptions of routes are made of; each group of routes describes itself with them."""

from __future__ import annotations

from typing import Any

from service import errors

Json = dict[str, Any]


def get(summary: str, *statuses: int, parameters: list[Json] | None = None, error: str = "Error") -> Json:
    """A GET that answers JSON, or fails with one of `statuses` and the schema `error`."""
    return {
        "summary": summary,
        **({"parameters": parameters} if parameters else {}),
        "responses": {
            "200": {"description": "OK", "content": {"application/json": {"schema": {"type": "object"}}}},
            **failures(*statuses, error=error),
        },
    }


def query_parameter(name: str, schema: Json, description: str) -> Json:
    """One that may be left out."""
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def path_parameter(name: str) -> Json:
    """A part of the path."""
    schema: Json = {"type": "integer", "minimum": 1} if name == "version" else {"type": "string", "minLength": 1}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def json_answer(description: str, schema: str) -> Json:
    """JSON of a schema by its name."""
    reference = {"$ref": f"#/components/schemas/{schema}"}
    return {"description": description, "content": {"application/json": {"schema": reference}}}


def failures(*statuses: int, error: str = "Error") -> Json:
    """The answer for each status, naming the `type`s that it may have; `error` is the schema's name.

    The protocols beside the native routes answer with the schema `ProtocolError`.
    """
    return {
        str(status): json_answer(", ".join(sorted(t for t, s in error_types().items() if s == status)), error)
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
