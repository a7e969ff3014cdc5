"""How the page is sent: to whom, under which names, with which headers; and that it needs nothing from elsewhere."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from service import settings as service_settings
from service.browsers import PAGE_HEADERS
from service.page import files
from tests.unit.service.site import Site, serving
from tests.unit.service.tiny_engine import TinyEngine

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
STATIC = Path(files.__file__).with_name("static")
PAGES: tuple[files.Page, ...] = ("index.html", "docs.html")
SCRIPTS = [name for name in files.names() if name.endswith(".js")]
IMPORT = re.compile(r'(?:^(?:import|\}) [^"\n]*|import\()"\./([\w-]+\.js)"', re.MULTILINE)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    settings = service_settings.load(run_dir=tmp_path_factory.mktemp("run"), engine_heartbeat_seconds=0.02)
    with TinyEngine(settings.endpoint) as engine, serving(settings, engine) as site:
        yield site


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_browser_gets_a_page(site: Site, path: str) -> None:
    answer = site.over_lane(path, method="GET", accept=BROWSER)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    for name, value in PAGE_HEADERS:
        assert answer.headers[name.lower()] == value
    assert b"{{" not in answer.body
    for address in re.findall(r'(?:src|href)="(page/[^"]+)"', answer.body.decode()):
        assert site.over_flask(f"/{address}", method="GET").status == 200


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "application/json, text/html;q=0.9"])
def test_a_program_is_told_where_to_go(site: Site, accept: str) -> None:
    answer = site.over_flask("/", method="GET", accept=accept)
    assert answer.headers["content-type"] == "application/json"
    assert "Accept" in answer.headers["vary"]


def test_a_file_never_changes_under_its_address(site: Site) -> None:
    answer = site.over_flask(f"/page/{files.stamp()}/js/main.js", method="GET")
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.body == (STATIC / "js" / "main.js").read_bytes()


def test_a_file_of_another_release_is_not_kept(site: Site) -> None:
    assert site.over_flask("/page/older/js/main.js", method="GET").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("coding", ["gzip", "br;q=1, gzip;q=0.5"])
def test_packed_for_those_who_take_it(site: Site, coding: str) -> None:
    plain = site.over_flask("/page/x/css/base.css", method="GET")
    packed = site.over_flask("/page/x/css/base.css", method="GET", accept_encoding=coding)
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 2
    assert packed.headers["etag"] != plain.headers["etag"]
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("coding", ["identity", "gzip;q=0"])
def test_not_packed_for_those_who_do_not(site: Site, coding: str) -> None:
    answer = site.over_flask("/page/x/css/base.css", method="GET", accept_encoding=coding)
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize("path", ["/docs", "/page/x/js/main.js"])
def test_what_is_known_already_is_not_sent_again(site: Site, path: str) -> None:
    tag = site.over_flask(path, method="GET").headers["etag"]
    answer = site.over_flask(path, method="GET", if_none_match=tag)
    assert (answer.status, answer.body) == (304, b"")
    assert site.over_flask(path, method="GET", if_none_match='"other"').status == 200


@pytest.mark.parametrize("name", ["none.js", "../files.py", "js/../../files.py", "index.html", "%2e%2e/files.py", ""])
def test_nothing_else_is_sent(site: Site, name: str) -> None:
    answer = site.over_flask(f"/page/x/{name}", method="GET")
    assert answer.status == 404
    assert b"not_found" in answer.body


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_nothing_that_stands_in_it(page: files.Page) -> None:
    """What the policy forbids would silently not work."""
    text = files.page(page).content.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", text)


@pytest.mark.parametrize("name", [*files.names(), *PAGES])
def test_nothing_comes_from_elsewhere(name: str) -> None:
    addresses = re.findall(r"https?://[^\s\"'`)]+", (STATIC / name).read_text(encoding="utf-8"))
    assert set(addresses) <= {"http://www.w3.org/2000/svg"}  # a name, which nobody fetches


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_a_script_imports_is_there(name: str) -> None:
    for imported in IMPORT.findall((STATIC / name).read_text(encoding="utf-8")):
        assert f"js/{imported}" in SCRIPTS


@pytest.mark.parametrize(("page", "entry"), [("index.html", "main.js"), ("docs.html", "docs.js")])
def test_all_that_a_page_begins_with_is_asked_for_at_once(page: files.Page, entry: str) -> None:
    needed, todo = {entry}, [entry]
    while todo:
        text = (STATIC / "js" / todo.pop()).read_text(encoding="utf-8")
        found = set(re.findall(r'^(?:import|\}) .*"\./([\w-]+\.js)"', text, re.MULTILINE)) - needed
        needed |= found
        todo += found
    links = re.findall(r'rel="modulepreload" href="page/\w+/js/([\w-]+\.js)"', files.page(page).content.decode())
    assert sorted(links) == sorted(needed)


def test_scripts_and_styles_are_short() -> None:
    lengths = {name: len((STATIC / name).read_text(encoding="utf-8").splitlines()) for name in files.names()}
    assert not {name: lines for name, lines in lengths.items() if lines > 250}


def test_every_element_a_script_asks_for_is_on_a_page() -> None:
    ids = {found for page in PAGES for found in re.findall(r'\bid="([\w-]+)"', (STATIC / page).read_text("utf-8"))}
    asked = {
        found
        for name in SCRIPTS
        for found in re.findall(r'byId\("([\w-]+)"\)', (STATIC / name).read_text(encoding="utf-8"))
    }
    assert asked
    assert asked <= ids
