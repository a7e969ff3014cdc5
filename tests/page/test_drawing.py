"""Writing, and pictures from elsewhere: what is read of them, by whom, and how it is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.service_process import Service
from tests.page.sheet import SEVEN, Sheet
from tests.processes import ROOT

pytestmark = pytest.mark.slow
PICTURE = ROOT / "examples" / "seven.png"


def test_a_seven_drawn_with_the_mouse_is_read_while_it_is_drawn(sheet: Sheet) -> None:
    expect(sheet.answer).to_have_attribute("data-state", "nothing")
    sheet.draw(SEVEN)
    sheet.expect_digit("7")
    expect(sheet.answer).to_have_attribute("data-state", "sure")
    expect(sheet.page.locator("#confidence")).to_have_text(re.compile(r"^9\d\.\d.%$"))
    expect(sheet.page.locator("#bars .best th")).to_have_text("7")
    # In one look, since answers go on coming for a moment.
    shown = sheet.page.evaluate(
        """() => ["#confidence", "#bars .best td:nth-of-type(2)"].map((one) => document.querySelector(one).textContent)"""
    )
    assert shown[0] == shown[1]


def test_undo_and_clear(sheet: Sheet) -> None:
    page = sheet.page
    sheet.take_sample("a 1")
    sheet.expect_digit("1")
    sheet.draw(((0.35, 0.2), (0.5, 0.2)))
    page.get_by_role("button", name="Clear").click()
    expect(sheet.answer).to_have_attribute("data-state", "nothing")
    expect(page.locator("#hint, .hint")).to_have_css("opacity", "1")
    page.get_by_role("button", name="Undo").click()  # what was cleared is back
    expect(sheet.answer).not_to_have_attribute("data-state", "nothing")
    page.keyboard.press("Control+z")
    sheet.expect_digit("1")


@pytest.mark.parametrize("how", ["choose", "drop", "paste"])
def test_a_picture_from_elsewhere(sheet: Sheet, how: str) -> None:
    if how == "choose":
        sheet.page.locator("#choose").set_input_files(PICTURE)
    elif how == "drop":
        sheet.bring("drop", PICTURE.name, PICTURE.read_bytes())
    else:
        sheet.bring("paste", PICTURE.name, PICTURE.read_bytes())
    sheet.expect_digit("7")
    expect(sheet.page.locator("#shown")).to_be_visible()
    sheet.draw(SEVEN)  # who writes wants a sheet
    expect(sheet.page.locator("#shown")).to_be_hidden()


def test_what_is_no_picture_says_so(sheet: Sheet, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(PICTURE.read_bytes()[:60])
    sheet.page.locator("#choose").set_input_files(broken)
    expect(sheet.page.locator("#sentence")).to_have_text("That is no picture that could be opened.")


def test_every_sample_of_a_digit_is_read_as_that(sheet: Sheet) -> None:
    for digit in "0123456789":
        sheet.take_sample(f"a {digit}")
        sheet.expect_digit(digit)
        expect(sheet.answer).to_have_attribute("data-state", "sure")


def test_a_row_is_read_as_one(sheet: Sheet) -> None:
    sheet.take_sample("a row of digits, 1954")
    expect(sheet.page.locator("#row-text b")).to_have_text(["1", "9", "5", "4"])
    sheet.take_sample("a 3")
    expect(sheet.page.locator("#row")).to_be_hidden()


def test_what_is_no_digit_is_not_told_as_one(sheet: Sheet) -> None:
    sheet.take_sample("a star, which is no digit")
    expect(sheet.answer).to_have_attribute("data-state", "doubtful")
    expect(sheet.page.locator("#sentence")).to_contain_text("does not look like a digit")


def test_warnings_are_told_in_plain_words(sheet: Sheet) -> None:
    sheet.take_sample("a photo of a note in the shade")
    sheet.expect_digit("5")
    expect(sheet.page.locator("#warnings li")).not_to_have_count(0)
    assert "_" not in sheet.page.locator("#warnings").inner_text()


def test_another_model_answers(sheet: Sheet) -> None:
    page = sheet.page
    sheet.take_sample("a 4")
    sheet.expect_digit("4")
    expect(page.locator("#bars-main")).to_have_text(re.compile("^cnn"))
    expect(page.locator("#bars-beside")).to_have_text(re.compile("^mlp"))
    of_cnn = sheet.bars.nth(4).locator("td").nth(2).inner_text()
    page.get_by_label("Answered by").select_option(page.locator("#model option", has_text="mlp").get_attribute("value"))
    expect(page.locator("#bars-main")).to_have_text(re.compile("^mlp"))
    expect(sheet.bars.nth(4).locator("td").nth(1)).to_have_text(of_cnn)
    page.get_by_label("beside").select_option("")
    expect(page.locator("#bars")).to_have_class(re.compile("alone"))
    expect(page.locator("#bars-beside")).to_have_text("")


def test_the_answer_is_the_services(sheet: Sheet, service: Service) -> None:
    sheet.page.locator("#choose").set_input_files(PICTURE)
    sheet.expect_digit("7")
    for column, model in ((1, "cnn"), (2, "mlp")):
        answer = service.client.post(f"/predict?model={model}", content=PICTURE.read_bytes()).json()
        shares = answer["predictions"][0]["probabilities"]
        shown = [sheet.bars.nth(index).locator("td").nth(column).inner_text() for index in range(10)]
        for share, text in zip(shares, shown, strict=True):
            assert abs(100 * share - float(re.sub(r"[<\u202f%]", "", text))) <= 0.11


def test_those_who_cannot_see_hear_the_answer(sheet: Sheet) -> None:
    sheet.take_sample("a 2")
    expect(sheet.page.get_by_role("status").filter(has_text="Read as 2")).to_have_count(1)
