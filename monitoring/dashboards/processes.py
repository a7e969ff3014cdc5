"""The lower rows of *Service*: batches, the queue, the processes and the GPU."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from monitoring.dashboards.frame import VERSIONS
from monitoring.dashboards.panels import RED, heat, lines
from monitoring.dashboards.promql import buckets, mean, per_second, quantile, within

EACH_VERSION = "model, version"
NAMED = "{{model}}/{{version}}"


def add_batches(to: Dashboard) -> None:
    """Add the row *Batches and queue*."""
    to.with_row(Row("Batches and queue"))
    to.with_panel(
        lines(
            "Pictures in a batch",
            "What one call of a model holds. It grows with the load by itself; at 1 nothing waits.",
            "short",
            (mean("digits_batch_pictures", VERSIONS, EACH_VERSION), f"{NAMED} mean"),
            (quantile("0.95", "digits_batch_pictures", VERSIONS, EACH_VERSION), f"{NAMED} p95"),
            width=8,
        )
    ).with_panel(
        lines(
            "Batch efficiency",
            "Pictures among all rows computed; the rest only fills batches up to a size that is warm.",
            "percentunit",
            (f"job_model_version:digits_batch_efficiency:ratio_rate5m{{{VERSIONS}}}", NAMED),
            width=8,
            most=1,
        )
    ).with_panel(
        heat(
            "Batch sizes, spread",
            "How many batches a second were this large.",
            "short",
            buckets("digits_batch_pictures", VERSIONS),
            width=8,
        )
    ).with_panel(
        lines(
            "Queue",
            "Pictures that wait for the engine, and how many may.",
            "short",
            ("sum by (instance) (digits_queue_pictures)", "{{instance}} waiting"),
            ("sum by (instance) (digits_queue_limit_pictures)", "{{instance}} limit"),
            width=8,
        )
    ).with_panel(
        lines(
            "Time of a batch",
            "One call of a model.",
            "s",
            *((quantile(q, "digits_batch_seconds", VERSIONS), name) for q, name in (("0.5", "p50"), ("0.99", "p99"))),
            width=8,
        )
    ).with_panel(
        lines(
            "Device busy",
            "Part of the time in which a model was being called; near 1 the engine is the limit.",
            "percentunit",
            (per_second("digits_batch_seconds_sum", by="instance"), "{{instance}}"),
            width=8,
        )
    )


def add_processes(to: Dashboard) -> None:
    """Add the row *Processes*."""
    to.with_row(Row("Processes"))
    to.with_panel(
        lines(
            "Memory of the engines",
            "Resident memory of each. It steps up while a version is loaded beside another, and comes back.",
            "bytes",
            ('digits_resident_memory_bytes{role="engine"}', "{{instance}} {{pid}}"),
            width=8,
        )
    ).with_panel(
        lines(
            "Memory of the HTTP workers",
            "Resident memory of each. A line that only climbs is a leak.",
            "bytes",
            ('digits_resident_memory_bytes{role="worker"}', "{{instance}} {{pid}}"),
            width=8,
        )
    ).with_panel(
        lines(
            "Engines that died",
            "Deaths and hangs within the interval. Each was replaced; more than one in a quarter of an hour is a cause.",
            "short",
            (within("digits_engine_restarts_total", by="instance"), "{{instance}}"),
            width=8,
            steps=[(1, RED)],
        )
    )


def add_gpu(to: Dashboard) -> None:
    """Add the row *GPU*, folded: most services have none."""
    to.with_row(
        Row("GPU")
        .collapsed(True)
        .with_panel(
            lines(
                "GPU utilisation",
                "Part of the time in which it ran a kernel, by NVML. Low under load: the CPU side is the limit.",
                "percentunit",
                ("digits_gpu_utilization_ratio", "{{instance}} {{device}}"),
                most=1,
            )
        )
        .with_panel(
            lines(
                "GPU memory",
                "In use, by everything on the device, and what it has, by NVML.",
                "bytes",
                ("digits_gpu_memory_used_bytes", "{{instance}} {{device}} used"),
                ("digits_gpu_memory_total_bytes", "{{instance}} {{device}} total"),
            )
        )
    )
