"""The page's files as they are sent: with a type, a tag that changes with the content, and packed where that helps.

Scripts and styles have addresses that begin with a stamp of all of them together. Such an address never changes its
content, so a browser need not ask again; a new release has a new stamp.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

Page = Literal["index.html", "docs.html"]

_ROOT: Final = Path(__file__).with_name("static")
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_STAMP: Final = "{{stamp}}"
_PRELOAD: Final = "{{preload}}"
_DIGEST_LETTERS: Final = 16
_IMPORTED: Final = re.compile(r'^(?:import|\}) [^"\n]*"\./([\w-]+\.js)";$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class File:
    """A file, whole and packed."""

    content_type: str
    content: bytes
    packed: bytes
    """By gzip."""
    digest: str
    """Of the content, for an ETag."""


@cache
def stamp() -> str:
    """Of all scripts and styles together."""
    digest = hashlib.sha256()
    for name in names():
        digest.update(name.encode() + b"\0" + (_ROOT / name).read_bytes() + b"\0")
    return digest.hexdigest()[:_DIGEST_LETTERS]


@cache
def names() -> tuple[str, ...]:
    """Every file below `static/` but the pages themselves, as `"js/main.js"`."""
    found = sorted(path.relative_to(_ROOT).as_posix() for path in _ROOT.rglob("*") if path.suffix in _TYPES)
    return tuple(name for name in found if not name.endswith(".html"))


@cache
def asset(name: str) -> File:
    """The file of this name.

    :raise KeyError: it is none of `names()`.
    """
    if name not in names():
        raise KeyError(name)
    return _file(name, (_ROOT / name).read_bytes())


@cache
def page(name: Page) -> File:
    """A page, with the addresses of what it loads."""
    text = (_ROOT / name).read_text(encoding="utf-8")
    text = text.replace(_PRELOAD, _preloads(_entry(text))).replace(_STAMP, stamp())
    return _file(name, text.encode())


def _entry(text: str) -> str:
    """The script that a page begins with: `<script type="module" src="page/{{stamp}}/js/main.js">`."""
    return text.partition(f'type="module" src="page/{_STAMP}/')[2].partition('"')[0]


def _preloads(entry: str) -> str:
    """Links to every module that `entry` imports, and they in turn: the browser need not find them one by one."""
    found, todo = [entry], [entry]
    while todo:
        for name in _IMPORTED.findall((_ROOT / "js" / Path(todo.pop()).name).read_text(encoding="utf-8")):
            if f"js/{name}" not in found:
                found.append(f"js/{name}")
                todo.append(name)
    return "\n    ".join(f'<link rel="modulepreload" href="page/{_STAMP}/{name}">' for name in found)


def _file(name: str, content: bytes) -> File:
    # Without the time of packing, so that every worker sends the same bytes.
    packed = gzip.compress(content, mtime=0)
    return File(_TYPES[Path(name).suffix], content, packed, hashlib.sha256(content).hexdigest()[:_DIGEST_LETTERS])
