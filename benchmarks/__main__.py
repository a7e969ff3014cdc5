"""The command line: `python -m benchmarks`, or `make bench`. Needs wrk."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from benchmarks import machine, render
from benchmarks.bare import BareError
from benchmarks.load import LoadError
from benchmarks.report import Report
from benchmarks.rounds import Plan, measure_round
from benchmarks.server import ROOT, ServerError

_LEAST_WIDTH = 110


def main() -> int:
    """Measure, print, and write `bench-results/<date>.json` and `.md`. Exit code 1: it failed; 130: interrupted."""
    arguments = _parser().parse_args()
    # A SIGTERM unwinds like Ctrl-C, so the service is stopped on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(stderr=True, highlight=False)
    plan = Plan(arguments.models_dir, arguments.model, arguments.rounds, arguments.seconds)
    about = machine.describe()
    rounds = []
    try:
        for number in range(1, plan.rounds + 1):
            with tempfile.TemporaryDirectory() as folder, console.status("") as status:

                def say(what: str, number: int = number) -> None:
                    status.update(f"round {number} of {plan.rounds}: {what}")

                rounds.append(measure_round(plan, Path(folder), say))
    except (LoadError, ServerError, BareError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; nothing is written", file=sys.stderr)
        return 130
    report = Report(about, plan, tuple(rounds))
    page = Console(highlight=False, width=max(Console().width, _LEAST_WIDTH))
    page.print(render.for_terminal(report))
    arguments.out.mkdir(parents=True, exist_ok=True)
    stem = arguments.out / about["date"].replace(":", "").replace("+0000", "Z")
    stem.with_suffix(".json").write_text(render.as_json(report))
    stem.with_suffix(".md").write_text(render.as_markdown(report))
    print(f"written to {stem}.json and .md", file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the service on this machine.")
    parser.add_argument("--rounds", type=_positive, default=3, help="how often everything is measured (3)")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long one load lasts, 1 to 120 (5)")
    parser.add_argument("--models-dir", type=Path, default=ROOT / "models", help="directory of models (models)")
    parser.add_argument("--model", default="cnn", help="the model that answers (cnn)")
    parser.add_argument("--out", type=Path, default=ROOT / "bench-results", help="where reports go (bench-results)")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 20:
        raise argparse.ArgumentTypeError("1 to 20")
    return number


if __name__ == "__main__":
    sys.exit(main())
