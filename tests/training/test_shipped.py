"""The models in the repository: whole, good enough, and what their cards and our page say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import tensorflow as tf

from architectures import ARCHITECTURES
from training.cli import main
from training.command_line import command_line
from training.data import DATASETS
from training.metrics import score
from training.publish import read_card, verify, versions
from training.recipes import RECIPES
from training.results import between_markers, results_table
from training.run import architecture_document, predict
from training.settings import Settings
from training.synthesis import outliers

if TYPE_CHECKING:
    from training.data import Dataset

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "models"
REQUIRED = {"cnn": 0.996, "mlp": 0.992}
SHIPPED = [MODELS / name / str(version) for name in sorted(REQUIRED) for version in versions(MODELS, name)]


@pytest.fixture(params=SHIPPED, ids=lambda path: f"{path.parent.name}/{path.name}")
def shipped(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture
def card(shipped: Path) -> dict[str, Any]:
    return read_card(shipped)


def test_every_file_is_the_one_on_the_card(shipped: Path) -> None:
    card = verify(shipped)
    assert (card["name"], card["version"]) == (shipped.parent.name, int(shipped.name))


def test_good_enough(card: dict[str, Any]) -> None:
    test = card["metrics"]["test"]
    assert test["total"] == 10_000
    assert test["accuracy"] >= REQUIRED[card["name"]]
    assert test["ece"] <= 0.005


def test_small_enough() -> None:
    assert sum(path.stat().st_size for path in MODELS.rglob("*") if path.is_file()) < 20_000_000


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_the_default_command_is_the_one_that_made_the_latest(name: str) -> None:
    card, recipe = read_card(MODELS / name / str(versions(MODELS, name)[-1])), RECIPES[name]
    assert card["command"] == command_line(recipe)
    assert card["seed"] == recipe.seed
    # Cards of a time when there was but one schedule do not name it.
    assert {"schedule": "one-cycle"} | card["hyperparameters"] == recipe.document()
    assert len(card["history"]) == recipe.epochs


def test_the_architecture_is_the_one_of_its_name(card: dict[str, Any]) -> None:
    assert card["architecture"] == architecture_document(ARCHITECTURES[card["name"]], (28, 28, 1))


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_the_latest_knows_what_is_no_digit(name: str, mnist: Dataset) -> None:
    """Things made by code, with another seed and of other digits than those it learned from."""
    latest = MODELS / name / str(versions(MODELS, name)[-1])
    strange = outliers(600, mnist.x_test, mnist.y_test, seed=99)
    _, energies = predict(tf.saved_model.load(str(latest)), strange[..., None])
    assert (energies > read_card(latest)["rejection"]["energy"]["reject_above"]).mean() > 0.9


def test_learned_from_mnist(card: dict[str, Any]) -> None:
    spec = DATASETS["mnist"]
    assert card["dataset"]["name"] == "mnist"
    assert card["dataset"]["sha256"] == dict(spec.sha256)
    assert card["dataset"]["train"] + card["dataset"]["validation"] == 60_000
    assert card["dataset"]["source"] in {"keras", "directory", f"npm:{spec.npm_package}"}


def test_the_figures_on_the_card_are_those_of_mnists_test_set(
    shipped: Path, card: dict[str, Any], mnist: Dataset
) -> None:
    """Another processor may round the last bit otherwise; two pictures of 10,000 may then change sides."""
    probabilities, _ = predict(tf.saved_model.load(str(shipped)), mnist.x_test)
    found, stated = score(probabilities, mnist.y_test, mnist.spec.labels), card["metrics"]["test"]
    assert abs(found["correct"] - stated["correct"]) <= 2
    assert found["loss"] == pytest.approx(stated["loss"], rel=1e-3)
    assert found["ece"] == pytest.approx(stated["ece"], abs=5e-4)


def test_the_page_shows_what_the_cards_say() -> None:
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    assert between_markers(page) == results_table(MODELS)


def test_the_page_names_every_option_and_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
    assert len(options) > 30
    variables = {
        str(field.validation_alias or f"DIGITS_{name.upper()}") for name, field in Settings.model_fields.items()
    }
    listed = set(re.findall(r"`(--[a-z-]+|[A-Z_]+)`", "".join(re.findall(r"^\| (.*?) \|", page, re.MULTILINE))))
    assert options | variables == listed
