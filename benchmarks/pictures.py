"""How well the service reads real pictures: `python -m benchmarks.pictures DIR_OR_ZIP`.

Posts every picture of a set, one at a time, as a user would, and prints accuracy, reliability, rejection and times.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import httpx
from rich import box
from rich.console import Console
from rich.table import Table as RichTable

from benchmarks.contact_sheet import contact_sheet
from benchmarks.picture_figures import (
    Answer,
    accuracy_tables,
    rejection_table,
    reliability_table,
    time_table,
)
from benchmarks.picture_sets import Labelled, PictureSetError, read_set
from benchmarks.report import Table
from benchmarks.server import ROOT, ServerError, running

_BINARY = "application/octet-stream"
_REFUSED = frozenset({400, 413, 415, 422})
_TIMEOUT_SECONDS = 60.0


def ask(client: httpx.Client, picture: Labelled, query: dict[str, str]) -> Answer:
    """Post one picture and wait for the answer.

    :raise ServerError: an answer that is neither a prediction nor a refusal of this picture.
    """
    started = time.perf_counter()
    response = client.post("/predict", content=picture.data, headers={"Content-Type": _BINARY}, params=query)
    milliseconds = 1e3 * (time.perf_counter() - started)
    if response.status_code in _REFUSED:
        return Answer(picture, response.status_code, milliseconds)
    if response.status_code != 200:
        raise ServerError(f"{picture.name} was answered {response.status_code}: {response.text[:300]}")
    (prediction,) = response.json()["predictions"]
    return Answer(
        picture,
        response.status_code,
        milliseconds,
        digit=prediction["digit"],
        confidence=prediction["confidence"],
        score=_score(prediction),
        accepted=prediction.get("is_digit"),
    )


def _score(prediction: dict[str, Any]) -> float:
    """The service's own score for "this is a digit" where it gives one, else the confidence."""
    return float(prediction.get("digit_score", prediction["confidence"]))


def tables_of(digits: Sequence[Answer], others: Sequence[Answer]) -> list[Table]:
    """All there is to print; `others` may be empty."""
    tables = [*accuracy_tables(digits), reliability_table(digits)]
    if others:
        tables.append(rejection_table(digits, others))
    return [*tables, time_table(digits)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print. Exit code 1: a set cannot be read, or the service does not answer."""
    options = _parser().parse_args(arguments)
    console = Console(highlight=False, width=max(Console().width, 90))
    query = {"model": options.model} if options.model else {}
    try:
        pictures = read_set(options.pictures)
        others = read_set(options.not_digits) if options.not_digits else []
        with (
            _service(options.url, options.models_dir) as url,
            httpx.Client(base_url=url, timeout=_TIMEOUT_SECONDS) as http,
        ):
            digits = [ask(http, picture, query) for picture in pictures]
            rest = [ask(http, picture, query) for picture in others]
    except (PictureSetError, ServerError, httpx.HTTPError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for table in tables_of(digits, rest):
        console.print(f"\n[bold]{table.title}[/bold]", _for_terminal(table))
    if options.sheet:
        wrong = [answer for answer in digits if not answer.right]
        options.sheet.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(options.sheet), cv2.cvtColor(contact_sheet(wrong), cv2.COLOR_RGB2BGR))
        print(f"{len(wrong)} mistakes in {options.sheet}", file=sys.stderr)
    return 0


@contextlib.contextmanager
def _service(url: str | None, models_dir: Path) -> Iterator[str]:
    """The address of a service: the one given, or one of our own for as long as it is needed."""
    if url:
        yield url
        return
    with running({"DIGITS_MODELS_DIR": str(models_dir), "DIGITS_LOG_LEVEL": "warning"}) as server:
        yield f"http://127.0.0.1:{server.port}"


def _for_terminal(table: Table) -> RichTable:
    shown = RichTable(box=box.SIMPLE_HEAD)
    for index, column in enumerate(table.columns):
        shown.add_column(column, justify="left" if index == 0 else "right")
    for row in table.rows:
        shown.add_row(*row)
    return shown


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.pictures", description="Measure the service on real pictures."
    )
    parser.add_argument("pictures", type=Path, help="a folder or zip of digits with manifest.csv")
    parser.add_argument("--not-digits", type=Path, help="another, of pictures that show no digit")
    parser.add_argument("--url", help="a running service; without it one is started")
    parser.add_argument("--model", help="the model that answers (the service's default)")
    parser.add_argument("--models-dir", type=Path, default=ROOT / "models", help="for a service of our own (models)")
    parser.add_argument("--sheet", type=Path, help="write the mistakes as one picture to this PNG")
    return parser


if __name__ == "__main__":
    sys.exit(main())
