"""axe-core, which looks for what keeps people with disabilities out: fetched by npm, and only this very archive taken."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

PACKAGE = "axe-core@4.14.1"
SHA256 = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"


def fetch(directory: Path) -> str:
    """The script, out of the npm package. No script of the package's own runs."""
    npm = shutil.which("npm") or shutil.which("npm", path=Path(sys.executable).parent)
    assert npm is not None, "there is no npm, neither on PATH nor beside Python"
    subprocess.run([npm, "pack", PACKAGE, "--ignore-scripts"], cwd=directory, check=True, capture_output=True)
    (archive,) = directory.glob("*.tgz")
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == SHA256
    with tarfile.open(archive) as content:
        member = content.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode()


def violations(page: Page, script: str) -> list[str]:
    """What it finds on the page as it stands: the rule, and where it is broken."""
    page.evaluate(script)
    found: dict[str, Any] = page.evaluate("() => axe.run()")
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
