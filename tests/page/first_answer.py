"""Measures how soon the page answers who begins to write: `python -m tests.page.first_answer [strokes]`.

The service runs on this machine with the models that ship. Of each stroke on an empty sheet, in the page's own time:
from the pen's coming down to the first bar that is painted anew. A figure for people, no test: it is the machine's too.
"""

from __future__ import annotations

import shutil
import statistics
import sys

from playwright.sync_api import Page, ViewportSize, sync_playwright

from tests.e2e.service_process import started
from tests.page.sheet import SEVEN, Sheet, opened
from tests.processes import ROOT

_STROKES = 30
_WATCH = """() => {
    window.began = null;
    window.delays = [];
    document.getElementById("pad").addEventListener("pointerdown", () => { window.began = performance.now(); }, true);
    new MutationObserver(() => {
        if (window.began === null || document.getElementById("answer").dataset.state === "nothing") return;
        window.delays.push(performance.now() - window.began);
        window.began = null;
    }).observe(document.getElementById("answer"), { attributes: true, childList: true, subtree: true, characterData: true });
}"""


def measure(page: Page, strokes: int = _STROKES) -> list[float]:
    """Milliseconds from the pen's coming down to the answer, of each stroke."""
    sheet = Sheet(page)
    page.evaluate(_WATCH)
    for stroke in range(strokes):
        sheet.draw(SEVEN)
        page.wait_for_function("(count) => window.delays.length === count", arg=stroke + 1)
        sheet.expect_digit("7")
        page.get_by_role("button", name="Clear").click()
        page.wait_for_function("() => document.getElementById('answer').dataset.state === 'nothing'")
    return [float(delay) for delay in page.evaluate("() => window.delays")]


def main(strokes: int) -> None:
    with started(ROOT / "models", default_model="cnn") as service, sync_playwright() as playwright:
        service.wait_until_ready()
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        with opened(browser, service, ViewportSize(width=1280, height=860)) as page:
            delays = sorted(measure(page, strokes))
        browser.close()
    ninetieth = delays[int(0.9 * (len(delays) - 1))]
    print(f"{strokes} strokes: median {statistics.median(delays):.0f} ms, 90 % within {ninetieth:.0f} ms")  # noqa: T201  (its result)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else _STROKES)
