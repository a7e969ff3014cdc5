"""An engine process with good, moody and refused models, and what TensorFlow made of odd ones."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.engine.peer import Engine, Peer
from tests.processes import run_python
from tests.reference import Reference, make_reference
from training.publish import publish

PICTURE = {"shape": [28, 28, 1], "dtype": "uint8", "preparation": "none"}
LABELS = list("0123456789")


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return make_reference(tmp_path_factory)


@pytest.fixture(scope="session")
def probe(
    reference: Reference, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], dict[str, npt.NDArray[np.float32]]]:
    """The facts and the arrays that `runtime_probe` wrote down."""
    out = tmp_path_factory.mktemp("probe")
    ran = run_python(["-m", "tests.engine.runtime_probe", str(reference.models_dir.parent), str(out)])
    assert ran.returncode == 0, ran.stderr
    with np.load(out / "probe.npz", allow_pickle=False) as arrays:
        return json.loads((out / "probe.json").read_bytes()), dict(arrays)


@pytest.fixture(scope="session")
def models_dir(reference: Reference, odd_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference's versions, `moody/1`, and one version for each way in which a directory can be wrong."""
    directory = tmp_path_factory.mktemp("engine") / "models"
    shutil.copytree(reference.models_dir, directory)

    for name in ("moody", "sick", "numberless", "short", "lame"):
        put_version(odd_models / name, directory, name)
    _spoil(directory, directory / "moody" / "1")
    return directory


@pytest.fixture(scope="session")
def odd_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SavedModels without cards, by name."""
    odd = tmp_path_factory.mktemp("odd")
    ran = run_python(["-m", "tests.engine.odd_models", str(odd)])
    assert ran.returncode == 0, ran.stderr
    return odd


def put_version(source: Path, models_dir: Path, name: str, version: int = 1, **card: Any) -> Path:
    """Publish what lies in `source` as `<name>/<version>`: it is there at once, and whole."""

    def copy(target: Path) -> dict[str, Any]:
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("card.json"))
        return {"labels": LABELS, "input": PICTURE, **card}

    publish(models_dir, name, copy, version)
    return models_dir / name / str(version)


def _spoil(directory: Path, moody: Path) -> None:
    """One model per fault, each a copy of a sound version with a card of its own name."""

    def copy(name: str, **card: Any) -> Path:
        return put_version(moody, directory, name, **card)

    weights = copy("altered") / "variables" / "variables.data-00000-of-00001"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    (copy("incomplete") / "saved_model.pb").unlink()
    (copy("cardless") / "assets.extra" / "card.json").unlink()
    (copy("illegible") / "assets.extra" / "card.json").write_text("{")
    (copy("listed") / "assets.extra" / "card.json").write_text("[]")
    copy("shapeless", input={})
    copy("unlabelled", labels=None)
    copy("unfit", labels=[*LABELS, "10"])
    shutil.copytree(moody, directory / "renamed" / "1")
    (directory / "toy" / ".staging-half-written").mkdir()
    (directory / "toy" / "notes").mkdir()


@pytest.fixture(scope="session")
def engine(models_dir: Path) -> Iterator[Engine]:
    """An engine that has looked at every version in `models_dir`; for tests that leave it as it was."""
    with Engine.started(models_dir) as engine:
        engine.wait_until_loaded()
        yield engine


@pytest.fixture
def peer(engine: Engine) -> Iterator[Peer]:
    """A connection to the engine, which has to be well at the end too."""
    with engine.connect() as peer:
        yield peer
        assert peer.ping().ready
