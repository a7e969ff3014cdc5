"""What browsers are told, to the letter."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.browsers import EXPOSED_HEADERS, JSON_HEADERS, PAGE_HEADERS, PREDICTION_HEADERS, Cors, raw
from service.settings import SettingsError

EXPOSED = ("Access-Control-Expose-Headers", "X-Request-ID, Retry-After, Inference-Header-Content-Length, traceresponse")
VARY = ("Vary", "Origin")
PAGE, OTHER_PAGE = "https://draw.example", "http://localhost:3000"
PREFLIGHT = (
    ("Access-Control-Allow-Methods", "GET, HEAD, POST"),
    (
        "Access-Control-Allow-Headers",
        (
            "Accept, Authorization, Content-Encoding, Content-Type, Inference-Header-Content-Length, X-API-Key, "
            "X-Request-ID, X-Request-Timeout-Ms"
        ),
    ),
    ("Access-Control-Max-Age", "7200"),
)


def policy(headers: tuple[tuple[str, str], ...]) -> dict[str, list[str]]:
    directives = (directive.split() for directive in dict(headers)["Content-Security-Policy"].split(";"))
    return {name: sources for name, *sources in directives}


def test_an_answer_that_is_no_page() -> None:
    assert JSON_HEADERS == (
        ("X-Content-Type-Options", "nosniff"),
        ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    )


def test_the_documentation_names_them() -> None:
    document = (Path(__file__).resolve().parents[3] / "docs" / "security.md").read_text(encoding="utf-8")
    for name, value in JSON_HEADERS:
        assert f"`{name}: {value}`" in document
    for name in EXPOSED_HEADERS:
        assert f"`{name}`" in document


def test_a_prediction_is_never_kept() -> None:
    assert PREDICTION_HEADERS[:-1] == raw(JSON_HEADERS)
    assert PREDICTION_HEADERS[-1] == (b"cache-control", b"no-store")
    assert PREDICTION_HEADERS[0] == (b"x-content-type-options", b"nosniff")


def test_a_page_loads_what_is_the_services_own() -> None:
    assert PAGE_HEADERS[:3] == (JSON_HEADERS[0], ("Referrer-Policy", "no-referrer"), ("X-Frame-Options", "DENY"))
    allowed = policy(PAGE_HEADERS)
    assert allowed["default-src"] == allowed["base-uri"] == allowed["frame-ancestors"] == ["'none'"]
    assert allowed["script-src"] == allowed["style-src"] == allowed["connect-src"] == ["'self'"]
    assert allowed["img-src"] == ["'self'", "data:", "blob:"]


@pytest.mark.parametrize("origins", ["", "  "])
def test_without_the_setting_nothing_is_said(origins: str) -> None:
    cors = Cors(origins)
    assert cors.headers(PAGE) == cors.headers("") == ()
    assert cors.preflight(PAGE, "POST", "") is None


def test_origins_that_are_named() -> None:
    cors = Cors(f"{PAGE}, {OTHER_PAGE}")
    for page in (PAGE, OTHER_PAGE):
        assert cors.headers(page) == (("Access-Control-Allow-Origin", page), VARY, EXPOSED)
        assert cors.preflight(page, "POST", "content-type") == (
            ("Access-Control-Allow-Origin", page),
            VARY,
            *PREFLIGHT,
        )


@pytest.mark.parametrize(
    "stranger", ["", "null", "https://evil.example", f"{PAGE}.evil.example", f"{PAGE}:444", "http://draw.example", "*"]
)
def test_strangers_are_told_nothing_and_caches_to_tell_them_apart(stranger: str) -> None:
    cors = Cors(PAGE)
    assert cors.headers(stranger) == (VARY,)
    assert cors.preflight(stranger, "POST", "") is None


def test_all_origins() -> None:
    cors = Cors(" * ")
    for origin in (PAGE, "null", ""):
        assert cors.headers(origin) == (("Access-Control-Allow-Origin", "*"), EXPOSED)
        assert cors.preflight(origin, "GET", "") == (("Access-Control-Allow-Origin", "*"), *PREFLIGHT)


@pytest.mark.parametrize("method", ["", "DELETE", "post"])
def test_methods_that_nothing_here_has(method: str) -> None:
    assert Cors("*").preflight(PAGE, method, "") is None


def test_headers_that_are_read_may_be_sent_and_no_others() -> None:
    cors = Cors(PAGE)
    assert cors.preflight(PAGE, "POST", "authorization,content-type, X-API-KEY ,x-request-timeout-ms") is not None
    assert cors.preflight(PAGE, "POST", "content-type, x-other") is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("HTTPS://Draw.Example", "https://draw.example"),
        ("https://draw.example:443", "https://draw.example"),
        ("http://draw.example:80", "http://draw.example"),
        ("http://draw.example:443", "http://draw.example:443"),
        ("http://127.0.0.1:08080", "http://127.0.0.1:8080"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("capacitor://localhost", "capacitor://localhost"),
    ],
)
def test_an_origin_is_compared_as_browsers_write_it(written: str, meant: str) -> None:
    assert Cors(written).headers(meant)[0] == ("Access-Control-Allow-Origin", meant)


@pytest.mark.parametrize(
    "origins",
    [
        "draw.example",
        "https://draw.example/",
        "https://draw.example/page",
        "https://draw.example?x",
        "https://user@draw.example",
        "https://*.draw.example",
        "https://",
        "https://draw.example:",
        "https://draw.example:65536",
        "https://draw.example:port",
        "null",
        f"{PAGE},",
        f"{PAGE},*",
        f"{PAGE} {OTHER_PAGE}",
        f"{PAGE}\r\nX-Evil: 1",
        "https://zeichne.exämple",
    ],
)
def test_what_is_no_origin_stops_the_start(origins: str) -> None:
    with pytest.raises(SettingsError, match="DIGITS_CORS_ORIGINS: .* is not an origin"):
        Cors(origins)
