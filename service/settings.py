"""Every setting, declared once, read from the environment here and nowhere else in the service.

A setting `deadline_seconds` is read from `DIGITS_DEADLINE_SECONDS`. A value that does not fit stops the start with
the variable's name. The README's table is made from the descriptions below, and a test compares the two.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.cores import cores
from service.processor import features

PREFIX = "DIGITS_"

TRACES_PROTOCOL = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
HTTP_PROTOBUF = "http/protobuf"
TRACES_QUEUE = "OTEL_BSP_MAX_QUEUE_SIZE"

LOG_DESCRIPTOR = "DIGITS_LOG_DESCRIPTOR"
"""From a supervisor to its engine, never from a user."""

SOCKET_PATH_BYTES = 107
"""unix(7): 108 with the zero that ends it."""

Port = Annotated[int, Field(ge=0, le=65535)]


ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
    "MALLOC_TOP_PAD_": str(1 << 20),
}
"""glibc's: keep freed memory, up to 64 MB, instead of giving pages back that the next picture will want again."""


class SettingsError(Exception):
    """A setting does not fit; the message names its environment variable."""


class Settings(BaseSettings):
    """The service's settings; immutable once read."""

    # An empty variable is an absent one: compose files and `make PORT=` set them so, and Path("") would be here.
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore", protected_namespaces=()
    )

    host: str = Field("127.0.0.1", description="Address to listen on; `0.0.0.0` in a container.")
    port: Port = Field(8000, description="Port to listen on; 0 takes a free one and says which in the log.")
    workers: int = Field(0, ge=0, le=64, description="HTTP worker processes; 0 means half the cores, at least one.")
    threads: int = Field(8, ge=1, le=256, description="Threads per worker for everything but the inference lane.")
    heavy_threads: int = Field(
        0,
        ge=0,
        le=64,
        description="Large pictures and bodies a worker takes apart at once; 0: half the cores, shared by all workers.",
    )

    models_dir: Path = Field(Path("models"), description="Directory of models, `<name>/<version>/` in it.")
    default_model: str = Field("cnn", description="The model that answers when a request names none.")
    version_policy: str = Field(
        "latest:1",
        pattern=r"^(all|latest:[1-9][0-9]*|specific:[1-9][0-9]*(,[1-9][0-9]*)*)$",
        description="Which versions of a model are loaded: `latest:N`, `all` or `specific:3,5`; labelled ones always are.",
    )
    models_poll_seconds: float = Field(1.0, gt=0, description="How often the models directory is looked at.")
    canary_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Part of the requests that name no version which the version labelled `canary` gets.",
    )
    shadow_share: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Part of them that the version labelled `shadow` is asked too, without being heard.",
    )

    device: Literal["auto", "cpu", "gpu"] = Field(
        "auto", description="`auto` takes the GPU when TensorFlow finds one; `gpu` refuses to start without."
    )
    gpu_memory_mb: int = Field(0, ge=0, description="Cap on GPU memory in MiB; 0 grows as needed.")
    xla: bool = Field(
        False,
        description="Compile models with XLA: can be faster on a GPU, loads slower; `make gpu-check` measures it.",
    )
    litert: bool = Field(
        True,
        description="On a CPU, run predictions in LiteRT, which is faster there; TensorFlow runs what LiteRT cannot.",
    )
    engine_threads: int = Field(0, ge=0, le=256, description="Threads for large batches on a CPU; 0 means all cores.")
    max_batch_size: int = Field(256, ge=1, le=8192, description="Most pictures in one call of a model.")
    batch_sizes: str = Field(
        "auto",
        pattern=r"^(auto|[1-9][0-9]*(,[1-9][0-9]*)*)$",
        description="Sizes that batches are padded to, `1,8,64,256`; `auto`: powers of two on a GPU, on a CPU "
        "close steps where TensorFlow runs and none where LiteRT does.",
    )
    engines: int = Field(
        1, ge=1, le=16, description="Engine processes; with two, the death of one is not noticed outside."
    )
    engine_index: int = Field(0, ge=0, description="Which of the engines this process is; the supervisor sets it.")
    engine_endpoint: str = Field(
        "",
        pattern=r"^(|(ipc://[^,]+|tcp://[^,]+:\d+)(,(ipc://[^,]+|tcp://[^,]+:\d+))*)$",
        description="Addresses of the engines, `ipc://<path>` or `tcp://<host>:<port>`, with commas between; "
        "empty: sockets in the run directory.",
    )
    engine_heartbeat_seconds: float = Field(1.0, gt=0, description="How often a worker asks the engine for its state.")
    engine_timeout_seconds: float = Field(
        5.0, gt=0, description="An engine that has not answered for so long hangs: it is killed and replaced."
    )
    engine_start_seconds: float = Field(
        120.0, gt=0, description="An engine that does not answer at all within so long from its start is replaced."
    )
    restart_backoff_seconds: float = Field(
        0.5, gt=0, description="Pause before a dead engine is restarted; doubles with each death in a row."
    )
    restart_backoff_limit_seconds: float = Field(30.0, gt=0, description="Longest such pause.")

    max_body_bytes: int = Field(32 * 2**20, ge=1024, description="Largest request body in bytes.")
    max_pixels: int = Field(50_000_000, ge=1, description="Most pixels in one picture, checked before it is decoded.")
    max_pictures: int = Field(16_384, ge=1, description="Most pictures in one request.")
    concurrency: int = Field(
        512,
        ge=1,
        description="Most requests for inference in progress in a worker; beyond it requests are answered 429.",
    )
    queue_limit: int = Field(
        32_768, ge=1, description="Most pictures waiting for the engine; beyond it requests are answered 429."
    )
    run_limit: int = Field(
        32, ge=1, description="Most calls of signatures other than `serving_default` waiting; beyond it 429."
    )
    deadline_seconds: float = Field(10.0, gt=0, description="A request not answered by then is answered 504.")
    deadline_limit_seconds: float = Field(
        60.0, gt=0, description="The most that a request's own `X-Request-Timeout-Ms` can ask for."
    )
    drain_seconds: float = Field(30.0, gt=0, description="How long a stop waits for requests in flight.")
    drain_notice_seconds: float = Field(
        1.0, ge=0, description="How long after SIGTERM `/readyz` says 503 before no connection is taken any more."
    )

    api_keys_file: Path | None = Field(
        None,
        description="File of the keys that may predict or administer; empty: anyone predicts, loopback administers.",
    )
    cors_origins: str = Field(
        "", description="Origins whose pages may call the service, with commas between; `*` for all, empty for none."
    )

    run_dir: Path | None = Field(
        None, description="Directory for the engine's socket and the metrics of all processes; empty: one per port."
    )
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="`console` for people, `json` for machines; `auto` looks whether stderr is a terminal."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severity that is logged."
    )
    access_log_per_second: int = Field(
        20, ge=0, description="Most log lines a second and worker for successful requests; failures are always logged."
    )
    log_slow_seconds: float = Field(
        1.0, gt=0, description="A successful request that took so long is always logged, too."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.max_pictures > self.queue_limit:
            raise ValueError(
                f"{PREFIX}MAX_PICTURES ({self.max_pictures}) may not exceed {PREFIX}QUEUE_LIMIT ({self.queue_limit})"
            )
        for endpoint in self.endpoints:
            socket_path = os.fsencode(endpoint.removeprefix("ipc://"))
            if endpoint.startswith("ipc://") and len(socket_path) > SOCKET_PATH_BYTES:
                raise ValueError(
                    f"{endpoint} has a longer path than the {SOCKET_PATH_BYTES} bytes that a socket may have; "
                    f"name a shorter {PREFIX}RUN_DIR"
                )
        if len(self.endpoints) != self.engines:
            raise ValueError(
                f"{PREFIX}ENGINE_ENDPOINT names {len(self.endpoints)} addresses for {PREFIX}ENGINES={self.engines}"
            )
        if self.engine_index >= self.engines:
            raise ValueError(
                f"{PREFIX}ENGINE_INDEX ({self.engine_index}) must be below {PREFIX}ENGINES ({self.engines})"
            )
        return self

    @model_validator(mode="after")
    def _traces_can_be_sent(self) -> Self:
        protocol = os.environ.get(TRACES_PROTOCOL) or os.environ.get(PROTOCOL) or HTTP_PROTOBUF
        if tracing_is_wanted() and protocol != HTTP_PROTOBUF:
            raise ValueError(f"{PROTOCOL}={protocol}: traces can be sent by {HTTP_PROTOBUF} alone")
        return self

    @property
    def run_path(self) -> Path:
        """Where processes of one service find each other; the same for each that is started alone with these settings."""
        return self.run_dir or Path(tempfile.gettempdir()) / f"digits-{os.getuid()}-{self.port}"

    @property
    def metrics_path(self) -> Path:
        """One memory-mapped file per process and kind of metric, read together at `/metrics`."""
        return self.run_path / "metrics"

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Addresses that the engines bind, in order, and the workers connect to."""
        if self.engine_endpoint:
            return tuple(self.engine_endpoint.split(","))
        return tuple(f"ipc://{self.run_path}/engine-{index}.sock" for index in range(self.engines))

    @property
    def endpoint(self) -> str:
        """That of the engine that this process is."""
        return self.endpoints[self.engine_index]

    @property
    def draining_path(self) -> Path:
        """Exists from the moment the service is told to stop."""
        return self.run_path / "draining"

    @property
    def notice_seconds(self) -> float:
        """The part of `drain_seconds` in which requests are still taken: half of it at most."""
        return min(self.drain_notice_seconds, self.drain_seconds / 2)

    @property
    def worker_count(self) -> int:
        """HTTP workers: the engine needs the other half of the cores."""
        return self.workers or max(1, cores() // 2)

    @property
    def heavy_thread_count(self) -> int:
        """The other cores stay free for small requests and for the engine."""
        return self.heavy_threads or max(1, cores() // 2 // self.worker_count)

    @property
    def engine_thread_count(self) -> int:
        return self.engine_threads or cores()

    def environment(self, **overrides: object) -> dict[str, str]:
        """A child's environment: ours, with these settings and where prometheus_client keeps shared metrics."""
        chosen = {
            name: value for name, value in self.model_dump(exclude_none=True).items() if name in self.model_fields_set
        }
        mine = {f"{PREFIX}{name.upper()}": str(value) for name, value in {**chosen, **overrides}.items()}
        return {**ALLOCATOR, **os.environ, **mine, "PROMETHEUS_MULTIPROC_DIR": str(self.metrics_path)}


def load(**overrides: object) -> Settings:
    """Settings from the environment; `overrides` win.

    :raise SettingsError: names every variable that does not fit, and why.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # checked by pydantic
    except ValidationError as error:
        faults = []
        for fault in error.errors():
            name = f"{PREFIX}{str(fault['loc'][0]).upper()}" if fault["loc"] else ""
            faults.append(f"{name}: {fault['msg']} (got {fault['input']!r})" if name else fault["msg"])
        raise SettingsError("; ".join(faults)) from None


def share_metrics(settings: Settings) -> None:
    """Let prometheus_client keep this process's metrics where the others' are; call before it is first imported."""
    if settings.metrics_path.is_dir():
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(settings.metrics_path)


def metrics_are_shared() -> bool:
    """Whether this process keeps its metrics where the service's other processes keep theirs."""
    return "PROMETHEUS_MULTIPROC_DIR" in os.environ


def logging_to(descriptor: int) -> dict[str, str]:
    """The variables by which a child logs there and not to 2; it has to inherit the descriptor under this number."""
    return {LOG_DESCRIPTOR: str(descriptor)}


def log_descriptor() -> int | None:
    """Where this process logs; None: to stderr."""
    given = os.environ.get(LOG_DESCRIPTOR, "")
    return int(given) if given.isdecimal() else None


def tracing_is_wanted() -> bool:
    """Whether a collector of traces is named, by OpenTelemetry's own variables."""
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if os.environ.get("OTEL_TRACES_EXPORTER", "").strip() not in ("", "otlp"):
        return False
    return bool(os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"))


def tracing_queue_spans() -> int:
    """Most spans that may wait to be sent; OpenTelemetry's default is 2048."""
    given = os.environ.get(TRACES_QUEUE, "")
    return int(given) if given.isdecimal() else 2048


def tensorflow_variables() -> dict[str, str]:
    """What TensorFlow shall find among its own variables when it is imported, unless a user has set them.

    oneDNN's kernels take up to twice as long as TensorFlow's own for one picture on a processor without AVX-512, and no
    less for many; on one with it, up to 1.5 times as long for one and 0.7 to 1 times for 32 and more (docs/decisions.md).
    TensorFlow's own lines on stderr are kept to what ends the process, as far as it heeds that: what fails is raised too.
    """
    variables = {"TF_CPP_MIN_LOG_LEVEL": "3"}
    found = features()
    if "avx2" in found and "avx512f" not in found:
        variables["TF_ENABLE_ONEDNN_OPTS"] = "0"
    return variables


def prepare_tensorflow() -> None:
    """To be called before TensorFlow is imported."""
    for name, value in tensorflow_variables().items():
        os.environ.setdefault(name, value)
