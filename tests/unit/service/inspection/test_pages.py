"""The page about a version: what it may do in a browser, and when there is none."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest

from service.catalogue import ModelVersion
from service.errors import NotApplicableError, NotFoundError
from service.inspection import pages

PAGE = b"""<!doctype html><style>p { color: red }</style><p style="opacity:0.5">a</p><i style="content:&quot;x&quot;"></i>
<style>
i { color: blue }
</style>"""


def version_with(page: bytes | None, models_dir: Path, sha256: str = "") -> ModelVersion:
    card: dict[str, Any] = {"labels": []}
    if page is not None:
        path = models_dir / "m" / "1" / "assets.extra" / "report.html"
        path.parent.mkdir(parents=True)
        path.write_bytes(page)
        card["files"] = {"assets.extra/report.html": {"sha256": sha256 or hashlib.sha256(page).hexdigest()}}
    return ModelVersion("m", 1, "available", None, card)


def policy(page: pages.ReportPage) -> dict[str, list[str]]:
    text = dict(page.headers)["Content-Security-Policy"]
    return {name: rest for name, *rest in (part.split() for part in text.split("; "))}


def hashed(style: bytes) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(style).digest()).decode()}'"


def test_the_page_is_sent_as_it_was_written(tmp_path: Path) -> None:
    page = pages.page_of(tmp_path, version_with(PAGE, tmp_path))
    assert page.content == PAGE
    assert page.digest == hashlib.sha256(PAGE).hexdigest()


def test_it_may_use_its_own_styles_and_pictures_and_nothing_else(tmp_path: Path) -> None:
    allowed = policy(pages.page_of(tmp_path, version_with(PAGE, tmp_path)))
    assert allowed["default-src"] == ["'none'"]
    assert "script-src" not in allowed
    assert allowed["sandbox"] == []
    assert allowed["img-src"] == ["data:"]
    styles = (b"p { color: red }", b"\ni { color: blue }\n", b"opacity:0.5", b'content:"x"')
    assert set(allowed["style-src"]) == {"'unsafe-hashes'", *map(hashed, styles)}


def test_a_version_without_a_page(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="m/1 came without a page"):
        pages.page_of(tmp_path, version_with(None, tmp_path))


def test_a_page_that_was_changed_is_not_sent(tmp_path: Path) -> None:
    with pytest.raises(NotApplicableError, match="SHA-256"):
        pages.page_of(tmp_path, version_with(PAGE, tmp_path, "0" * 64))


def test_a_page_of_any_length_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_MAX_BYTES", len(PAGE) - 1)
    with pytest.raises(NotApplicableError, match="more than"):
        pages.page_of(tmp_path, version_with(PAGE, tmp_path))
