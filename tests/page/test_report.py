"""How well versions do, as the page tells it: class by class, how well calibrated, and two of them side by side."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from service.page.files import stamp
from tests.e2e.service_process import Service

pytestmark = pytest.mark.slow
BINS = [
    {"above": 0.4, "to": 0.5, "count": 9, "confidence": 0.45, "accuracy": 0.75},
    {"above": 0.9, "to": 1.0, "count": 900, "confidence": 0.98, "accuracy": 0.98},
]


def version_of(service: Service, name: str) -> str:
    models = service.client.get("/models").json()["models"]
    return str(next(model for model in models if model["name"] == name)["versions"][0]["version"])


@pytest.fixture
def models(page: Page) -> Page:
    page.locator("#models").scroll_into_view_if_needed()
    expect(page.locator("#compared table").first).to_be_visible()
    return page


def test_class_by_class(models: Page, service: Service) -> None:
    models.locator('[data-card^="cnn/"]').click()
    card = service.client.get(f"/models/cnn/versions/{version_of(service, 'cnn')}").json()["card"]
    matrix = np.array(card["metrics"]["test"]["confusion_matrix"])
    rows = models.locator(".classes tbody tr")
    expect(rows).to_have_count(len(matrix))
    for at, row in enumerate(rows.all()):
        told = [text.replace(",", "") for text in row.locator("td").all_inner_texts()]
        right = matrix[at, at]
        assert [int(text) for text in told[:3]] == [
            matrix[at].sum(),
            matrix[at].sum() - right,
            matrix[:, at].sum() - right,
        ]
        recall, precision = (float(re.sub(r"[\u202f%]", "", text)) for text in told[3:5])
        assert recall == pytest.approx(100 * right / matrix[at].sum(), abs=0.006)
        assert precision == pytest.approx(100 * right / matrix[:, at].sum(), abs=0.006)


def test_the_whole_report_is_a_click_away(models: Page, service: Service) -> None:
    models.locator('[data-card^="cnn/"]').click()
    link = models.get_by_role("link", name="The whole report")
    with models.context.expect_page() as opening:
        link.click()
    expect(opening.value.locator("h1")).to_contain_text("cnn")
    answer = service.client.get(f"/{link.get_attribute('href')}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_two_versions_side_by_side(models: Page, service: Service) -> None:
    one, other = service.client.get("/compare?models=cnn,mlp").json()["versions"]
    expect(models.locator("#compared thead th").first).to_have_text(re.compile("^cnn"))
    row = models.locator("#compared tr", has=models.get_by_role("rowheader", name="Read rightly, of the test"))
    shares = [float(re.sub(r"[^\d.]", "", text)) for text in row.locator("td").all_inner_texts()]
    assert shares == pytest.approx([100 * version["test_accuracy"] for version in (one, other)], abs=0.006)
    better = one["test_accuracy"] > other["test_accuracy"]
    expect(row.locator("td").nth(0 if better else 1)).to_contain_text("better")
    expect(row.locator("td").nth(1 if better else 0)).not_to_contain_text("better")
    (low, high), (other_low, other_high) = (version["test_accuracy_interval"] for version in (one, other))
    words = "lie apart" if high < other_low or other_high < low else "overlap"
    expect(models.locator("#compared figcaption")).to_contain_text(f"The intervals {words}")
    models.get_by_text("Trained differently in").click()
    expect(models.get_by_role("rowheader", name="epochs", exact=True)).to_be_visible()


def test_another_pair_is_compared(models: Page) -> None:
    mlp = models.locator("#compare-one option", has_text="mlp").get_attribute("value")
    models.locator("#compare-one").select_option(mlp)
    expect(models.locator("#compared figcaption")).to_contain_text("One and the same.")
    expect(models.locator("#compared .wins")).to_have_count(0)


def test_a_reliability_diagram_shows_how_far_off_it_is(page: Page) -> None:
    drawn = page.evaluate(
        f"""async (bins) => {{
            const {{ reliability }} = await import('./page/{stamp()}/js/charts.js');
            const picture = reliability("label", bins, String);
            const number = (element, name) => Number(element.getAttribute(name));
            const ideal = picture.querySelector(".ideal");
            return {{
                ideal: ["x1", "y1", "x2", "y2"].map((name) => number(ideal, name)),
                dots: [...picture.querySelectorAll("circle")].map((dot) => ["cx", "cy", "r"].map((name) => number(dot, name))),
                gaps: [...picture.querySelectorAll(".curve")].map((gap) => number(gap, "y1") - number(gap, "y2")),
            }};
        }}""",
        BINS,
    )
    left, bottom, right, top = drawn["ideal"]
    for (x, y, _), each in zip(drawn["dots"], BINS, strict=True):
        assert (x - left) / (right - left) == pytest.approx(each["confidence"])
        assert (bottom - y) / (bottom - top) == pytest.approx(each["accuracy"])
    assert drawn["gaps"] == pytest.approx([0.3 * (bottom - top), 0])
    assert drawn["dots"][0][2] < drawn["dots"][1][2]
