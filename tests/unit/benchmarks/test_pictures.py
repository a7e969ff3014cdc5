"""Sets of pictures, figures over answers, and the whole command against a small real server."""

from __future__ import annotations

import csv
import http.server
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import pictures
from benchmarks.contact_sheet import contact_sheet
from benchmarks.drawn import draw_digit, png
from benchmarks.picture_figures import (
    Answer,
    accuracy_tables,
    rejection_table,
    reliability_table,
    time_table,
)
from benchmarks.picture_sets import Labelled, PictureSetError, read_set

DIGITS = [(0, "photo", "g1"), (1, "photo", "g1"), (2, "scan", "g2"), (3, "scan", "g2")]


def write_set(path: Path, columns: list[str], rows: list[list[str]], pictures: list[bytes]) -> Path:
    manifest = io.StringIO()
    writer = csv.writer(manifest)
    writer.writerow(["file", *columns])
    with zipfile.ZipFile(path, "w") as archive:
        for number, (row, data) in enumerate(zip(rows, pictures, strict=True)):
            writer.writerow([f"images/{number}.png", *row])
            archive.writestr(f"images/{number}.png", data)
        archive.writestr("manifest.csv", manifest.getvalue())
    return path


@pytest.fixture
def digits_zip(tmp_path: Path) -> Path:
    return write_set(
        tmp_path / "digits.zip",
        ["label", "style", "polarity", "writer_group"],
        [[str(digit), style, "light_on_dark", group] for digit, style, group in DIGITS],
        [png(draw_digit(digit)) for digit, _, _ in DIGITS],
    )


@pytest.fixture
def others_zip(tmp_path: Path) -> Path:
    pictures = [png(np.full((28, 28), 255, np.uint8)), png(draw_digit(8)[::-1])]
    return write_set(tmp_path / "others.zip", ["kind", "what"], [["blank", "sheet"], ["letter", "B"]], pictures)


def answer(
    digit: int | None, said: int | None, confidence: float = 0.9, style: str = "photo", group: str = "g"
) -> Answer:
    picture = Labelled("x.png", png(draw_digit(digit or 0)), digit, style, "dark_on_light", group)
    return Answer(picture, 200 if said is not None else 422, 2.0, said, confidence, confidence)


def test_a_zip_and_a_folder_hold_the_same_set(digits_zip: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(digits_zip) as archive:
        archive.extractall(tmp_path / "folder")
    pictures = read_set(digits_zip)
    assert read_set(tmp_path / "folder") == pictures
    assert [(picture.digit, picture.style, picture.group) for picture in pictures] == DIGITS
    assert pictures[2].data == png(draw_digit(2))


def test_pictures_of_something_else_have_no_digit(others_zip: Path) -> None:
    assert [(picture.digit, picture.style, picture.group) for picture in read_set(others_zip)] == [
        (None, "blank", "sheet"),
        (None, "letter", "B"),
    ]


def test_what_is_no_set_is_told(tmp_path: Path) -> None:
    with pytest.raises(PictureSetError, match="nowhere"):
        read_set(tmp_path / "nowhere.zip")
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(PictureSetError, match="zip"):
        read_set(tmp_path / "text.zip")
    with pytest.raises(PictureSetError, match=r"manifest\.csv"):
        read_set(tmp_path)
    (tmp_path / "manifest.csv").write_text("file,label\n")
    with pytest.raises(PictureSetError, match="names no pictures"):
        read_set(tmp_path)
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "manifest.csv").write_text("file,label\na.png,ten\n")
    with pytest.raises(PictureSetError, match="'ten' is no digit"):
        read_set(tmp_path)


def test_accuracy_in_all_by_style_and_by_group() -> None:
    answers = [
        answer(1, 1, group="g1"),
        answer(2, 7, group="g1"),
        answer(3, 3, style="scan", group="g2"),
        answer(4, None, style="scan", group="g3"),
    ]
    whole, groups = accuracy_tables(answers)
    assert whole.rows == (
        ("all", "50.00%", "2", "4"),
        ("style: photo", "50.00%", "1", "2"),
        ("style: scan", "50.00%", "1", "2"),
        ("polarity: dark_on_light", "50.00%", "2", "4"),
    )
    assert groups.rows == (
        ("mean", "50.00%", "", "3"),
        ("g3", "0.00%", "1", "1"),
        ("g1", "50.00%", "1", "2"),
        ("g2", "100.00%", "0", "1"),
    )


def test_reliability_compares_confidence_with_accuracy() -> None:
    answers = [answer(1, 1, 0.95), answer(1, 7, 0.96), answer(2, 2, 0.55), answer(3, None)]
    table = reliability_table(answers)
    assert table.rows == (
        ("0.50 to 0.60", "0.550", "1.000", "1"),
        ("0.95 to 0.99", "0.955", "0.500", "2"),
        ("expected calibration error", f"{(0.45 + 2 * 0.455) / 3:.2%}", "", "3"),
    )


def test_full_confidence_has_its_bin() -> None:
    assert reliability_table([answer(1, 1, 1.0)]).rows[0] == ("0.99 to 1.00", "1.000", "1.000", "1")


def test_rejection_at_the_threshold_that_keeps_the_digits() -> None:
    digits = [answer(1, 1, 0.5 + place / 200) for place in range(100)]
    others = [answer(None, 3, 0.4, "letter"), answer(None, 3, 0.99, "letter"), answer(None, None, style="blank")]
    rows = {name: (rejected, verdict) for name, rejected, verdict, _ in rejection_table(digits, others).rows}
    assert rows["digits"] == ("2.0%", "")
    assert rows["letter"] == ("50.0%", "")
    assert rows["blank"] == ("100.0%", "100.0%")


def test_times() -> None:
    assert time_table([answer(1, 1)] * 3).rows == (("2.0", "2.0", "2.0", "3"),)


@pytest.mark.parametrize(("mistakes", "rows"), [(0, 1), (1, 1), (5, 1), (6, 2)])
def test_a_contact_sheet_has_five_to_a_row(mistakes: int, rows: int) -> None:
    sheet = contact_sheet([answer(7, 1)] * mistakes)
    assert sheet.dtype == np.uint8
    assert sheet.shape[0] == rows * contact_sheet([answer(7, 1)]).shape[0]
    assert (sheet == 255).any() == (mistakes > 0)


def test_what_cannot_be_read_has_its_place_on_the_sheet() -> None:
    broken = Answer(Labelled("x", b"no picture", 3, "photo", "–", "g"), 400, 1.0)
    assert contact_sheet([broken]).shape == contact_sheet([answer(7, 1)]).shape


class Service(http.server.BaseHTTPRequestHandler):
    """Reads its pictures by their pixels, takes every 3 for an 8, and refuses a white sheet."""

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
        assert picture is not None
        if picture.min() == 255:
            return self.answer(422, {"error": {"type": "blank_picture"}})
        likeness = [float((picture.astype(float) * draw_digit(digit)).sum()) for digit in range(10)]
        digit = int(np.argmax(likeness))
        said = {"digit": 8 if digit == 3 else digit, "confidence": 0.75, "probabilities": []}
        return self.answer(200, {"predictions": [said]})

    def answer(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def url() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_whole_command(
    digits_zip: Path, others_zip: Path, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "sheets" / "mistakes.png"
    code = pictures.main([str(digits_zip), "--url", url, "--not-digits", str(others_zip), "--sheet", str(sheet)])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    assert "1 mistakes in" in printed.err
    lines = {line.split("  ")[1].strip(): line.split() for line in printed.out.splitlines() if line.startswith("  ")}
    assert lines["all"][1:] == ["75.00%", "1", "4"]
    assert lines["style: scan"][2:] == ["50.00%", "1", "2"]
    assert lines["mean"][1:] == ["75.00%", "2"]
    assert lines["blank"][1:] == ["100.0%", "100.0%", "1"]
    assert cv2.imread(str(sheet)) is not None


def test_a_service_that_fails_ends_it(digits_zip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), Service) as nobody:
        port = nobody.server_port
    assert pictures.main([str(digits_zip), "--url", f"http://127.0.0.1:{port}"]) == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_a_set_that_cannot_be_read_ends_it_before_a_service_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pictures.main([str(tmp_path / "none.zip")]) == 1
    assert "none.zip" in capsys.readouterr().err
