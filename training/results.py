"""The table of published versions in `docs/training.md`, made from their cards so that it cannot drift from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training.compare.records import model_bytes
from training.publish import read_card, versions

if TYPE_CHECKING:
    from pathlib import Path

BEGIN = "<!-- results: `python -m training results` prints what lies between these two lines -->"
END = "<!-- /results -->"

_HEAD = (
    "version",
    "test accuracy",
    "right of",
    "validation",
    "test loss",
    "ECE",
    "parameters",
    "MACs",
    "size",
    "training",
    "seed",
)


def results_table(models_dir: Path) -> str:
    """One Markdown row for each version of each model in `models_dir`, and below it the commands that made them.

    Raises `PublishError` when a version has no card.
    """
    names = sorted(entry.name for entry in models_dir.iterdir() if entry.is_dir()) if models_dir.is_dir() else []
    cards = [read_card(models_dir / name / str(version)) for name in names for version in versions(models_dir, name)]
    rows = ["| " + " | ".join(_HEAD) + " |", "|---" * len(_HEAD) + "|"]
    rows += ["| " + " | ".join(_cells(card)) + " |" for card in cards]
    commands = [f"# {card['name']}/{card['version']}\n{card['command']}" for card in cards]
    return "\n".join([*rows, "", "```sh", *commands, "```"])


def between_markers(document: str) -> str:
    """The part of a Markdown document that `results_table` is to fill. Raises `ValueError` without the markers."""
    return document[document.index(BEGIN) + len(BEGIN) : document.index(END)].strip("\n")


def _cells(card: dict[str, Any]) -> tuple[str, ...]:
    test, validation = card["metrics"]["test"], card["metrics"]["validation"]
    seconds = sum(epoch["seconds"] for epoch in card["history"])
    return (
        f"`{card['name']}/{card['version']}`",
        f"{test['accuracy']:.2%}",
        f"{test['correct']:,} of {test['total']:,}",
        f"{validation['accuracy']:.2%}",
        f"{test['loss']:.4f}",
        f"{test['ece']:.2%}",
        f"{card['architecture']['parameters']:,}",
        f"{card['architecture']['macs']:,}",
        f"{model_bytes(card) / 1e6:.1f} MB",
        f"{len(card['history'])} epochs, {seconds / 60:.1f} min",
        str(card["seed"]),
    )
