"""Takes the pictures of the page that the documentation shows: `python -m tests.page.screenshots`.

It starts the service with the models that ship. The page uses the fonts of whoever looks at it; for the pictures two
free ones are installed, so that they look the same wherever they are taken.
"""

from __future__ import annotations

import itertools
import shutil
import subprocess
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.e2e.service_process import Service, started
from tests.page.sheet import Sheet, Theme, opened
from tests.processes import ROOT

Points = tuple[tuple[float, float], ...]

_FOLDER: Final = ROOT / "docs" / "screenshots"
_PACKAGES: Final = ("chromium", "fonts-inter", "fonts-linuxlibertine")
_WIDE: Final = ViewportSize(width=1280, height=860)
_NARROW: Final = ViewportSize(width=360, height=740)

# Between a 4 and a 9, as people write them: models are of two minds about it.
_BOWL: Final = ((0.50, 0.21), (0.41, 0.26), (0.34, 0.38), (0.37, 0.50), (0.50, 0.52), (0.63, 0.48), (0.70, 0.41))
_STEM: Final = ((0.66, 0.24), (0.64, 0.45), (0.60, 0.66), (0.56, 0.86))
_SETTLED_MS: Final = 2000


def take_all(folder: Path = _FOLDER) -> None:
    """Write light.png, dark.png, narrow.png, layers.png, by-hand.png and dreams.png to `folder`. Takes a minute."""
    for package in _PACKAGES:
        subprocess.run([ROOT / "requirements" / "system-package.sh", package, "it is in the pictures"], check=True)
    folder.mkdir(parents=True, exist_ok=True)
    with started(ROOT / "models", default_model="cnn") as service, sync_playwright() as playwright:
        service.wait_until_ready()
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        _stage(browser, service, folder / "light.png", _WIDE, "light")
        _stage(browser, service, folder / "dark.png", _WIDE, "dark")
        _stage(browser, service, folder / "narrow.png", _NARROW, "light")
        _layers(browser, service, folder / "layers.png")
        _by_hand(browser, service, folder / "by-hand.png")
        _dreams(browser, service, folder / "dreams.png")
        browser.close()


def _stage(browser: Browser, service: Service, path: Path, size: ViewportSize, theme: Theme) -> None:
    with opened(browser, service, size, theme=theme) as page:
        sheet = Sheet(page)
        for stroke in (_BOWL, _STEM):
            sheet.draw(rounded(stroke))
        _settle(page)
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=path)


def _layers(browser: Browser, service: Service, path: Path) -> None:
    with opened(browser, service, _WIDE) as page:
        sheet = Sheet(page)
        sheet.take_sample("a 5")
        sheet.expect_digit("5")
        sheet.open_layer("conv2")
        page.locator(".kernels").wait_for()
        page.locator(".maps").focus()
        for key in (*["PageDown"] * 3, *["ArrowDown"] * 4, *["ArrowRight"] * 6, "Enter"):
            page.keyboard.press(key)
        _settle(page)
        page.set_viewport_size(ViewportSize(width=_WIDE["width"], height=1030))
        page.locator("#layers").evaluate("(section) => scrollTo(0, section.offsetTop - 8)")
        page.screenshot(path=path)


def _by_hand(browser: Browser, service: Service, path: Path) -> None:
    with opened(browser, service, _WIDE) as page:
        sheet = Sheet(page)
        sheet.take_sample("a 5")
        sheet.expect_digit("5")
        sheet.convolve()
        _settle(page)
        page.locator(".unit-map").nth(1).focus()
        for key in (*["ArrowDown"] * 14, *["ArrowRight"] * 18):
            page.keyboard.press(key)
        _section(page, "by-hand", path)


def _dreams(browser: Browser, service: Service, path: Path) -> None:
    with opened(browser, service, _WIDE) as page:
        sheet = Sheet(page)
        sheet.take_sample("a 5")
        sheet.expect_digit("5")
        sheet.climb()
        _section(page, "dreams", path)


def _section(page: Page, name: str, path: Path) -> None:
    """Of that section alone, with the paper around it."""
    box = page.locator(f"#{name}").bounding_box()
    assert box is not None
    top = box["y"] + page.evaluate("scrollY")
    page.screenshot(
        path=path,
        full_page=True,
        clip={"x": 0, "y": top + 24, "width": _WIDE["width"], "height": box["height"] - 48},
    )


def rounded(stroke: Points, rounds: int = 3) -> Points:
    """Without its corners, each cut off in every round (Chaikin, Computer Graphics and Image Processing 1974)."""
    for _ in range(rounds):
        cut = [
            tuple(near * one + (1 - near) * other for one, other in zip(start, end, strict=True))
            for start, end in itertools.pairwise(stroke)
            for near in (0.75, 0.25)
        ]
        stroke = (stroke[0], *((x, y) for x, y in cut), stroke[-1])
    return stroke


def _settle(page: Page) -> None:
    """Until the answer is there, also to the last stroke, and nothing moves any more."""
    page.locator("#took").filter(has_text="ms").wait_for()
    page.wait_for_timeout(_SETTLED_MS)


if __name__ == "__main__":
    take_all()
