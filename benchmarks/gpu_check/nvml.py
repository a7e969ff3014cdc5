"""What the driver says of the GPUs, asked from outside of TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Gpu:
    """One GPU; memory in bytes, used by anything at all."""

    name: str
    driver: str
    total_bytes: int
    used_bytes: int


def gpus() -> list[Gpu]:
    """Those that the driver shows, in its order; none where there is no driver."""
    import pynvml  # type: ignore[import-untyped]  # it has no types

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        driver = _text(pynvml.nvmlSystemGetDriverVersion())
        found = []
        for index in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
            found.append(Gpu(_text(pynvml.nvmlDeviceGetName(handle)), driver, memory.total, memory.used))
        return found
    finally:
        pynvml.nvmlShutdown()


def used_bytes() -> int:
    """Of all GPUs together: an engine takes the first that CUDA shows it, which need not be the driver's first."""
    return sum(gpu.used_bytes for gpu in gpus())


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
