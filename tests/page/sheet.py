"""What a visitor does with the page, and reads on it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from tests.e2e.service_process import Service
from tests.processes import PATIENCE_SECONDS, ROOT

Theme = Literal["light", "dark"]
PICTURE = ROOT / "examples" / "seven.png"
PATIENCE_MS = 1000 * PATIENCE_SECONDS

# As a hand leads the pen for a seven: parts of the sheet's side.
SEVEN = ((0.30, 0.24), (0.50, 0.22), (0.70, 0.21), (0.60, 0.42), (0.52, 0.62), (0.46, 0.82))
_MOVES = 6


@contextlib.contextmanager
def opened(
    browser: Browser, service: Service, size: ViewportSize, *, theme: Theme = "light", path: str = "/"
) -> Iterator[Page]:
    """A window on the page. That nothing failed in it unseen is looked at when it is closed."""
    context = browser.new_context(base_url=service.url, viewport=size, color_scheme=theme)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    # A refusal of the security policy is said here, too. What the network refuses is what some tests are about.
    page.on("console", lambda said: faults.append(said.text) if is_fault(said.type, said.text) else None)
    page.goto(path)
    page.wait_for_selector("html[data-ready]")
    yield page
    context.close()
    assert not faults, faults


def is_fault(kind: str, text: str) -> bool:
    return kind == "error" and not text.startswith("Failed to load resource")


def pixels(page: Page, selector: str) -> npt.NDArray[np.uint8]:
    """What is painted on a canvas: uint8 (H, W, 4)."""
    height, width, values = page.locator(selector).evaluate(
        """(canvas) => {
            const { width, height } = canvas;
            return [height, width, [...canvas.getContext("2d").getImageData(0, 0, width, height).data]];
        }"""
    )
    return np.array(values, np.uint8).reshape(height, width, 4)


@dataclass(frozen=True)
class Sheet:
    """The page with the sheet."""

    page: Page

    def draw(self, stroke: Sequence[tuple[float, float]]) -> None:
        """With the mouse, through these places."""
        pad = self.page.locator("#pad")
        pad.scroll_into_view_if_needed()  # who has just taken a sample may have scrolled away from it
        box = pad.bounding_box()
        assert box is not None
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        mouse = self.page.mouse
        mouse.move(*places[0])
        mouse.down()
        for place in places[1:]:
            mouse.move(*place, steps=_MOVES)
        mouse.up()

    def take_sample(self, name: str) -> None:
        self.page.get_by_role("button", name=f"Sample: {name}", exact=True).click()

    def bring(self, how: Literal["drop", "paste"], name: str, content: bytes) -> None:
        """Drop a file on the page or paste it."""
        self.page.evaluate(
            """([how, name, bytes]) => {
                const transfer = new DataTransfer();
                transfer.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
                const event = how === "drop"
                    ? new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true })
                    : new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true });
                document.getElementById("sheet").dispatchEvent(event);
            }""",
            [how, name, list(content)],
        )

    def expect_digit(self, digit: str) -> None:
        expect(self.page.locator("#digit")).to_have_text(digit, timeout=PATIENCE_MS)

    @property
    def answer(self) -> Locator:
        return self.page.locator("#answer")

    @property
    def notice(self) -> Locator:
        return self.page.locator("#notice")

    @property
    def bars(self) -> Locator:
        """A row for each class: name, bar, share by the one who answers, share by the one beside."""
        return self.page.locator("#bars tbody tr")

    def open_layer(self, name: str) -> None:
        self.page.locator("#layers").scroll_into_view_if_needed()
        self.page.locator(f'[data-layer="{name}"]').click()
        expect(self.page.locator(".layer-panel .legend")).to_be_visible(timeout=PATIENCE_MS)

    def climb(self) -> None:
        """Let it climb as the form says, to the end."""
        self.page.locator("#dreams").scroll_into_view_if_needed()
        self.page.get_by_role("button", name="Climb").click()
        expect(self.page.locator("#rise figure")).to_be_visible(timeout=PATIENCE_MS)

    def convolve(self) -> None:
        """Bring the exhibit there that convolves by hand, and wait for its maps."""
        self.page.locator("#by-hand").scroll_into_view_if_needed()
        expect(self.page.locator("#chain .legend").nth(1)).to_be_visible(timeout=PATIENCE_MS)

    def open_all(self) -> None:
        """Every part that can be opened, with something on the sheet."""
        self.take_sample("a 7")
        self.expect_digit("7")
        self.page.locator("#sees").scroll_into_view_if_needed()
        expect(self.page.locator("#facts dt")).not_to_have_count(0, timeout=PATIENCE_MS)
        self.page.get_by_text("Every step of the preparation").click()
        self.page.locator("#method").select_option("saliency")
        expect(self.page.locator("#overlay")).to_be_visible(timeout=PATIENCE_MS)
        self.page.locator("#nearest").scroll_into_view_if_needed()
        expect(self.page.locator("#neighbours li").first).to_be_visible(timeout=PATIENCE_MS)
        self.open_layer("conv1")
        self.page.locator("#beside-untrained").check()
        expect(self.page.locator(".map-group")).to_have_count(2, timeout=PATIENCE_MS)
        expect(self.page.locator(".kernels")).to_be_visible(timeout=PATIENCE_MS)
        self.climb()
        self.convolve()
        self.page.locator(".unit-map").nth(1).focus()
        self.page.keyboard.press("ArrowDown")
        expect(self.page.locator(".sum span")).to_have_count(9)
        self.page.locator("#models").scroll_into_view_if_needed()
        expect(self.page.locator("#compared table").first).to_be_visible(timeout=PATIENCE_MS)
        self.page.get_by_text("Trained differently in").click()
        self.page.locator('[data-card^="cnn/"]').first.click()
        expect(self.page.locator(".confusion")).to_be_visible(timeout=PATIENCE_MS)
        self.page.locator("#live summary").click()
        expect(self.page.locator("#live .figures")).to_be_visible(timeout=PATIENCE_MS)
