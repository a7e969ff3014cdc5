"""The reader of imports against small trees whose answer is known, so that a wall that is broken is seen."""

from __future__ import annotations

from collections.abc import Callable
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

Tree = Callable[[dict[str, str]], dict[str, Path]]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Writes files (path → source) of a package `app` and gives back its modules."""

    def write(sources: dict[str, str]) -> dict[str, Path]:
        for name, source in {"app/__init__.py": "", **sources}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)
        return find_modules(tmp_path, ["app"])

    return write


def targets(modules: dict[str, Path], importer: str) -> list[str]:
    return [found.target for found in read_imports(modules) if found.importer == importer]


def test_modules_are_named_after_their_files(tree: Tree) -> None:
    modules = tree({"app/http/__init__.py": "", "app/http/routes.py": "", "app/main.py": ""})
    assert set(modules) == {"app", "app.http", "app.http.routes", "app.main"}


def test_a_name_from_a_package_is_told_from_its_submodule(tree: Tree) -> None:
    modules = tree({"app/rooms/__init__.py": "", "app/rooms/one.py": "", "app/main.py": "from app.rooms import one, x"})
    assert targets(modules, "app.main") == ["app.rooms.one", "app.rooms"]


@pytest.mark.parametrize(
    "source",
    [
        "import heavy.parts",
        "from heavy.parts import x",
        "import os, heavy.parts as light",
        "def later():\n    import heavy.parts",
        "try:\n    import heavy.parts\nexcept ImportError:\n    pass",
        "import importlib\nimportlib.import_module('heavy.parts')",
        "from importlib import import_module\nimport_module('heavy.parts')",
        "x = __import__('heavy.parts')",
    ],
)
def test_every_way_to_import_is_seen(tree: Tree, source: str) -> None:
    assert "heavy.parts" in targets(tree({"app/main.py": source}), "app.main")


@pytest.mark.parametrize("source", ["x = 'import heavy'", "# import heavy", '"""import heavy"""', "heavy = 1"])
def test_words_are_no_imports(tree: Tree, source: str) -> None:
    assert targets(tree({"app/main.py": source}), "app.main") == []


def test_relative_imports_are_resolved(tree: Tree) -> None:
    modules = tree(
        {
            "app/rooms/__init__.py": "from .one import x\nfrom . import one",
            "app/rooms/one.py": "from ..main import y\nfrom .. import main",
            "app/main.py": "",
        }
    )
    assert targets(modules, "app.rooms") == ["app.rooms.one", "app.rooms.one"]
    assert targets(modules, "app.rooms.one") == ["app.main", "app.main"]


def test_imports_for_types_are_marked(tree: Tree) -> None:
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import heavy\nelse:\n    import light\n"
    marked = {found.target: found.for_types for found in read_imports(tree({"app/main.py": source}))}
    assert marked == {"typing": False, "heavy": True, "light": False}


def test_is_inside_goes_by_whole_names() -> None:
    assert is_inside("app.rooms.one", "app.rooms")
    assert is_inside("app.rooms", "app.rooms")
    assert not is_inside("app.roomservice", "app.rooms")


def test_a_chain_is_found_over_several_modules_and_told(tree: Tree) -> None:
    modules = tree(
        {"app/a.py": "import app.b", "app/b.py": "def f():\n    from app import c", "app/c.py": "import heavy.x"}
    )
    assert chain_to(read_imports(modules), "app.a", "heavy") == ["app.a", "app.b", "app.c", "heavy.x"]
    assert chain_to(read_imports(modules), "app.a", "light") is None


def test_a_chain_runs_through_the_package_of_what_is_imported(tree: Tree) -> None:
    modules = tree(
        {"app/rooms/__init__.py": "import heavy", "app/rooms/one.py": "", "app/a.py": "import app.rooms.one"}
    )
    assert chain_to(read_imports(modules), "app.a", "heavy") == ["app.a", "app.rooms.one", "app.rooms", "heavy"]


def test_a_chain_does_not_run_through_types() -> None:
    imports = [Import("app.a", "app.b", 1, for_types=True), Import("app.b", "heavy", 1)]
    assert chain_to(imports, "app.a", "heavy") is None


@pytest.mark.parametrize("second", ["import app.a", "def f():\n    from app.a import x"])
def test_a_ring_is_found(tree: Tree, second: str) -> None:
    modules = tree({"app/a.py": "import app.b", "app/b.py": "import app.c", "app/c.py": second})
    assert find_cycle(read_imports(modules), "app") == ["app.a", "app.b", "app.c", "app.a"]


def test_a_package_and_its_module_can_be_a_ring(tree: Tree) -> None:
    modules = tree({"app/r/__init__.py": "from app.r.one import x", "app/r/one.py": "from app.r import y"})
    assert find_cycle(read_imports(modules), "app") == ["app.r", "app.r.one", "app.r"]


def test_siblings_are_no_ring(tree: Tree) -> None:
    modules = tree(
        {
            "app/r/__init__.py": "from app.r.one import x",
            "app/r/one.py": "from app.r import two",
            "app/r/two.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from app.r import one",
            "app/a.py": "import app.r\nimport app.r.two",
        }
    )
    assert find_cycle(read_imports(modules), "app") is None


@pytest.mark.parametrize(
    "source",
    [
        "import os\nx = os.environ['A']",
        "import os\nx = os.getenv('A')",
        "import os\nos.environ.setdefault('A', '1')",
        "import os\ndef f():\n    return 'A' in os.environ",
        "from os import environ",
        "from os import getenv as g",
    ],
)
def test_touching_the_environment_is_seen(tree: Tree, source: str) -> None:
    assert len(environment_uses(tree({"app/main.py": source}))) == 1


def test_an_environment_of_ones_own_is_not_the_processs(tree: Tree) -> None:
    assert (
        environment_uses(tree({"app/main.py": "import os\nx = settings.environ\ny = os.getpid()\nenviron = {}"})) == []
    )


def test_long_functions_are_named_with_their_length(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text(
        "@decorated\ndef short():\n    return 1\n\nasync def long():\n    a = 1\n    b = 2\n    return a, b\n"
    )
    assert long_functions(path, 3) == ["long (4 lines)"]
