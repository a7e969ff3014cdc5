"""Looking inside on the page: the prepared picture, explanations, layers, cards, and the live panel."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.service_process import Service
from tests.page.sheet import PICTURE, Sheet, pixels

pytestmark = pytest.mark.slow


def test_what_the_model_sees_and_every_step(seen: Page, service: Service) -> None:
    found = service.client.post("/models/cnn/preprocess", content=PICTURE.read_bytes()).json()
    assert np.array_equal(pixels(seen, "#prepared")[..., 0], np.array(found["image"]))
    seen.get_by_text("Every step of the preparation").click()
    expect(seen.locator("#steps li")).to_have_count(len(found["steps"]))
    for name in seen.locator("#steps span").all_inner_texts():
        assert "_" not in name


def test_why_the_answer_is_what_it_is(seen: Page, service: Service) -> None:
    names = service.client.get("/v1/models/cnn/metadata").json()["metadata"]["signature_def"]["signature_def"]
    offered = {option.get_attribute("value") for option in seen.locator("#method option").all()} - {""}
    assert offered == set(names) & {"saliency", "smoothgrad", "integrated_gradients", "grad_cam", "occlusion"}
    seen.locator("#method").select_option("saliency")
    expect(seen.locator("#overlay")).to_be_visible()
    found = service.client.post("/models/cnn/explain?method=saliency", content=PICTURE.read_bytes()).json()
    brightness = pixels(seen, "#overlay")[..., :3].astype(int).sum(axis=2)
    assert brightness.argmax() == np.array(found["map"]).argmax()
    strength = pixels(seen, "#overlay")[0, 0, 3]
    seen.locator("#opacity").fill("20")
    assert pixels(seen, "#overlay")[0, 0, 3] < strength


def test_a_layer_shows_its_maps_and_what_a_unit_sees(seen: Page, sheet: Sheet, service: Service) -> None:
    sheet.open_layer("conv1")
    answer = service.client.post("/models/cnn/activations?layer=conv1", content=PICTURE.read_bytes()).json()
    maps = seen.locator(".maps")
    maps.focus()
    for key in ("PageDown", "PageDown", *["ArrowDown"] * 4, *["ArrowRight"] * 5):
        seen.keyboard.press(key)
    value = answer["channels"][2]["values"][4][5]
    said = seen.locator(".pointed")
    expect(said).to_contain_text("Channel 2, row 4, column 5")
    told = re.search(r": ([\d.,]+)\. It sees", said.inner_text())
    assert told is not None
    assert float(told[1].replace(",", "")) == pytest.approx(value, rel=0.01, abs=1e-6)
    row = next(row for row in service.client.get("/models/cnn/layers").json()["layers"] if row["name"] == "conv1")
    frame = seen.locator(".stacked rect")
    assert float(frame.get_attribute("width") or 0) * 28 / 100 == pytest.approx(row["receptive_field"])
    assert float(frame.get_attribute("x") or 0) * 28 / 100 == pytest.approx(5 * row["stride"][0])
    seen.keyboard.press("Enter")
    expect(seen.locator(".weights h4")).to_have_text("Weights of channel 2")
    seen.locator('[data-layer="conv1"]').click()
    expect(seen.locator("#layer-open")).to_be_hidden()


def test_the_same_layer_before_training(seen: Page, sheet: Sheet, service: Service) -> None:
    sheet.open_layer("conv2")
    seen.get_by_label("Beside it, the same before training").check()
    expect(seen.locator(".map-group")).to_have_count(2)
    expect(seen.locator(".map-group").first).to_contain_text(re.compile(r"Trained: \d+.% of its units are silent"))
    path = "/models/cnn/activations?layer=conv2&untrained=true"
    answer = service.client.post(path, content=PICTURE.read_bytes()).json()
    seen.locator(".maps").nth(1).focus()
    for key in ("PageDown", *["ArrowDown"] * 5, *["ArrowRight"] * 6, "Enter"):
        seen.keyboard.press(key)
    told = re.search(r"column 6: ([\d.,]+)\. Before training: ([\d.,]+)\.", seen.locator(".pointed").inner_text())
    assert told is not None
    values = [part[1]["values"][5][6] for part in (answer["channels"], answer["untrained"])]
    assert [float(text.replace(",", "")) for text in told.groups()] == pytest.approx(values, rel=0.01, abs=1e-6)
    expect(seen.locator(".weights h4")).to_have_text("Weights of channel 1")
    seen.locator('[data-layer="conv1"]').click()
    expect(seen.locator(".map-group")).to_have_count(2)  # it stays from layer to layer
    seen.get_by_label("Beside it, the same before training").uncheck()
    expect(seen.locator(".map-group")).to_have_count(1)


def test_every_layer_of_every_model_opens(seen: Page, service: Service) -> None:
    for name in ("cnn", "mlp"):
        seen.get_by_label("Answered by").select_option(
            seen.locator("#model option", has_text=name).get_attribute("value")
        )
        for row in service.client.get(f"/models/{name}/layers").json()["layers"]:
            seen.locator(f'[data-layer="{row["name"]}"]').click()
            expect(seen.locator(".layer-panel h3")).to_have_text(row["name"])
            expect(seen.locator(".layer-panel .legend")).to_be_visible()


def test_the_open_layer_follows_the_sheet(seen: Page, sheet: Sheet) -> None:
    sheet.open_layer("conv1")
    painted = """() => document.querySelector(".maps").toDataURL()"""
    before = seen.evaluate(painted)
    sheet.take_sample("a 0")
    seen.wait_for_function("(before) => document.querySelector('.maps').toDataURL() !== before", arg=before)


def test_cards_and_the_confusion_matrix(page: Page, service: Service) -> None:
    page.locator("#models").scroll_into_view_if_needed()
    expect(page.locator(".card")).to_have_count(len(service.client.get("/models").json()["models"]))
    expect(page.locator(".card .state").first).to_contain_text("in service")
    page.locator('[data-card^="cnn/"]').click()
    version = page.locator('[data-card^="cnn/"]').get_attribute("data-card")
    assert version is not None
    card = service.client.get(f"/models/cnn/versions/{version.partition('/')[2]}").json()["card"]
    shown = page.locator(".confusion tbody tr")
    expect(shown).to_have_count(10)
    for row, counts in zip(shown.all(), card["metrics"]["test"]["confusion_matrix"], strict=True):
        cells = row.locator("td").all_inner_texts()
        assert [int(cell.replace("·", "0")) for cell in cells] == counts
    expect(page.locator(".learning .curve")).to_have_count(2)


def test_the_live_panel_asks_only_while_it_is_open(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/metrics") else None)
    page.locator("#live").scroll_into_view_if_needed()
    summary = page.locator("#live summary")
    with page.expect_response("**/metrics"):
        summary.click()
    expect(page.locator("#live .figures dd").first).to_be_visible()
    summary.click()
    expect(page.locator("#live .figures")).to_be_hidden()
    so_far = len(asked)
    page.evaluate("() => new Promise((done) => setTimeout(done, 2500))")  # longer than it waits between two looks
    assert len(asked) == so_far
