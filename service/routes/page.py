"""The page to draw on at `/`, the one about the API at `/docs`, and what they load."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from service.browsers import PAGE_HEADERS
from service.errors import NotFoundError
from service.page import files
from service.version import __version__

blueprint = Blueprint("page", __name__)

_ASK_AGAIN = "no-cache"
_NEVER_CHANGES = "public, max-age=31536000, immutable"


@blueprint.get("/")
def index() -> Response:
    """The page for browsers; for everybody else where to go from here."""
    if request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html":
        response = _page("index.html")
    else:
        response = jsonify(
            {
                "service": "digits",
                "version": __version__,
                "predict": "POST /predict",
                "links": ["/models", "/openapi.json", "/docs", "/metrics", "/healthz", "/readyz"],
            }
        )
    response.vary.add("Accept")
    return response


@blueprint.get("/docs")
def docs() -> Response:
    """The API, to read and to try."""
    return _page("docs.html")


@blueprint.get("/page/<release>/<path:name>")
def asset(release: str, name: str) -> Response:
    """A script or style. One of another release is answered with today's, which must not be kept as that release's.

    :raise NotFoundError: there is no such file.
    """
    try:
        found = files.asset(name)
    except KeyError:
        raise NotFoundError(f"the page has no file {name[:80]!r}") from None
    return _sent(found, _NEVER_CHANGES if release == files.stamp() else _ASK_AGAIN)


def _page(name: files.Page) -> Response:
    response = _sent(files.page(name), _ASK_AGAIN)
    response.headers.extend(PAGE_HEADERS)
    return response


def _sent(file: files.File, caching: str) -> Response:
    packed = request.accept_encodings.quality("gzip") > 0
    response = Response(file.packed if packed else file.content, content_type=file.content_type)
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    response.vary.add("Accept-Encoding")
    response.headers["Cache-Control"] = caching
    response.set_etag(f"{file.digest}-gzip" if packed else file.digest)
    response.make_conditional(request)
    response.headers.remove("Date")  # the server's business; twice would be wrong
    return response
