"""What works out an architecture needs the standard library alone, so that training and service both can have it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.import_graph import find_modules, is_inside, read_imports

ROOT = Path(__file__).resolve().parents[2]
HOME = "architectures"
MODULES = find_modules(ROOT, [HOME, "training"])
IMPORTS = read_imports(MODULES)


@pytest.mark.parametrize("module", sorted(module for module in MODULES if is_inside(module, HOME)))
def test_it_knows_itself_alone(module: str) -> None:
    strangers = {
        found.target
        for found in IMPORTS
        if found.importer == module
        and found.target.split(".")[0] not in sys.stdlib_module_names
        and not is_inside(found.target, HOME)
    }
    assert not strangers


def test_only_building_makes_keras_layers() -> None:
    rooms = {
        found.importer for found in IMPORTS if found.is_of("keras") and is_inside(found.importer, "training.networks")
    }
    assert rooms == {"training.networks.build", "training.networks.keras_layers"}


def test_describing_loads_neither() -> None:
    code = (
        "import sys\n"
        "from architectures.document import read_description\n"
        "import training.describe\n"
        "print([name for name in ('tensorflow', 'keras', 'numpy') if name in sys.modules])\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
