"""What excites a unit, what a picture resembles, and convolution by hand: held against the service and against NumPy."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from service.inspection.filtering import NAMED_KERNELS
from service.page.files import stamp
from tests.e2e.service_process import Service
from tests.page.examples_index import EXAMPLES, WITHOUT
from tests.page.sheet import PATIENCE_MS, PICTURE, Sheet, pixels

pytestmark = pytest.mark.slow
# Threads may add in another order: the same climb ends within a grey level or two.
GREY_LEVELS = 3


@pytest.fixture
def dreams(seen: Page) -> Page:
    seen.locator("#dreams").scroll_into_view_if_needed()
    expect(seen.locator("#wish option")).not_to_have_count(0)
    return seen


def choose_steps(page: Page, steps: int) -> None:
    page.locator("#dream-steps").fill(str(steps))
    expect(page.locator("#dream-steps-said")).to_have_text(f"{steps} steps")


def last_frame(page: Page) -> npt.NDArray[np.uint8]:
    count = page.locator("#film canvas").count()
    return pixels(page, f"#film li:nth-child({count}) canvas")[..., 0]


def expect_frame(page: Page, image: Sequence[object]) -> None:
    difference = last_frame(page).astype(int) - np.array(image).reshape(28, 28)
    assert np.abs(difference).max() <= GREY_LEVELS


# --- what excites a unit


def test_a_climb_from_noise_ends_where_the_services_does(dreams: Page, sheet: Sheet, service: Service) -> None:
    dreams.locator("#wish").select_option("class:8")
    dreams.locator("#dream-seed").fill("5")
    choose_steps(dreams, 40)
    sheet.climb()
    expect(dreams.locator("#film b")).to_have_text(["1 step", "5 steps", "10 steps", "20 steps", "40 steps"])
    found = service.client.get("/models/cnn/maximize?class=8&seed=5&steps=40").json()
    expect_frame(dreams, found["image"])
    expect(dreams.locator("#dream-said")).to_contain_text(
        re.compile(r"^A 8: the answer rose from .* reads the last picture as")
    )
    expect(dreams.get_by_role("button", name="Stop")).to_be_disabled()


def test_a_dream_from_the_sheet_for_a_channel(dreams: Page, sheet: Sheet, service: Service) -> None:
    dreams.locator("#wish").select_option("layer:conv2")
    dreams.get_by_label("channel (0–").fill("3")
    dreams.get_by_label("starting from").select_option("picture")
    expect(dreams.locator("#dream-seed")).to_be_hidden()
    choose_steps(dreams, 20)
    sheet.climb()
    path = "/models/cnn/dream?layer=conv2&channel=3&steps=20"
    expect_frame(dreams, service.client.post(path, content=PICTURE.read_bytes()).json()["image"])
    expect(dreams.locator("#dream-said")).to_contain_text("Channel 3 of conv2")


def test_a_climb_can_be_stopped_and_what_comes_late_is_dropped(dreams: Page, service: Service) -> None:
    said, stop = dreams.locator("#dream-said"), dreams.get_by_role("button", name="Stop")
    choose_steps(dreams, 20)
    with service.engine_held():
        dreams.get_by_role("button", name="Climb").click()
        expect(dreams.get_by_role("progressbar")).to_be_visible()
        stop.click()
        expect(said).to_have_text("Stopped here.")
        expect(dreams.get_by_role("progressbar")).to_be_hidden()
        expect(dreams.get_by_role("button", name="Climb")).to_be_focused()
        dreams.locator("#wish").select_option("class:1")
        dreams.get_by_role("button", name="Climb").click()
        dreams.locator("#wish").select_option("class:6")
        dreams.get_by_role("button", name="Climb").click()
    expect(said).to_contain_text("A 6: the answer rose", timeout=PATIENCE_MS)
    expect(dreams.locator("#film li")).to_have_count(5)
    expect_frame(dreams, service.client.get("/models/cnn/maximize?class=6&seed=0&steps=20").json()["image"])


def test_what_cannot_be_excited_is_told_in_plain_words(dreams: Page) -> None:
    dreams.locator("#wish").select_option("layer:conv1")
    dreams.locator("#wish-channel").fill("9999")
    dreams.get_by_role("button", name="Climb").click()
    expect(dreams.locator("#dream-said")).to_have_text(re.compile(r"^Channel must be a whole number from 0 to \d+"))
    expect(dreams.locator("#film li")).to_have_count(0)
    expect(dreams.get_by_role("button", name="Climb")).to_be_enabled()


def test_a_version_made_before_there_were_climbs_says_so(page: Page) -> None:
    def without_maximize(route: Route) -> None:
        answer = route.fetch().json()
        del answer["metadata"]["signature_def"]["signature_def"]["maximize"]
        route.fulfill(json=answer)

    page.route("**/v1/models/*/versions/*/metadata", without_maximize)
    page.reload()
    page.locator("#dreams").scroll_into_view_if_needed()
    expect(page.locator("#dreams-none")).to_contain_text("was made before it could be asked that")
    expect(page.locator("#dream-form")).to_be_hidden()


def test_from_a_layers_channel_to_its_climb(seen: Page, sheet: Sheet) -> None:
    sheet.open_layer("conv1")
    seen.locator(".maps").focus()
    for key in ("PageDown", "PageDown", "Enter"):
        seen.keyboard.press(key)
    seen.get_by_role("button", name="What excites it most?").click()
    seen.get_by_role("button", name="See it climb").click()
    expect(seen.locator("#dream-said")).to_contain_text("Channel 2 of conv1: the answer rose", timeout=PATIENCE_MS)


# --- what it resembles


def test_the_nearest_pictures_are_the_services(seen: Page, service: Service) -> None:
    seen.locator("#nearest").scroll_into_view_if_needed()
    tiles = seen.locator("#neighbours li")
    expect(tiles).to_have_count(12)
    path = "/models/cnn/nearest?k=12&thumbnails=png"
    (found,) = service.client.post(path, content=PICTURE.read_bytes()).json()["pictures"]
    for tile, one in zip(tiles.all(), found["nearest"], strict=True):
        expect(tile.locator("b")).to_have_text(re.compile(rf"^{one['digit']}( instead)?$"))
        expect(tile.locator("img")).to_have_attribute("alt", f"A {one['digit']}")
        source = tile.locator("img").get_attribute("src") or ""
        shown = Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))
        expected = Image.open(io.BytesIO(base64.b64decode(one["thumbnail"])))
        assert np.array_equal(np.asarray(shown), np.asarray(expected))
    same = sum(one["digit"] == found["predicted"]["digit"] for one in found["nearest"])
    expect(seen.locator("#nearest-of")).to_contain_text(f"{same} of these 12 are a 7")
    expect(seen.locator("#nearest-of")).to_contain_text(f"{EXAMPLES} pictures of toy")
    expect(seen.locator("#neighbours .other")).to_have_count(12 - same)


def test_a_version_without_examples_says_so_quietly(seen: Page) -> None:
    value = seen.locator("#model option", has_text=WITHOUT).get_attribute("value")
    seen.get_by_label("Answered by").select_option(value)
    seen.locator("#nearest").scroll_into_view_if_needed()
    expect(seen.locator("#nearest-said")).to_contain_text("No examples were kept with this version")
    expect(seen.locator("#neighbours li")).to_have_count(0)
    expect(seen.locator("#notice")).to_be_empty()


# --- by hand


@pytest.fixture
def workbench(seen: Page, sheet: Sheet) -> Page:
    sheet.convolve()
    return seen


def prepared(service: Service) -> npt.NDArray[np.float64]:
    image = service.client.post("/models/cnn/preprocess", content=PICTURE.read_bytes()).json()["image"]
    return np.array(image, np.float64).reshape(28, 28)


def beside_the_brightest(image: npt.NDArray[np.float64]) -> tuple[int, int]:
    """The unit of a 3×3 kernel that has the brightest pixel in its window's middle, or as near as can be."""
    y, x = (min(25, max(0, int(place) - 1)) for place in np.unravel_index(image.argmax(), image.shape))
    return y, x


def at(text: str, pattern: str) -> float:
    found = re.search(pattern, text)
    assert found is not None, text
    return float(found[1].replace(",", "").replace("−", "-"))


def walk(page: Page, map_number: int, down: int, right: int) -> str:
    """What is said of the unit there."""
    page.locator(".unit-map").nth(map_number).focus()
    for key in (*["ArrowDown"] * down, *["ArrowRight"] * right):
        page.keyboard.press(key)
    said = page.locator(".sum-said")
    expect(said).to_contain_text(f"Row {down}, column {right}:")
    return said.inner_text()


@pytest.mark.parametrize("kernel", ["vertical_edges", "gaussian_blur", "emboss"])
def test_each_number_is_the_sum_of_nine_products(workbench: Page, service: Service, kernel: str) -> None:
    image, weights = prepared(service), np.array(NAMED_KERNELS[kernel])
    workbench.locator("#kernel").select_option(kernel)
    fields = [float(field.input_value()) for field in workbench.locator(".kernel input").all()]
    assert fields == pytest.approx(weights.ravel().tolist(), rel=0.01)
    y, x = beside_the_brightest(image)
    expected = float((image[y : y + 3, x : x + 3] * weights).sum())
    pattern = rf"add up to {re.escape(f'{expected:,.3f}'.rstrip('0').rstrip('.').replace('-', '−'))}[.,]"
    walk(workbench, 1, y, x)
    expect(workbench.locator(".sum-said")).to_have_text(re.compile(pattern))
    products = workbench.locator(".sum span").all_inner_texts()
    pairs = [[float(part.replace("−", "-")) for part in text.split(" × ")] for text in products]
    assert [pair[0] for pair in pairs] == image[y : y + 3, x : x + 3].ravel().tolist()
    assert sum(a * b for a, b in pairs) == pytest.approx(expected, rel=0.02, abs=2)


def test_the_unit_pointed_at_stays_when_the_kernel_changes(workbench: Page, service: Service) -> None:
    y, x = beside_the_brightest(prepared(service))
    workbench.locator("#kernel").select_option("gaussian_blur")
    before = walk(workbench, 1, y, x)
    workbench.locator("#kernel").select_option("emboss")
    said = workbench.locator(".sum-said")
    expect(said).not_to_have_text(before)
    expect(said).to_contain_text(f"Row {y}, column {x}: nine products")


def test_weights_of_ones_own_with_margin_and_pooled(workbench: Page, service: Service) -> None:
    weights = np.array([[0, 0, 0], [2, 0, -1.5], [0, 0.25, 0]])
    for field, weight in zip(workbench.locator(".kernel input").all(), weights.ravel().tolist(), strict=True):
        field.fill(f"{weight:g}")
    expect(workbench.locator("#kernel")).to_have_value("")
    workbench.locator("#padding").select_option("1")
    workbench.locator("#pool-size").select_option("4")
    expect(workbench.locator("#chain")).to_contain_text("(28 + 2·1 − 3) / 1 + 1 = 28")
    expect(workbench.locator("#chain")).to_contain_text("28 / 4 = 7")
    padded = np.pad(prepared(service), 1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    passed = np.maximum(0, (windows * weights).sum(axis=(2, 3)))
    pooled = passed.reshape(7, 4, 7, 4).max(axis=(1, 3))
    y, x = (int(place) for place in np.unravel_index(pooled.argmax(), pooled.shape))
    assert at(walk(workbench, 2, y, x), r"is (−?[\d,.]+)\.$") == pytest.approx(pooled[y, x], abs=0.001)


def test_a_step_that_does_not_fit_is_explained(workbench: Page) -> None:
    workbench.locator("#stride").select_option("2")
    fault = workbench.locator("#chain .note")
    expect(fault).to_contain_text("A stride of 2 does not fit")
    expect(fault).to_contain_text("the nearest that fit")
    assert "floor=true" not in fault.inner_text()
    workbench.get_by_label("Leave out what a step leaves over").check()
    expect(fault).to_be_hidden()
    expect(workbench.locator("#chain figcaption").nth(1)).to_contain_text("= 13")


def test_the_named_kernels_are_the_services(page: Page) -> None:
    known = page.evaluate(f"async () => (await import('./page/{stamp()}/js/kernels.js')).KERNELS")
    assert set(known) == set(NAMED_KERNELS)
    for name, (_, _, weights) in known.items():
        assert np.allclose(weights, NAMED_KERNELS[name], rtol=0, atol=1e-12)
