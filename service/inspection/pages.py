"""The report that training wrote about a version: a page that needs nothing beside it, and is allowed nothing else."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from service.browsers import Headers
from service.catalogue import ModelVersion
from service.errors import NotFoundError
from service.inspection import extras

FILE: Final = "report.html"
_MAX_BYTES: Final = 16 * 2**20
_KEPT_PAGES: Final = 8
_STYLE_ELEMENT: Final = re.compile(rb"<style>(.*?)</style>", re.DOTALL)
_STYLE_ATTRIBUTE: Final = re.compile(rb'\sstyle="([^"]*)"')


@dataclass(frozen=True, slots=True)
class ReportPage:
    """As it is sent."""

    content: bytes
    digest: str
    """For an ETag."""
    headers: Headers


def page_of(models_dir: Path, version: ModelVersion) -> ReportPage:
    """The page of a version.

    :raise NotFoundError: it came without one.
    :raise NotApplicableError: it cannot be read, or is not the one that the card states.
    """
    sha256 = extras.digest(version, FILE)
    if sha256 is None:
        raise NotFoundError(
            f"{version.name}/{version.version} came without a page; as JSON there is a report", field="model"
        )
    content = extras.content(models_dir, version, FILE, _MAX_BYTES)
    return ReportPage(content, sha256, _headers(content))


@lru_cache(_KEPT_PAGES)
def _headers(content: bytes) -> Headers:
    """No scripts, no requests, no frames: the styles that are in the page, by their digests, and pictures inside it."""
    styles = {*_STYLE_ELEMENT.findall(content), *(_plain(value) for value in _STYLE_ATTRIBUTE.findall(content))}
    allowed = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(style).digest()).decode()}'" for style in sorted(styles)
    )
    policy = (
        f"default-src 'none'; style-src 'unsafe-hashes' {allowed}; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; sandbox"
    )
    return (("Content-Security-Policy", policy), ("Referrer-Policy", "no-referrer"), ("X-Frame-Options", "DENY"))


def _plain(attribute: bytes) -> bytes:
    return html.unescape(attribute.decode()).encode()
