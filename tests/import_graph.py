"""Who imports whom, read from the source without running it; what `test_architecture.py` keeps the walls with.

    source files  →  Import (importer, target, line, …)  →  graph of modules  →  chains and cycles

Targets inside the tree are resolved to modules: `from service.images import png` is an import of `service.images.png`
where that is a file, of `service.images` where `png` is a name in it. Imports of others keep their dotted name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Import:
    """One module named by one statement. `for_types`: under `if TYPE_CHECKING`, so it never runs."""

    importer: str
    target: str
    line: int
    for_types: bool = False

    def is_of(self, module: str) -> bool:
        """Whether this names `module` or something inside it."""
        return is_inside(self.target, module)

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.target}"


def is_inside(name: str, package: str) -> bool:
    """Whether the dotted `name` is `package` or lies under it."""
    return name == package or name.startswith(f"{package}.")


def find_modules(root: Path, packages: Iterable[str]) -> dict[str, Path]:
    """Every module of `packages` under `root`: dotted name → file. A package is named after its folder."""
    found = {}
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def read_imports(modules: Mapping[str, Path]) -> list[Import]:
    """Every import of every module, those inside functions and those by `import_module("…")` as well."""
    found: list[Import] = []
    for name, path in modules.items():
        is_package = path.name == "__init__.py"
        for node, for_types in _walk(ast.parse(path.read_text(), filename=str(path)), for_types=False):
            line = getattr(node, "lineno", 0)
            found += [Import(name, target, line, for_types) for target in _targets(node, name, is_package, modules)]
    return found


def _walk(node: ast.AST, *, for_types: bool) -> Iterator[tuple[ast.AST, bool]]:
    yield node, for_types
    for child in ast.iter_child_nodes(node):
        guarded = isinstance(node, ast.If) and child in node.body and _names_type_checking(node.test)
        yield from _walk(child, for_types=for_types or guarded)


def _names_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _targets(node: ast.AST, importer: str, is_package: bool, modules: Mapping[str, Path]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = _base(node, importer, is_package)
        for alias in node.names:
            submodule = f"{base}.{alias.name}"
            yield submodule if submodule in modules else base
    elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in {"import_module", "__import__"} and isinstance(node.args[0].value, str):
            yield node.args[0].value


def _base(node: ast.ImportFrom, importer: str, is_package: bool) -> str:
    if node.level == 0:
        return node.module or ""
    up = node.level - 1 if is_package else node.level
    parts = importer.split(".")
    return ".".join([*parts[: len(parts) - up], *([node.module] if node.module else [])])


def chain_to(imports: Iterable[Import], start: str, target: str) -> list[str] | None:
    """The shortest way by which importing `start` runs an import of `target`, as module names; None: there is none.

    Importing `a.b` runs `a` too. Imports inside functions count, those for types do not.
    """
    graph: dict[str, set[str]] = {}
    for imported in imports:
        if not imported.for_types:
            graph.setdefault(imported.importer, set()).add(imported.target)
    queue, seen = [[start]], {start}
    while queue:
        chain = queue.pop(0)
        if is_inside(chain[-1], target):
            return chain
        for following in sorted(graph.get(chain[-1], set()) | set(_parents(chain[-1]))):
            if following not in seen:
                seen.add(following)
                queue.append([*chain, following])
    return None


def _parents(name: str) -> Iterator[str]:
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def find_cycle(imports: Iterable[Import], package: str) -> list[str] | None:
    """Modules of `package` that import each other in a ring, the first one repeated at the end; None: there is no ring.

    Imports inside functions count (they hide a ring, they do not break it), those for types do not.
    """
    graph: dict[str, set[str]] = {}
    for imported in imports:
        if is_inside(imported.importer, package) and imported.is_of(package) and not imported.for_types:
            graph.setdefault(imported.importer, set()).add(imported.target)
    finished: set[str] = set()

    def visit(module: str, path: list[str]) -> list[str] | None:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in finished:
            return None
        for following in sorted(graph.get(module, set())):
            if ring := visit(following, [*path, module]):
                return ring
        finished.add(module)
        return None

    for module in sorted(graph):
        if ring := visit(module, []):
            return ring
    return None


def environment_uses(modules: Mapping[str, Path]) -> list[str]:
    """Where the environment is touched by name (`os.environ`, `os.getenv`, `from os import environ`): `"module:line"`."""
    names = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}
    found = []
    for module, path in modules.items():
        for node in ast.walk(ast.parse(path.read_text())):
            by_attribute = (
                isinstance(node, ast.Attribute)
                and node.attr in names
                and isinstance(node.value, ast.Name)
                and node.value.id == "os"
            )
            by_import = (
                isinstance(node, ast.ImportFrom)
                and node.module == "os"
                and any(alias.name in names for alias in node.names)
            )
            if by_attribute or by_import:
                found.append(f"{module}:{getattr(node, 'lineno', 0)}")
    return found


def long_functions(path: Path, limit_lines: int) -> list[str]:
    """Functions and methods of more than `limit_lines` lines, decorators and docstring included: `"name (n lines)"`."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            lines = (node.end_lineno or node.lineno) - first + 1
            if lines > limit_lines:
                found.append(f"{node.name} ({lines} lines)")
    return found
