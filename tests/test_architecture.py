"""The walls of the house, read from the source; `import_graph.py` does the reading and is tested on its own.

service/    HTTP workers: no TensorFlow      │  training/   never imports service
  engine/   the one room with TensorFlow     │
  images/   bytes → array: no Flask, no sockets, no event loop
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.import_graph import (
    Import,
    chain_to,
    environment_uses,
    find_cycle,
    find_modules,
    is_inside,
    long_functions,
    read_imports,
)

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("architectures", "service", "training", "benchmarks", "monitoring")
MODULES = find_modules(ROOT, PACKAGES)
IMPORTS = read_imports(MODULES)

HTTP_MODULES = ("service.asgi", "service.app")
LONGEST_FILE_LINES = 400
LONGEST_FUNCTION_LINES = 120


def importers(target: str, inside: str) -> list[Import]:
    """Imports of `target` by modules of the package `inside`, those for types included: a name is knowledge."""
    return [found for found in IMPORTS if found.is_of(target) and is_inside(found.importer, inside)]


@pytest.mark.parametrize("package", PACKAGES)
def test_the_tree_was_really_read(package: str) -> None:
    assert any(is_inside(module, package) for module in MODULES)
    assert any(is_inside(found.importer, package) for found in IMPORTS)


@pytest.mark.parametrize("library", ["tensorflow", "keras"])
def test_the_service_knows_tensorflow_in_one_module_of_the_engine_at_most(library: str) -> None:
    rooms = {found.importer for found in importers(library, "service")}
    assert all(is_inside(room, "service.engine") for room in rooms), rooms
    assert len(rooms) <= 1, rooms


def test_the_engine_runs_tensorflow_and_no_keras() -> None:
    assert importers("tensorflow", "service.engine")
    assert not importers("keras", "service")


@pytest.mark.parametrize("module", HTTP_MODULES)
@pytest.mark.parametrize("library", ["tensorflow", "keras", "service.engine.runtime"])
def test_no_chain_of_imports_leads_from_http_to_tensorflow(module: str, library: str) -> None:
    assert module in MODULES
    chain = chain_to(IMPORTS, module, library)
    assert chain is None, " → ".join(chain or [])


@pytest.mark.parametrize("module", HTTP_MODULES)
def test_an_http_worker_has_no_tensorflow_in_memory(module: str) -> None:
    """The same wall at run time: what other libraries import on the way counts too."""
    code = f"import sys, {module}; print([name for name in ('tensorflow', 'keras') if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == "[]"


def test_flask_stays_in_the_application_factory_and_the_routes() -> None:
    strangers = [
        str(found)
        for found in importers("flask", "service")
        if found.importer != "service.app" and not is_inside(found.importer, "service.routes")
    ]
    assert not strangers


@pytest.mark.parametrize("library", ["flask", "werkzeug", "socket", "asyncio", "gunicorn", "uvicorn", "tensorflow"])
def test_pictures_are_bytes_to_array_and_nothing_else(library: str) -> None:
    assert any(is_inside(module, "service.images") for module in MODULES)
    assert not [str(found) for found in importers(library, "service.images")]


def test_pictures_know_no_other_room_of_the_service() -> None:
    allowed = ("service.images", "service.errors")
    strangers = [
        str(found)
        for found in importers("service", "service.images")
        if not any(is_inside(found.target, room) for room in allowed)
    ]
    assert not strangers


@pytest.mark.parametrize(("one", "other"), [("service", "training"), ("training", "service")])
def test_the_two_halves_never_meet(one: str, other: str) -> None:
    assert not [str(found) for found in importers(other, one)]


@pytest.mark.parametrize("half", ["service", "training"])
def test_no_half_knows_tests_or_benchmarks(half: str) -> None:
    assert not [str(found) for room in ("tests", "benchmarks") for found in importers(room, half)]


def test_the_environment_is_touched_in_the_settings_alone() -> None:
    allowed = {"service.settings", "training.settings"}
    halves = {name: path for name, path in MODULES.items() if is_inside(name, "service") or is_inside(name, "training")}
    assert not [use for use in environment_uses(halves) if use.partition(":")[0] not in allowed]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_ring_of_imports(package: str) -> None:
    ring = find_cycle(IMPORTS, package)
    assert ring is None, " → ".join(ring or [])


def python_files() -> list[Path]:
    return [*MODULES.values(), *sorted((ROOT / "tests").rglob("*.py"))]


def test_files_are_short() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in python_files()}
    assert not {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE_LINES}


def test_functions_are_short() -> None:
    found = {str(path.relative_to(ROOT)): long_functions(path, LONGEST_FUNCTION_LINES) for path in python_files()}
    assert not {name: functions for name, functions in found.items() if functions}
