"""What is really in the images, and that a change in the code is cheap."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.containers.engine import Project, inspect, run
from tests.import_graph import find_modules

pytestmark = [pytest.mark.slow, pytest.mark.containers, pytest.mark.timeout(7200)]

LOOK = """
import importlib.util, json, os, pathlib, shutil
app = pathlib.Path("/app")
files = [path for path in app.rglob("*") if path.is_file()]
print(json.dumps({
    "user": os.getuid(),
    "modules": sorted(str(path.relative_to(app)) for path in files if path.suffix == ".py"),
    "others": sorted(str(path.relative_to(app)) for path in files if path.suffix not in {".py", ".pyc"}),
    "not compiled": sorted(
        str(path) for path in files
        if path.suffix == ".py" and not pathlib.Path(importlib.util.cache_from_source(str(path))).exists()
    ),
    "ours to write": sorted(str(path) for path in [app, *files, pathlib.Path("/opt/venv")] if os.access(path, os.W_OK)),
    "pip": importlib.util.find_spec("pip") is not None,
    "compilers": [name for name in ("gcc", "cc", "g++", "clang", "make", "git") if shutil.which(name)],
}))
"""
LEFT_BEHIND = """
import os
print([os.path.join(folder, name) for top in ("/root/.cache", "/tmp") for folder, _, names in os.walk(top) for name in names])
"""


def look(image: str) -> dict[str, object]:
    """What a program inside sees."""
    found: dict[str, object] = json.loads(
        run(["docker", "run", "--rm", "--network=none", "--entrypoint=python", image, "-c", LOOK])
    )
    return found


def expected(checkout: Path, target: str) -> tuple[list[str], list[str]]:
    """Paths of the modules, and of other files, of the packages that belong into an image."""
    packages = ["architectures", target]
    modules = {path.relative_to(checkout).as_posix() for path in find_modules(checkout, packages).values()}
    files = [path for package in packages for path in (checkout / package).rglob("*") if path.is_file()]
    return sorted(modules), sorted({path.relative_to(checkout).as_posix() for path in files} - modules)


@pytest.mark.parametrize("target", ["service", "training"])
def test_an_image_holds_its_packages_compiled_and_no_tools(images: Project, target: str) -> None:
    modules, others = expected(images.checkout, target)
    assert others
    assert look(images.image(target)) == {
        "user": 1000,
        "modules": modules,
        "others": others,
        "not compiled": [],
        "ours to write": [],
        "pip": False,
        "compilers": [],
    }


@pytest.mark.parametrize("target", ["service", "training"])
def test_an_image_holds_no_cache(images: Project, target: str) -> None:
    """Seen by root, who alone may look everywhere."""
    command = ["docker", "run", "--rm", "--network=none", "--user=0", "--entrypoint=python"]
    assert run([*command, images.image(target), "-c", LEFT_BEHIND]).strip() == "[]"


@pytest.mark.parametrize("target", ["service", "training"])
def test_an_image_says_what_it_is_and_not_where_its_packages_came_from(images: Project, target: str) -> None:
    image = inspect("image", images.image(target))
    configuration = image["Config"]
    assert configuration["Labels"]["org.opencontainers.image.title"] == f"digits-{target}"
    assert configuration["User"] == "1000:1000"
    assert configuration["StopSignal"] == {"service": "SIGTERM", "training": "SIGINT"}[target]
    assert ("Healthcheck" in configuration) is (target == "service")
    history = run(["docker", "history", "--no-trunc", "--format", "{{.CreatedBy}}", images.image(target)])
    assert "PIP_INDEX_URL" not in history + json.dumps(configuration)


def test_a_change_in_the_code_is_one_new_layer(images: Project, figures: dict[str, str]) -> None:
    before = inspect("image", images.image("service"))["RootFS"]["Layers"]
    changed = images.checkout / "service" / "forms.py"
    text = changed.read_text()
    try:
        changed.write_text(f"{text}\nCHANGED = True\n")
        figures["service: build after a change in the code"] = f"{images.build('service'):.1f} s"
        after = inspect("image", images.image("service"))["RootFS"]["Layers"]
        assert after[:-1] == before[:-1]
        assert after[-1] != before[-1]
    finally:
        changed.write_text(text)
        images.build("service")
    assert inspect("image", images.image("service"))["RootFS"]["Layers"] == before


def test_a_change_in_training_leaves_the_service_as_it_is(images: Project) -> None:
    before = inspect("image", images.image("service"))["Id"]
    changed = images.checkout / "training" / "recipes.py"
    text = changed.read_text()
    try:
        changed.write_text(f"{text}\nCHANGED = True\n")
        images.build("service")
        assert inspect("image", images.image("service"))["Id"] == before
    finally:
        changed.write_text(text)


def test_the_shipped_command_lines_answer(images: Project) -> None:
    said = run(["docker", "run", "--rm", "--network=none", "--read-only", images.image("training"), "train", "--help"])
    assert "--epochs" in said
