"""What routes use: the application's services, and the ways of answering that they share."""

from __future__ import annotations

from flask import Response, current_app, g, request

from service.api_keys import Scope
from service.endpoint import Call
from service.errors import NotFoundError
from service.responses import Reply
from service.services import Services

EXTENSION = "digits"


def services() -> Services:
    """Those of the application that handles the current request."""
    found: Services = current_app.extensions[EXTENSION]
    return found


def body() -> bytes:
    """The request's body, unpacked if it came packed.

    :raise PayloadTooLargeError, MalformedRequestError, UnsupportedMediaTypeError: see `Intake.unpacked`.
    """
    return services().intake.unpacked(request.get_data(cache=False), request.headers.get("Content-Encoding", ""))


def admit(scope: Scope) -> None:
    """Let the request pass if it may predict, or administer: change what is served.

    :raise UnauthorizedError, ForbiddenError, RateLimitedError: it may not.
    """
    services().gate.admit(scope, header_bytes(), request.remote_addr)


def inferred() -> Response:
    """The answer of the inference endpoint that the request's path is for; the lane in threads.

    :raise ServiceError: answered with its status by the application.
    """
    ours = services()
    endpoint = ours.endpoint(request.path)
    if endpoint is None:
        raise NotFoundError(f"nothing is inferred at {request.path[:200]}")
    admit("predict")
    headers = header_bytes()
    budget_seconds = ours.intake.budget_seconds(request.headers.get("X-Request-Timeout-Ms", ""))
    call = Call(request.path, request.query_string, headers, body(), g.request_id, g.started, budget_seconds)
    g.job = job = endpoint.begin(call)
    ours.client.from_thread(job.ask())
    response = respond(endpoint.finish(job))
    writing = ours.clock()
    response.call_on_close(lambda: job.passed(ours.clock() - writing))
    return response


def respond(reply: Reply) -> Response:
    """A reply as Flask's response."""
    return Response(reply.body, reply.status, headers=dict(reply.headers), content_type=reply.content_type)


def header_bytes() -> dict[bytes, bytes]:
    """The request's headers by name in lower case, as an endpoint expects them."""
    return {name.lower().encode("latin-1"): value.encode("latin-1") for name, value in request.headers.items()}
