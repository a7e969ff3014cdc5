"""How versions came about and how good they are: one at a time, or side by side."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from service.inspection import formats, pages, reports
from service.router import Wanted
from service.routes.services import services
from service.routes.versions import below_a_version, target, wanted

blueprint = Blueprint("reports", __name__)


@below_a_version(blueprint, "/report", "GET")
def report(name: str, version: str | None, label: str | None) -> Response:
    """How the version came about and how good it is: history, confusion matrix, per class, calibration. To a browser the
    page that training wrote about it.

    :raise ServiceError: there is no such version, or it has no card or no page.
    """
    form = formats.chosen(request.args.get("format"), request.accept_mimetypes.best_match, ("json", "html"))
    found = target(name, version, label).version
    if form == "json":
        response = jsonify(reports.document(found))
    else:
        response = _sent(pages.page_of(services().settings.models_dir, found))
    response.vary.add("Accept")
    return response


def _sent(page: pages.ReportPage) -> Response:
    response = Response(page.content, content_type="text/html; charset=utf-8")
    response.headers.extend(page.headers)
    # Another version may answer at the same address tomorrow, but the page of a version stays what it is.
    response.headers["Cache-Control"] = "no-cache"
    response.set_etag(page.digest)
    response.make_conditional(request)
    response.headers.remove("Date")  # the server's business; twice would be wrong
    return response


@blueprint.get("/compare")
def compare() -> Response:
    """The figures of several versions side by side: `?models=cnn,mlp/2,cnn@canary`; of all models if none is named.

    :raise ServiceError: there is no such model, version or label.
    """
    router, catalogue = services().router, services().client.catalogue
    names = request.args.get("models") or ",".join(sorted({version.name for version in catalogue.versions}))
    asked = [_reference(text.strip()) for text in names.split(",")]
    return jsonify({"versions": reports.comparison([router.target(each).version for each in asked])})


def _reference(text: str) -> Wanted:
    """`cnn`, `cnn/2` or `cnn@canary`."""
    name, at, label = text.partition("@")
    name, slash, version = name.partition("/")
    return wanted(name, version if slash else None, label if at else None)
