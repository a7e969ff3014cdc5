"""What README.md and the docs say is made from what is there, or compared with it."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from examples.draw import PATH, draw
from service.settings_table import markdown
from training.results import results_table

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def between(document: str, name: str) -> str:
    """What lies between `<!-- name… -->` and `<!-- /name -->`."""
    found = re.search(rf"<!-- {name}\b.*?-->\n(.*?)\n?<!-- /{name} -->", document, re.DOTALL)
    assert found is not None, f"no markers {name}"
    return found.group(1)


def test_the_table_of_settings_is_the_one_that_the_settings_make() -> None:
    assert between(README, "settings") == markdown()


@pytest.mark.parametrize("document", ["README.md", "docs/training.md"])
def test_the_table_of_results_is_the_one_that_the_cards_make(document: str) -> None:
    assert between((ROOT / document).read_text(), "results").strip() == results_table(ROOT / "models")


def test_the_shipped_models_are_as_good_and_as_small_as_promised() -> None:
    accuracies = dict(re.findall(r"\| `(\w+)/\d+` \| ([\d.]+)% \|", between(README, "results")))
    assert float(accuracies["cnn"]) >= 99.3
    assert float(accuracies["mlp"]) >= 98.4
    assert sum(p.stat().st_size for p in (ROOT / "models").rglob("*") if p.is_file()) < 20e6


def test_the_example_is_the_picture_that_its_script_draws() -> None:
    shipped = cv2.imread(str(PATH))
    assert shipped is not None
    assert np.array_equal(shipped, draw())


def test_every_file_that_a_document_links_to_is_there() -> None:
    for document in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        prose = re.sub(r"```.*?```|`[^`]*`", "", document.read_text(), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)#]+)\)|src=\"([^\"]+)\"", prose):
            link = target[0] or target[1]
            if "://" not in link:
                assert (document.parent / link).exists(), f"{document.name} links to {link}"
