"""The command line: `python -m benchmarks.gpu_check`, or `make gpu-check`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path

from benchmarks import machine
from benchmarks.bare import BareError, latest_version
from benchmarks.gpu_check import models, nvml, page, service
from benchmarks.gpu_check.processes import ProbeError
from benchmarks.server import ROOT, ServerError

NO_GPU = 3
"""Exit status where there is no GPU to check."""


def main() -> int:
    """Exit status 0: all is as it should be; 1: something is not, or could not be measured; 3: there is no GPU."""
    arguments = _parser().parse_args()
    # A SIGTERM unwinds like Ctrl-C, so the service is stopped on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if arguments.device == "gpu" and not nvml.gpus():
        print("no NVIDIA GPU: its driver does not answer here (--device cpu tries the check itself)", file=sys.stderr)
        return NO_GPU
    try:
        report = measure(arguments)
    except (ProbeError, ServerError, BareError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    text = page.as_markdown(report)
    print(text)
    arguments.out.mkdir(parents=True, exist_ok=True)
    stem = arguments.out / f"gpu-check-{report.about['date'].replace(':', '').replace('+0000', 'Z')}"
    stem.with_suffix(".json").write_text(page.as_json(report))
    stem.with_suffix(".md").write_text(text)
    print(f"written to {stem}.json and .md", file=sys.stderr)
    return 0 if report.passed else 1


def measure(arguments: argparse.Namespace) -> page.Report:
    """Everything, one after the other; says on stderr what comes next.

    :raise ProbeError, ServerError, BareError: something could not be measured.
    """
    device, seconds = arguments.device, arguments.seconds
    sizes = tuple(arguments.sizes)
    verdicts: list[page.Verdict] = []
    rates, through = {}, {}
    tensorflow = ""
    versions = {name: latest_version(arguments.models_dir, name) for name in arguments.models}
    with tempfile.TemporaryDirectory() as folder:
        for name, version_dir in versions.items():
            for xla in (False, True):
                _say(f"{name}{' with XLA' if xla else ''}: where it runs, and what it answers")
                answered = Path(folder) / name
                answered.mkdir(exist_ok=True)
                found, tensorflow = models.answers(version_dir, device, answered, xla=xla)
                verdicts += found
            _say(f"{name}: pictures per second")
            rates[name] = models.rates(version_dir, device, sizes, seconds, len(os.sched_getaffinity(0)))
        _say("GPU memory")
        first = arguments.models[0]
        verdicts.append(models.memory(versions[first], device))
        for engines in service.ENGINES:
            _say(f"the service with {engines} engine{'s' if engines > 1 else ''}")
            how = f"{engines} engine{'s' if engines > 1 else ''}"
            if engines == 1:
                found, through[how] = service.check(
                    arguments.models_dir, first, device, Path(folder) / first / "cpu.npz", 4 * seconds
                )
                verdicts += found
            else:
                through[how] = service.rate(arguments.models_dir, first, device, engines, 4 * seconds)
    about = machine.describe() | {"TensorFlow": tensorflow}
    for index, gpu in enumerate(nvml.gpus()):
        about[f"GPU {index}"] = f"{gpu.name}, {gpu.total_bytes / models.MIB:,.0f} MiB, driver {gpu.driver}"
    return page.Report(about, verdicts, rates, through)


def _say(what: str) -> None:
    print(f"… {what}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_check", description="Check the service on a GPU.")
    parser.add_argument("--device", choices=("gpu", "cpu"), default="gpu", help="cpu: to try the check itself (gpu)")
    # Probes and the service run in the project's directory, not in the caller's.
    parser.add_argument("--models-dir", type=_resolved, default=ROOT / "models", help="directory of models (models)")
    parser.add_argument("--models", nargs="+", default=["cnn", "mlp"], help="which of them; the first is served")
    parser.add_argument(
        "--sizes", nargs="+", type=int, default=[1, 8, 64, 256, 1024, 4096], help="batch sizes (1 to 4096)"
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each batch size is run (2)")
    parser.add_argument("--out", type=Path, default=ROOT / "bench-results", help="where reports go (bench-results)")
    return parser


def _resolved(path: str) -> Path:
    return Path(path).resolve()


if __name__ == "__main__":
    sys.exit(main())
