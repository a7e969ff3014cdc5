"""The models straight on the device, by the engine's own `Runtime`: where they run, what they answer, how fast."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.drawn import draw_digit
from benchmarks.gpu_check import nvml, processes
from benchmarks.gpu_check.page import Rates, Verdict
from benchmarks.gpu_check.probe import Job

TOLERANCE = 1e-4
"""How far a probability may lie from the CPU's."""
ANSWERED_SIZES = (1, 64, 256)
ENGINES = (2, 4)
MEMORY_CAP_MB = 256
MEMORY_SIZES = (1, 1024, 4096, 16384, 65536)
"""Up to what does not fit under the cap: some layers of the largest alone hold a gigabyte."""
MIB = 2**20


def pictures() -> npt.NDArray[np.uint8]:
    """Every digit drawn, with noise of ten strengths over each, and noise alone: uint8 (256, 28, 28, 1)."""
    generator = np.random.default_rng(0)
    drawn = np.stack([draw_digit(digit) for digit in range(10)] * 10).astype(np.int16)
    strength = np.repeat(np.arange(10), 10)[:, None, None] * 12
    noisy = np.clip(drawn + generator.integers(-1, 2, drawn.shape) * strength, 0, 255).astype(np.uint8)
    noise = generator.integers(0, 256, (156, 28, 28), np.uint8)
    return np.concatenate([noisy, noise])[..., None]


def answers(version_dir: Path, device: str, folder: Path, *, xla: bool) -> tuple[list[Verdict], str]:
    """Where its operations run, and whether its answers are the CPU's; with TensorFlow's version."""
    np.save(folder / "pictures.npy", pictures())
    job = Job(str(version_dir), "cpu", sizes=ANSWERED_SIZES, pictures=str(folder / "pictures.npy"))
    processes.run("answers", dataclasses.replace(job, out=str(folder / "cpu.npz")))
    ran = processes.run("answers", dataclasses.replace(job, device=device, xla=xla, out=str(folder / "device.npz")))
    with np.load(folder / "cpu.npz") as expected, np.load(folder / "device.npz") as found:
        farthest = {
            kind: max(
                float(np.abs(found[f"{kind}_{size}"] - expected[f"{kind}_{size}"]).max()) for size in ANSWERED_SIZES
            )
            for kind in ("probabilities", "energy")
        }
    model = f"{version_dir.parent.name}/{version_dir.name}" + (" with XLA" if xla else "")
    return [
        _placed(model, device, ran["operations"]),
        Verdict(
            f"{model} answers as on the CPU, to {TOLERANCE:g}",
            f"probabilities differ by {farthest['probabilities']:.1e} at most, energies by {farthest['energy']:.1e}",
            farthest["probabilities"] <= TOLERANCE,
        ),
    ], ran["tensorflow"]


def _placed(model: str, device: str, operations: dict[str, dict[str, int]]) -> Verdict:
    listed = [
        f"{where}: {', '.join(f'{count} {name}' for name, count in found.items())}"
        for where, found in operations.items()
    ]
    right = bool(operations) and all(where.startswith(f"{device.upper()}:") for where in operations)
    return Verdict(f"{model} runs on the {device.upper()}", "; ".join(listed) or "no operation seen", right)


def rates(version_dir: Path, device: str, sizes: tuple[int, ...], seconds: float, threads: int) -> Rates:
    """One engine, several at the same time, one with XLA; and one on the CPU for comparison."""
    job = Job(str(version_dir), device, threads=threads, sizes=sizes, seconds=seconds)
    name = device.upper()
    one = processes.run_together([job])[0]
    compiled = processes.run_together([dataclasses.replace(job, xla=True)])[0]
    found = {f"{name}, one engine": _by_size(one["rates"])}
    for count in ENGINES:
        together = [_by_size(result["rates"]) for result in processes.run_together([job] * count)]
        found[f"{name}, {count} engines"] = {size: sum(result[size] for result in together) for size in sizes}
    found[f"{name}, XLA"] = _by_size(compiled["rates"])
    if device != "cpu":
        found["CPU"] = _by_size(processes.run_together([dataclasses.replace(job, device="cpu")])[0]["rates"])
    first = {name: _by_size(one["first_seconds"]), f"{name}, XLA": _by_size(compiled["first_seconds"])}
    return Rates(found, first)


def memory(version_dir: Path, device: str) -> Verdict:
    """Whether a cap on GPU memory holds under batches that want more."""
    name = f"GPU memory is held to DIGITS_GPU_MEMORY_MB={MEMORY_CAP_MB}"
    if device == "cpu":
        return Verdict(name, "no GPU", None)
    job = Job(str(version_dir), device, sizes=MEMORY_SIZES)
    capped = dataclasses.replace(job, gpu_memory_mb=MEMORY_CAP_MB)
    before = nvml.used_bytes()
    # What CUDA and its libraries take for themselves is not TensorFlow's to hold; one picture shows how much it is.
    least = processes.run("memory", dataclasses.replace(capped, sizes=MEMORY_SIZES[:1]))["used_bytes"] - before
    held = processes.run("memory", capped)
    free = processes.run("memory", job)["used_bytes"] - before
    used = held["used_bytes"] - before
    last_size, outcome = list(held["outcomes"].items())[-1]
    found = (
        f"{used / MIB:,.0f} MiB, of which {least / MIB:,.0f} with one picture; batch of {int(last_size):,}: {outcome}; "
        f"without a cap {free / MIB:,.0f} MiB"
    )
    # Only if more is taken without the cap has it been put to the test.
    return Verdict(name, found, used - least <= MEMORY_CAP_MB * MIB < free - least)


def _by_size(found: dict[str, float]) -> dict[int, float]:
    return {int(size): value for size, value in found.items()}
