"""The description of the API against the routes, the errors and the answers there are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import orjson
import pytest

from service import reader
from service.description import error_types
from service.inspection.description import OF_VERSION
from service.openapi import PREPROCESS_PATHS, document
from service.predictor import Query
from service.responses import protocol_of
from service.version import __version__
from tests.unit.service import bodies
from tests.unit.service.site import Site

PATHS: dict[str, dict[str, Any]] = document()["paths"]
WINDOW = ["stride", "padding", "floor", "format"]
GOAL = ["class", "layer", "channel", "steps", "octaves"]
INSIDE = {
    ("/layers/{layer}/filters", "get"): ["format"],
    ("/activations", "post"): ["layer", "channels", "untrained", "format"],
    ("/explain", "post"): ["method", "class", "layer", "format"],
    ("/nearest", "post"): ["k", "thumbnails", "format"],
    ("/report", "get"): ["format"],
    ("/maximize", "get"): [*GOAL, "seed", "format"],
    ("/dream", "post"): [*GOAL, "format"],
}
IN_QUERY = {
    ("/predict", "post"): [field.name for field in fields(Query)],
    ("/read", "post"): [field.name for field in fields(reader.Query)],
    **{(path, "post"): ["format"] for path in PREPROCESS_PATHS},
    **{(prefix + path, method): query for prefix in OF_VERSION for (path, method), query in INSIDE.items()},
    ("/compare", "get"): ["models"],
    ("/convolve", "post"): ["kernel", *WINDOW],
    ("/pool", "post"): ["size", "kind", *WINDOW],
    ("/v2/models/{name}", "get"): ["signature_name"],
    ("/v2/models/{name}/versions/{version}", "get"): ["signature_name"],
}
OPERATIONS = [(path, method) for path, methods in PATHS.items() for method in methods]


def test_it_is_served_as_it_is(site: Site) -> None:
    assert orjson.loads(site.over_flask("/openapi.json", method="GET").body) == document()


def test_every_route_is_described_and_every_described_route_exists(site: Site) -> None:
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in site.flask.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not rule.rule.endswith("<path:_rest>")  # all that one does is refuse
    }
    assert routes == set(OPERATIONS)


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_parameters_agree_with_the_path_and_the_query(path: str, method: str) -> None:
    parameters = PATHS[path][method].get("parameters", [])
    in_path = [parameter["name"] for parameter in parameters if parameter["in"] == "path"]
    in_query = [parameter["name"] for parameter in parameters if parameter["in"] == "query"]
    assert in_path == re.findall(r"{(\w+)}", path)
    assert in_query == IN_QUERY.get((path, method), [])
    assert all(parameter["required"] is (parameter["in"] == "path") for parameter in parameters)


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_failures_name_the_types_they_may_have(path: str, method: str) -> None:
    operation = PATHS[path][method]
    assert operation["summary"].endswith(".")
    for status, answer in operation["responses"].items():
        if int(status) < 400:
            continue
        types = {type_ for type_, of in error_types().items() if of == int(status)}
        assert types
        assert answer["description"] == ", ".join(sorted(types))
        schema = "Error" if protocol_of(path) is None else "ProtocolError"
        assert answer["content"]["application/json"]["schema"] == {"$ref": f"#/components/schemas/{schema}"}


def test_a_prediction_may_fail_in_every_way_that_is_a_predictions() -> None:
    described = {int(status) for status in PATHS["/predict"]["post"]["responses"]} - {200}
    assert described == set(error_types().values()) - {405, 409}  # 409: of loading a model


def test_an_error_may_have_every_type_there_is() -> None:
    schema = document()["components"]["schemas"]["Error"]["properties"]["error"]
    assert schema["properties"]["type"]["enum"] == sorted(error_types())
    assert set(schema["required"]) <= set(schema["properties"])


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_reference_leads_somewhere() -> None:
    schemas = document()["components"]["schemas"]
    used = {reference.removeprefix("#/components/schemas/") for reference in references(document())}
    assert used == set(schemas)


def test_an_answer_holds_what_the_description_says(site: Site) -> None:
    schemas = document()["components"]["schemas"]
    answer = orjson.loads(
        site.over_flask("/predict?top_k=2", bodies.json(bodies.digit(), "%"), content_type=bodies.JSON).body
    )
    assert set(answer) == set(schemas["PredictResponse"]["required"])
    assert set(answer["timings_ms"]) == set(schemas["PredictResponse"]["properties"]["timings_ms"]["properties"])
    prediction, fault = answer["predictions"]
    described = schemas["PredictResponse"]["properties"]["predictions"]["items"]["oneOf"][0]
    assert set(described["required"]) <= set(prediction) <= set(described["properties"])
    assert set(fault["error"]) <= set(schemas["Error"]["properties"]["error"]["properties"])


@pytest.mark.parametrize("content_type", PATHS["/predict"]["post"]["requestBody"]["content"])
def test_every_content_type_described_is_accepted(site: Site, content_type: str) -> None:
    body = {
        "multipart/form-data": bodies.multipart(bodies.png(bodies.digit())),
        "application/json": bodies.json(bodies.digit()),
        "application/octet-stream": bodies.digit().tobytes(),
        "application/x-npy": bodies.npy(bodies.digit()),
    }.get(content_type, bodies.png(bodies.digit()))
    if content_type == "multipart/form-data":
        content_type = bodies.MULTIPART
    assert site.over_flask(body=body, content_type=content_type).status == 200


def test_it_has_the_projects_version() -> None:
    assert document()["info"]["version"] == __version__
