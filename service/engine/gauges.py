"""What the engine measures of itself now and then, rather than when something happens: its memory, and the GPU."""

from __future__ import annotations

from typing import Any, Literal

from service import logs, metrics, process_memory

log = logs.get(__name__)


class Gauges:
    """`measure` is called about once a second, from one thread."""

    def __init__(self, device: Literal["cpu", "gpu"]) -> None:
        """On a GPU, every one that NVML shows to this process is measured: NVML does not say which one we were given."""
        self._nvml = _open_nvml() if device == "gpu" else None

    def measure(self) -> None:
        """Set the gauges. Blocks for well under a millisecond on a CPU; NVML takes a few."""
        process_memory.measure("engine")
        if self._nvml is not None:
            self._measure_gpus(self._nvml)

    def _measure_gpus(self, nvml: Any) -> None:
        try:
            for index in range(nvml.nvmlDeviceGetCount()):
                handle = nvml.nvmlDeviceGetHandleByIndex(index)
                memory = nvml.nvmlDeviceGetMemoryInfo(handle)
                metrics.GPU_MEMORY_USED_BYTES.labels(str(index)).set(memory.used)
                metrics.GPU_MEMORY_TOTAL_BYTES.labels(str(index)).set(memory.total)
                busy_percent = nvml.nvmlDeviceGetUtilizationRates(handle).gpu
                metrics.GPU_UTILIZATION.labels(str(index)).set(busy_percent / 100)
        except nvml.NVMLError as error:
            # A part of a GPU has no utilisation of its own, for one; it predicts all the same.
            log.warning("gpu_not_measured", reason=str(error))
            self._nvml = None


def _open_nvml() -> Any:
    """The library; None where there is no driver to ask."""
    import pynvml  # type: ignore[import-untyped]  # it has no types

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        log.warning("gpu_not_measured", reason=str(error))
        return None
    return pynvml
