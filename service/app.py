"""The Flask application: every route, under any WSGI server. The lane in front of it is an optimisation.

create_app(settings)             a client of its own, in a thread of its own (tests, other servers)
create_app(settings, services)   what `service.asgi` shares between lane and Flask
"""

from __future__ import annotations

import asyncio
import threading

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from service import logs, metrics
from service.browsers import JSON_HEADERS, NO_STORE
from service.client import EngineClient
from service.errors import (
    InternalError,
    MalformedRequestError,
    MethodNotAllowedError,
    NotFoundError,
    PayloadTooLargeError,
    ServiceError,
)
from service.observation import ASKED_BY_MACHINES
from service.request_ids import HEADER, request_id
from service.responses import refused
from service.routes import (
    dreaming,
    health,
    inspection,
    models,
    oip,
    page,
    prediction,
    preparation,
    reading,
    reports,
    tfserving,
    tools,
)
from service.routes.services import EXTENSION, header_bytes, respond, services
from service.services import Services, assemble
from service.settings import Settings
from service.tracing import traceparent
from service.version import __version__

log = logs.get(__name__)
_ROOMS = (prediction, reading, preparation, inspection, dreaming, reports, tools, models, health, page, tfserving, oip)


def create_app(settings: Settings, shared: Services | None = None) -> Flask:
    """The complete application."""
    app = Flask("service", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions[EXTENSION] = shared or assemble(settings, client_in_thread(settings))
    metrics.BUILD_INFO.labels(__version__).set(1)
    for blueprint in (room.blueprint for room in _ROOMS):
        app.register_blueprint(blueprint)
    app.before_request(_begin)
    app.after_request(_end)
    app.register_error_handler(ServiceError, _service_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)
    return app


def client_in_thread(settings: Settings) -> EngineClient:
    """A started client whose loop runs in a daemon thread, for servers that have none."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="engine-client", daemon=True).start()
    client = EngineClient(settings)
    asyncio.run_coroutine_threadsafe(client.start(), loop).result()
    return client


def _begin() -> Response | None:
    ours = services()
    g.started = ours.clock()
    g.request_id = request_id(request.headers.get(HEADER))
    g.trace = None
    if ours.tracer is not None and request.path not in ASKED_BY_MACHINES:
        g.trace = ours.tracer.begin(*_asked(), request.path, header_bytes())
    if request.method == "OPTIONS":
        return _preflight(ours)
    return None


def _preflight(ours: Services) -> Response | None:
    """A browser's question whether a page of another origin may send what it is about to; None if it is no such one."""
    asked = request.headers.get("Access-Control-Request-Method")
    allowed = ours.cors.preflight(
        request.headers.get("Origin", ""), asked or "", request.headers.get("Access-Control-Request-Headers", "")
    )
    return None if asked is None or allowed is None else Response(status=204, headers=allowed)


def _end(response: Response) -> Response:
    response.headers[HEADER] = g.request_id
    ours = services()
    for name, value in (*JSON_HEADERS, *ours.cors.headers(request.headers.get("Origin", ""))):
        if name == "Vary":
            response.vary.add(value)
        else:
            response.headers.setdefault(name, value)
    if request.method == "POST":
        response.headers.setdefault(*NO_STORE)
    (method, route), error, job, trace = _asked(), g.get("error"), g.get("job"), g.trace
    started, ident, status = g.started, g.request_id, response.status_code
    if trace is not None:
        response.headers[traceparent.RESPONSE_HEADER] = trace.response()

    def finished() -> None:
        seconds = ours.clock() - started
        ours.recorder.request(route, method, status, seconds, ident, error, job, trace)

    response.call_on_close(finished)
    return response


def _asked() -> tuple[str, str]:
    """Method and route, as metrics and traces have them: of strange ones there is no end."""
    rule, method = request.url_rule, request.method
    if rule is not None:
        return method, rule.rule
    return method if method in ("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS") else "other", "unknown"


def _service_error(error: ServiceError) -> Response:
    g.error = error.type
    return respond(refused(error, request.path, g.request_id))


def _http_error(error: HTTPException) -> Response:
    """What Werkzeug and Flask raise by themselves, in our shape."""
    ours: ServiceError
    if isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or []))
        ours = MethodNotAllowedError(f"{request.method} is not allowed here; allowed: {allowed}")
        response = _service_error(ours)
        response.headers["Allow"] = allowed
        return response
    if error.code == 404:
        ours = NotFoundError(f"there is nothing at {request.path[:200]}; /openapi.json lists what there is")
    elif error.code == 413:
        limit = services().settings.max_body_bytes
        ours = PayloadTooLargeError(f"the body has more than {limit} bytes", field="body")
    elif error.code is not None and 300 <= error.code < 400:
        return error.get_response()  # type: ignore[return-value]  # a redirect is no error
    elif error.code is not None and error.code < 500:
        ours = MalformedRequestError(error.description or "the request is malformed")
    else:
        return _unexpected(error)
    return _service_error(ours)


def _unexpected(error: Exception) -> Response:
    log.error("internal_error", id=g.request_id, exc_info=error)
    return _service_error(InternalError("the service failed; the log has the details"))
