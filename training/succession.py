"""Which version answers once a new one is published: a worse one must not take over because it is the latest.

    before the rename   the new version's test score is compared with that of the version that answers now
    worse, or not comparable → `stable` is put on the version that answers, so that it goes on answering
    after the rename    not worse, and there is a `stable` → it moves to the new version

Without labels the latest version answers (docs/versions.md), so that nothing has to be written for the usual case.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.errors import PromotionError, PublishError
from training.evaluate.intervals import Comparison, paired_comparison, unpaired_comparison
from training.promote import Request, promote, read_labels
from training.publish import verify, versions

if TYPE_CHECKING:
    from collections.abc import Mapping

STABLE = "stable"
_NEVER_ANSWERS = ("canary", "shadow")


@dataclass(frozen=True)
class _Answering:
    """The version that answers those who name none."""

    version: int
    card: dict[str, Any]
    labelled: bool


class Succession:
    """From the score of a version that is about to be published to labels and words about it."""

    def __init__(self, models_dir: Path, name: str) -> None:
        self._models_dir, self._name = models_dir, name
        self._answering: _Answering | None = None
        self._takes_over = True
        self._reason = ""
        self._trouble: str | None = None

    def check(self) -> None:
        """Find out before hours of training whether labels can be read. Raises `PromotionError`."""
        read_labels(self._models_dir / self._name)

    def prepare(self, card: Mapping[str, Any]) -> None:
        """Judge the version with this card, and see to it that a worse one will not answer.

        Raises nothing: labels that cannot be read or written are no reason to lose what has been trained.
        """
        try:
            self._answering = self._who_answers()
            if self._answering is None:
                return
            self._takes_over, self._reason = _judge(card, self._answering.card, self._label(self._answering.version))
            if not self._takes_over:
                promote(self._models_dir, Request(self._name, self._answering.version, STABLE))
        except (PromotionError, PublishError) as error:
            self._trouble = str(error)

    def conclude(self, version: int) -> list[str]:
        """Label the version, now that it is published, if need be; lines that tell what answers from now on, and why."""
        if self._trouble is None and self._takes_over and self._answering is not None and self._answering.labelled:
            try:
                promote(self._models_dir, Request(self._name, version, STABLE))
            except PromotionError as error:
                self._trouble = str(error)
        if self._trouble is not None:
            return [f"labels are as they were: {self._trouble}"]
        if self._answering is None:
            return []
        mine, theirs = self._label(version), self._label(self._answering.version)
        if not self._takes_over:
            remark = f"{self._reason} {mine} is published without a label; {theirs} is labelled {STABLE} and goes on answering."
            return [remark, f"To have {mine} answer all the same: {self._promotion(version)}"]
        how = f"{STABLE} has moved from {theirs} to it" if self._answering.labelled else "it answers as the latest"
        return [f"{self._reason} {mine} answers from now on: {how}."]

    def _who_answers(self) -> _Answering | None:
        labels = read_labels(self._models_dir / self._name)
        aside = {labels.get(label) for label in _NEVER_ANSWERS}
        there = [version for version in reversed(versions(self._models_dir, self._name)) if version not in aside]
        if (stable := labels.get(STABLE)) is not None:
            there = [stable, *there]
        for version in there:
            try:
                card = verify(self._models_dir / self._name / str(version))
            except PublishError:
                continue  # it is not served either
            return _Answering(version, card, labelled=version == stable)
        return None

    def _label(self, version: int) -> str:
        return f"{self._name}/{version}"

    def _promotion(self, version: int) -> str:
        where = "" if self._models_dir == Path("models") else f" --models-dir {self._models_dir}"
        return f"python -m training promote --model {self._name} --version {version} --label {STABLE}{where}"


def _judge(card: Mapping[str, Any], other: Mapping[str, Any], other_name: str) -> tuple[bool, str]:
    """Whether the first may take over from the other, and why, as a sentence."""
    try:
        if any(card["dataset"][key] != other["dataset"][key] for key in ("name", "sha256", "test")):
            return False, (
                f"It learned {card['dataset']['name']} and {other_name} learned {other['dataset']['name']}: not the same "
                "test, so the two cannot be compared."
            )
        mine, theirs = card["metrics"]["test"], other["metrics"]["test"]
        comparison, test = compare_scores(mine, theirs)
        shares = f"{mine['accuracy']:.2%} of the test pictures right, {other_name} {theirs['accuracy']:.2%}"
    except (KeyError, TypeError):
        return False, f"The card of {other_name} has no score to compare with."
    low, high = (100 * bound for bound in (comparison.interval.low, comparison.interval.high))
    worse = comparison.significant and comparison.difference < 0
    verdict = "worse beyond chance" if worse else "not worse beyond chance"
    return not worse, (
        f"{shares}: {100 * comparison.difference:+.2f} points, 95 % interval {low:+.2f} to {high:+.2f} ({test}); {verdict}."
    )


def compare_scores(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> tuple[Comparison, str]:
    """Two cards' metrics on the same test part, and the name of the test that was possible.

    Where both say which pictures were read wrongly, McNemar's exact test on the pairs; from counts alone, Newcombe's
    interval for two independent shares, which is wider (both: `training.evaluate.intervals`).
    """
    if "mistakes" in mine and "mistakes" in theirs:
        return paired_comparison(mine["mistakes"], theirs["mistakes"], mine["total"]), "McNemar's exact test"
    unpaired = unpaired_comparison(mine["correct"], theirs["correct"], mine["total"], theirs["total"])
    return unpaired, "Newcombe's interval, unpaired"
