"""The command line: `python -m benchmarks.peers`, or `make bench-peers`. Needs wrk."""

from __future__ import annotations

import argparse
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benchmarks import machine
from benchmarks.bare import BareError
from benchmarks.chaos import copied_models
from benchmarks.load import LoadError
from benchmarks.peers import environments, plot, report
from benchmarks.peers.contest import Contest, Course, Plan, estimate, run
from benchmarks.peers.payloads import WrongAnswerError, write_bodies
from benchmarks.peers.registry import PEERS, Layout
from benchmarks.peers.serving import adopt_orphans, sweep
from benchmarks.peers.turn import LOADS, OPEN_SHARES, Length
from benchmarks.render import table_as_markdown, table_for_terminal
from benchmarks.server import ROOT, ServerError

_LEAST_WIDTH = 130
PUBLISHED = ROOT / "docs" / "performance"


def main() -> int:
    """Measure, print, and write `bench-results/peers-<date>.json`, `.md` and `.svg`. Exit code 1: it failed; 130: interrupted."""
    arguments = _parser().parse_args()
    plan = plan_of(arguments)
    if shutil.which("wrk") is None:
        print("error: wrk is not installed; on Debian or Ubuntu: sudo apt-get install wrk", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, _unwind)
    signal.signal(signal.SIGINT, _unwind)
    adopt_orphans()
    about = machine.describe()
    contest = Contest()
    code = 0
    try:
        _measure(plan, contest)
    except (LoadError, ServerError, BareError, WrongAnswerError) as error:
        print(f"error: {error}", file=sys.stderr)
        code = 1
    except KeyboardInterrupt:
        print("interrupted; turns that were not finished are lost", file=sys.stderr)
        code = 130
    finally:
        sweep()
    if any(contest.rounds) or contest.absent:
        _write(plan, contest, about, arguments)
    return code


def _unwind(_: int, __: object) -> None:
    """Like Ctrl-C, once: who presses it again would cut short the stopping of what was started."""
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)
    raise KeyboardInterrupt


def _measure(plan: Plan, contest: Contest) -> None:
    console = Console(stderr=True, highlight=False)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("gone,"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with (
        tempfile.TemporaryDirectory(prefix="bench-peers-") as folder,
        copied_models(plan.models_dir, plan.model) as copy,
        Progress(*columns, console=console, speed_estimate_period=3600, transient=True) as progress,
    ):
        seconds = estimate(plan)
        task = progress.add_task("", total=seconds)
        progress.console.print(f"about {seconds / 60:.0f} minutes, and installing what is not there yet")

        def say(what: str) -> None:
            progress.update(task, description=what)
            if not progress.console.is_terminal:
                print(what, file=sys.stderr, flush=True)

        course = Course(
            plan, write_bodies(Path(folder)), copy / "models", say, lambda part: progress.advance(task, part)
        )
        run(course, contest)


def _write(plan: Plan, contest: Contest, about: dict[str, str], arguments: argparse.Namespace) -> None:
    versions = {
        peer.name: environments.locked_version(peer.distribution, (environments.LOCKS / f"{peer.name}.txt").read_text())
        for peer in plan.peers
    }
    lines = report.heading(plan, contest, about, versions)
    tables = report.tables(contest)
    page = Console(highlight=False, width=max(Console().width, _LEAST_WIDTH))
    for table in tables:
        page.print(f"\n[bold]{table.title}[/]", table_for_terminal(table), sep="\n")
    arguments.out.mkdir(parents=True, exist_ok=True)
    stem = arguments.out / ("peers-" + about["date"].replace(":", "").replace("+0000", "Z"))
    stem.with_suffix(".json").write_text(report.as_json(plan, contest, about, versions))
    listed = "\n".join(f"- {line}" for line in lines)
    shown = [f"![Latency against throughput]({stem.name}.svg)", *(table_as_markdown(table) for table in tables)]
    stem.with_suffix(".md").write_text("\n\n".join(["# Beside the peers", listed, *shown]) + "\n")
    plot.draw(contest, stem.with_suffix(".svg"))
    print(f"written to {stem}.json, .md and .svg", file=sys.stderr)
    if arguments.publish:
        _publish(stem)


def _publish(stem: Path) -> None:
    """The page and the plot of a report into the documentation, under names that stay the same."""
    PUBLISHED.mkdir(parents=True, exist_ok=True)
    page = stem.with_suffix(".md").read_text().replace(f"({stem.name}.svg)", "(peers.svg)")
    (PUBLISHED / "peers.md").write_text(page)
    shutil.copy(stem.with_suffix(".svg"), PUBLISHED / "peers.svg")
    print(f"copied to {PUBLISHED.relative_to(ROOT)}/peers.md and peers.svg", file=sys.stderr)


def plan_of(arguments: argparse.Namespace) -> Plan:
    """The plan that the command line asks for; `--quick` is one round of the shortest loads."""
    quick = arguments.quick
    seconds = arguments.seconds or (1.0 if quick else 3.0)
    return Plan(
        models_dir=arguments.models_dir,
        peers=tuple(peer for peer in PEERS if peer.name in arguments.peers),
        model=arguments.model,
        rounds=arguments.rounds or (1 if quick else 3),
        length=Length(seconds, seconds),
        trial_seconds=1.0 if quick else 2.0,
        trial_connections=(32,) if quick else (8, 32, 128),
        loads=tuple(load for load in LOADS if load.kind in arguments.loads),
        shares=OPEN_SHARES if "open" in arguments.loads else (),
        layouts=dict(arguments.layout),
        settings=dict(arguments.set),
        litert=arguments.litert,
        minutes=arguments.minutes,
    )


def _parser() -> argparse.ArgumentParser:
    kinds = [*dict.fromkeys(load.kind for load in LOADS), "open"]
    names = [peer.name for peer in PEERS]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers", description="Measure the service beside its peers."
    )
    parser.add_argument(
        "--peers", type=_some(names), default=names, help=f"with commas between (all: {','.join(names)})"
    )
    parser.add_argument(
        "--loads", type=_some(kinds), default=kinds, help=f"with commas between (all: {','.join(kinds)})"
    )
    parser.add_argument("--rounds", type=_positive, help="how often everything is measured (3)")
    parser.add_argument("--seconds", type=float, help="how long one load lasts (3)")
    parser.add_argument("--quick", action="store_true", help="one round of the shortest loads, to see that all runs")
    parser.add_argument("--minutes", type=float, default=35.0, help="no turn is begun after so many (35)")
    parser.add_argument(
        "--layout",
        type=_layout,
        action="append",
        default=[],
        metavar="mosec=2x1",
        help="workers × threads (× ms of waiting) of a peer, instead of trying them out",
    )
    parser.add_argument(
        "--set", type=_setting, action="append", default=[], metavar="DIGITS_…=…", help="a setting of ours"
    )
    parser.add_argument("--litert", action="store_true", help="the peers run the model in LiteRT as well (TensorFlow)")
    parser.add_argument("--models-dir", type=Path, default=ROOT / "models", help="directory of models (models)")
    parser.add_argument("--model", default="cnn", help="the model that all serve (cnn)")
    parser.add_argument("--out", type=Path, default=ROOT / "bench-results", help="where reports go (bench-results)")
    parser.add_argument("--publish", action="store_true", help="copy page and plot to docs/performance/ as well")
    return parser


def _some(names: list[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        found = [name for name in text.split(",") if name]
        unknown = [name for name in found if name not in names]
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not among {', '.join(names)}")
        return found

    return parse


def _layout(text: str) -> tuple[str, Layout]:
    found = re.fullmatch(r"(\w+)=(\d+)[x×](\d+)(?:[x×](\d+))?", text)
    if not found or found[1] not in {peer.name for peer in PEERS}:
        raise argparse.ArgumentTypeError(f"{text!r} is not like mosec=2x1")
    return found[1], Layout(int(found[2]), int(found[3]), int(found[4] or 1))


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.startswith("DIGITS_"):
        raise argparse.ArgumentTypeError(f"{text!r} is not like DIGITS_QUEUE_LIMIT=512")
    return name, value


def _positive(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 20:
        raise argparse.ArgumentTypeError("1 to 20")
    return number


if __name__ == "__main__":
    sys.exit(main())
