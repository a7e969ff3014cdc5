"""What browsers are told: how to treat an answer, and which pages of other origins may read it.

Programs ignore all of this; a page does not get around it.
"""

from __future__ import annotations

import re

from service.settings import PREFIX, SettingsError

Headers = tuple[tuple[str, str], ...]
RawHeaders = tuple[tuple[bytes, bytes], ...]


def raw(headers: Headers) -> RawHeaders:
    """As ASGI wants them: bytes, names in lower case."""
    return tuple((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers)


NO_STORE = ("Cache-Control", "no-store")
_NO_SNIFFING = ("X-Content-Type-Options", "nosniff")
JSON_HEADERS: Headers = (
    _NO_SNIFFING,
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
)
"""For all answers that are no page: opened in a browser, they run and load nothing, and lead nowhere. Each header of an
answer costs about a microsecond, and these two say all that others would.
"""

PREDICTION_HEADERS: RawHeaders = raw((*JSON_HEADERS, NO_STORE))
"""For predictions, in ASGI's form: what somebody drew is nobody else's, and no cache's."""

PAGE_HEADERS: Headers = (
    _NO_SNIFFING,
    ("Referrer-Policy", "no-referrer"),
    ("X-Frame-Options", "DENY"),
    (
        "Content-Security-Policy",
        (
            "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; "
            "img-src 'self' data: blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
    ),
)
"""For HTML: scripts, styles and requests of this service alone, pictures also out of the page itself."""

ALLOWED_METHODS = ("GET", "HEAD", "POST")
ALLOWED_HEADERS = (
    "Accept", "Authorization", "Content-Encoding", "Content-Type", "Inference-Header-Content-Length", "X-API-Key",
    "X-Request-ID", "X-Request-Timeout-Ms",
)  # fmt: skip
EXPOSED_HEADERS = ("X-Request-ID", "Retry-After", "Inference-Header-Content-Length", "traceresponse")
PREFLIGHT_SECONDS = 7200
"""How long a browser may remember the answer; none remembers it for longer than that."""

_VARY = ("Vary", "Origin")
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://([a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Cors:
    """Cross-origin resource sharing as the setting `cors_origins` has it. Without origins nothing is ever said.

    Cookies play no part here, so credentials are never allowed; an API key travels in a header that pages may set.
    """

    def __init__(self, origins: str) -> None:
        """`origins`: `""`, `"*"`, or origins with commas between.

        :raise SettingsError: one of them is no origin.
        """
        self._anyone = origins.strip() == "*"
        self._origins = frozenset() if self._anyone else frozenset(map(_origin, _listed(origins)))
        self._exposed = ("Access-Control-Expose-Headers", ", ".join(EXPOSED_HEADERS))

    def headers(self, origin: str) -> Headers:
        """For an answer to a request with this `Origin` (`""`: none)."""
        if self._anyone:
            return (("Access-Control-Allow-Origin", "*"), self._exposed)
        if not self._origins:
            return ()
        if origin not in self._origins:
            return (_VARY,)  # a cache must not give this answer to a page that may have it
        return (("Access-Control-Allow-Origin", origin), _VARY, self._exposed)

    def preflight(self, origin: str, method: str, requested_headers: str) -> Headers | None:
        """For the answer to an OPTIONS request with these `Access-Control-Request-Method` and `-Headers`.

        None when there is nothing to allow: it is no preflight, the origin is a stranger, the method is not one of
        `ALLOWED_METHODS`, or a header is none of `ALLOWED_HEADERS`. A browser takes an answer without these headers
        for a no.
        """
        allowed = self.headers(origin)
        if len(allowed) < 2 or method not in ALLOWED_METHODS:
            return None
        wanted = {name.strip().lower() for name in requested_headers.split(",")} - {""}
        if not wanted <= {name.lower() for name in ALLOWED_HEADERS}:
            return None
        return (
            *(pair for pair in allowed if pair is not self._exposed),
            ("Access-Control-Allow-Methods", ", ".join(ALLOWED_METHODS)),
            ("Access-Control-Allow-Headers", ", ".join(ALLOWED_HEADERS)),
            ("Access-Control-Max-Age", str(PREFLIGHT_SECONDS)),
        )


def _listed(origins: str) -> list[str]:
    return [origin.strip() for origin in origins.split(",")] if origins.strip() else []


def _origin(text: str) -> str:
    """As browsers write it: in lower case, without a port that goes without saying."""
    found = _ORIGIN.fullmatch(text.lower())
    if found is None or int(found[3] or 0) > 65535:
        raise SettingsError(
            f"{PREFIX}CORS_ORIGINS: {text!r} is not an origin; write scheme://host or scheme://host:port with nothing "
            "behind it, or a single * for all origins"
        )
    scheme, host, port = found.groups()
    if port is None or int(port) == _DEFAULT_PORTS.get(scheme):
        return f"{scheme}://{host}"
    return f"{scheme}://{host}:{int(port)}"
