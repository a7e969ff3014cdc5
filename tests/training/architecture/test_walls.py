"""What works out an architecture needs no TensorFlow and nothing else of training, so that others could have it too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.import_graph import find_modules, is_inside, read_imports

ROOT = Path(__file__).resolve().parents[3]
HOME = "training.architecture"
PURE = ("architecture", "arithmetic", "checks", "conv_pool", "document", "keys", "layers", "presets", "rows", "windows")
IMPORTS = read_imports(find_modules(ROOT, ["training"]))


@pytest.mark.parametrize("module", [HOME, *(f"{HOME}.{name}" for name in PURE)])
def test_the_pure_part_knows_itself_and_the_errors_alone(module: str) -> None:
    allowed = {HOME, "training.errors", *(f"{HOME}.{name}" for name in PURE)}
    strangers = {
        found.target
        for found in IMPORTS
        if found.importer == module
        and found.target.split(".")[0] not in sys.stdlib_module_names
        and found.target not in allowed
    }
    assert not strangers
    assert any(found.importer == module for found in IMPORTS)


def test_only_building_knows_keras() -> None:
    rooms = {found.importer for found in IMPORTS if found.is_of("keras") and is_inside(found.importer, HOME)}
    assert rooms == {f"{HOME}.build", f"{HOME}.keras_layers"}


def test_describing_loads_neither() -> None:
    code = (
        "import sys\n"
        "from training.architecture.document import read_description\n"
        "import training.describe\n"
        "print([name for name in ('tensorflow', 'keras', 'numpy') if name in sys.modules])\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
