"""The Dockerfile by its text: what goes in, what the result may do, and that no builder is left out."""

from __future__ import annotations

import http.server
import re
import socket
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import ClassVar

import pytest

from service.settings import Settings as ServiceSettings
from tests.containers.dockerfile import PATH, ROOT, Stage, context_files, expand, instructions, is_ignored, read
from tests.import_graph import find_modules, read_imports
from training.settings import Settings as TrainingSettings

GLOBAL, STAGES = read()
FINAL = ("service", "training")
LOCKS = ("service", "gpu")
OURS = ("architectures", "service", "training")


def packages(stage: Stage) -> set[str]:
    """The directories of our own that an image holds."""
    return {
        PurePosixPath(source).name for origin, sources, _ in stage.copies() if origin == "code" for source in sources
    }


def copied_from_the_checkout() -> list[str]:
    values = [GLOBAL | {"LOCK": lock} for lock in LOCKS]
    sources = [
        source for stage in STAGES.values() for origin, found, _ in stage.copies() if origin is None for source in found
    ]
    return sorted({expand(source, value) for source in sources for value in values})


def test_the_targets_are_there_and_both_stand_on_the_base_image() -> None:
    assert set(FINAL) <= set(STAGES)
    assert {STAGES[name].base for name in FINAL} == {"${BASE_IMAGE}"}
    python = re.fullmatch(r"python:(3\.\d+)-slim-\w+", GLOBAL["BASE_IMAGE"])
    assert python
    supported = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    lowest, highest = re.findall(r"3\.(\d+)", supported)
    assert int(lowest) <= int(python[1].removeprefix("3.")) < int(highest)


@pytest.mark.parametrize("source", copied_from_the_checkout())
def test_what_is_copied_is_there_and_reaches_the_builder(source: str) -> None:
    assert (ROOT / source).exists()
    assert any(path.is_relative_to(source) for path in context_files())


def test_nothing_else_reaches_the_builder() -> None:
    sent = context_files()
    unused = {
        str(path) for path in sent if not any(path.is_relative_to(source) for source in copied_from_the_checkout())
    }
    assert not unused
    assert {path.parts[0] for path in sent} == {*OURS, "requirements"}
    assert not {path for path in sent if path.suffix == ".pyc" or "__pycache__" in path.parts or "tests" in path.parts}


def test_ignoring_is_decided_by_the_last_pattern_that_fits() -> None:
    patterns = ["*", "!service", "!requirements/gpu.txt", "**/*.pyc"]
    kept = ("service/app.py", "service/page/static/index.html", "requirements/gpu.txt")
    ignored = (".env", "models/cnn/2/saved_model.pb", "requirements/dev.txt", "service/a.pyc", "service/a/b/c.pyc")
    assert [is_ignored(PurePosixPath(path), patterns) for path in kept] == [False] * len(kept)
    assert [is_ignored(PurePosixPath(path), patterns) for path in ignored] == [True] * len(ignored)


@pytest.mark.parametrize("name", FINAL)
def test_an_image_holds_the_packages_that_it_imports_and_no_other(name: str) -> None:
    needed, waiting = set(), {name}
    while waiting:
        package = waiting.pop()
        needed.add(package)
        imports = read_imports(find_modules(ROOT, [package]))
        first = {imported.target.partition(".")[0] for imported in imports if not imported.for_types}
        waiting |= {found for found in first if (ROOT / found / "__init__.py").exists()} - needed
    assert packages(STAGES[name]) == needed


def test_every_module_and_every_file_beside_them_reaches_the_builder() -> None:
    sent = {ROOT / path for path in context_files() if path.parts[0] in OURS}
    assert {path for path in sent if path.suffix == ".py"} == set(find_modules(ROOT, OURS).values())
    beside = {path for package in OURS for path in (ROOT / package).rglob("*") if path.is_file()}
    assert {path for path in beside if path.suffix not in {".py", ".pyc"}} <= sent


def test_any_builder_reads_it() -> None:
    """What BuildKit alone knows: a syntax line, mounts, here-documents, and some flags."""
    assert not re.search(r"^#\s*(syntax|check|escape)\s*=", PATH.read_text(), re.MULTILINE)
    for word, rest in instructions():
        assert "<<" not in rest, rest
        flags = set(re.findall(r"^(?:--[\w-]+=\S+\s+)+", rest))
        known = {"COPY": {"--from"}, "HEALTHCHECK": {"--interval", "--timeout", "--start-period", "--retries"}}
        assert set(re.findall(r"(--[\w-]+)=", "".join(flags))) <= known.get(word, set()), (word, rest)


@pytest.mark.parametrize("name", FINAL)
def test_code_comes_last(name: str) -> None:
    """Whatever would run again after a change in our own code costs nothing: arguments and labels."""
    words = [(word, "--from=code" in rest) for word, rest in STAGES[name].instructions]
    last_others = max(
        index for index, (word, is_code) in enumerate(words) if not is_code and word not in {"ARG", "ENV", "LABEL"}
    )
    first_code = min(index for index, (_, is_code) in enumerate(words) if is_code)
    assert last_others < first_code


@pytest.mark.parametrize("name", FINAL)
def test_a_final_image_installs_nothing_and_runs_as_nobody_special(name: str) -> None:
    stage = STAGES[name]
    assert not [run for run in stage.all("RUN") if re.search(r"\b(pip|apt|apt-get|curl|wget)\b", run)]
    user, _, group = stage.one("USER").partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert stage.exec_form("ENTRYPOINT") == ["python", "-m", name]
    assert stage.one("STOPSIGNAL") == {"service": "SIGTERM", "training": "SIGINT"}[name]
    assert stage.environment()["PYTHONDONTWRITEBYTECODE"] == "1"
    labels = set(re.findall(r"(org\.opencontainers\.image\.\w+)=", stage.one("LABEL")))
    assert {label.rpartition(".")[2] for label in labels} == {"title", "description", "licenses", "version", "revision"}


@pytest.mark.parametrize("stage", ["service-packages", "training-packages"])
def test_packages_come_from_a_lock_with_digests_and_without_a_cache(stage: str) -> None:
    install = next(run for run in STAGES[stage].all("RUN") if " install " in run)
    assert {"--require-hashes", "--no-deps", "--no-compile"} <= set(install.split())
    assert "PIP_NO_CACHE_DIR=1" in STAGES["environment"].one("ENV")
    assert STAGES[stage].base == "environment"


def test_what_the_images_set_are_settings() -> None:
    known = {
        "service": {f"DIGITS_{name.upper()}" for name in ServiceSettings.model_fields},
        "training": {f"DIGITS_{name.upper()}" for name in TrainingSettings.model_fields},
    }
    for name in FINAL:
        assert {key for key in STAGES[name].environment() if key.startswith("DIGITS_")} <= known[name]
    assert int(STAGES["service"].one("EXPOSE")) == ServiceSettings.model_fields["port"].default


def test_no_secret_and_no_address_stands_in_it() -> None:
    text = PATH.read_text()
    assert "://" not in text
    names = [*GLOBAL, *(name for stage in STAGES.values() for name in (*stage.arguments(), *stage.environment()))]
    assert not [name for name in names if re.search(r"PASSW|SECRET|TOKEN|API_KEY", name)]


class _Readiness(http.server.BaseHTTPRequestHandler):
    status: ClassVar[int] = 200
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b"so it is")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name is the base class's)
        pass


@contextmanager
def answering(status: int) -> Iterator[int]:
    """The port of a server that gives this status to everything."""

    class Handler(_Readiness):
        pass

    Handler.status, Handler.asked = status, []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
        assert Handler.asked == ["/readyz"]


def check_health(port: int) -> subprocess.CompletedProcess[str]:
    words = STAGES["service"].exec_form("HEALTHCHECK")
    assert words[0] == "python"
    # Names a proxy, as a company's machines do: the service is not behind it.
    environment = {"DIGITS_PORT": str(port), "http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    command = [sys.executable, *words[1:]]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_the_health_check_goes_by_readiness_and_tells_what_it_was_told(status: int, code: int) -> None:
    with answering(status) as port:
        ran = check_health(port)
    assert (ran.returncode, ran.stdout.strip()) == (code, f"{status} so it is"), ran.stderr


def test_the_health_check_fails_when_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        ran = check_health(taken.getsockname()[1])
    assert ran.returncode == 1
    assert "ConnectionRefusedError" in ran.stderr
