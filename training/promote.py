"""Labels: which version of a model is `stable`, which one is tried out. Two small files that a service follows.

    models/<name>/labels.json    {"canary": 3, "stable": 2}
    models/<name>/serving.json   {"canary_share": 0.1, "shadow_share": 1.0, …}

What is written replaces the old file in one step, and only one may write at a time, so that nobody reads half a file
and of two promotions at once none is lost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training.errors import PromotionError, PublishError
from training.json_files import read_object, replace_object
from training.publish import read_card, verify, versions
from training.replacing import alone

if TYPE_CHECKING:
    from pathlib import Path

LABELS = "labels.json"
SERVING = "serving.json"
LATEST = "latest"
_LABEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")  # it stands in URLs


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be changed."""

    model: str
    version: int | str | None = None
    """A number, or `LATEST`."""
    label: str | None = None
    remove: bool = False
    canary_share: float | None = None
    shadow_share: float | None = None

    @property
    def changes_something(self) -> bool:
        """Whether anything but the model is given."""
        return self != Request(self.model)

    @property
    def shares(self) -> dict[str, float]:
        """Those given, as `serving.json` names them."""
        both = {"canary_share": self.canary_share, "shadow_share": self.shadow_share}
        return {name: share for name, share in both.items() if share is not None}


def promote(models_dir: Path, request: Request) -> list[str]:
    """Do what is asked; a line for each thing that was changed, or was so already. Blocks while another one writes.

    Raises `PromotionError` when the request makes no sense, the version is not there or not whole, or a file cannot
    be read or written. Nothing has been changed then, but for labels when writing the shares fails.
    """
    _check(request)
    directory = _directory(models_dir, request.model)
    version = None if request.version is None else _whole_version(models_dir, request.model, request.version)
    try:
        with alone(directory):
            labels, serving = read_labels(directory), read_object(directory / SERVING)
            labels_before, serving_before = labels.copy(), serving.copy()
            lines = [] if request.label is None else [_relabel(request.model, labels, request.label, version)]
            lines += [_set_share(request.model, serving, name, share) for name, share in request.shares.items()]
            if labels != labels_before:
                replace_object(directory / LABELS, labels)
            if serving != serving_before:
                replace_object(directory / SERVING, serving)
    except OSError as error:
        raise PromotionError(f"{directory} cannot be written: {error.strerror}") from error
    for name in request.shares:
        label = name.removesuffix("_share")
        if label not in labels:
            lines.append(f"{request.model}: no version is labelled {label} yet")
    return lines


def overview(models_dir: Path, model: str) -> list[str]:
    """The versions of a model with their accuracy and labels, newest first, as lines of a table.

    Raises `PromotionError` when there is no such model, or its labels cannot be read.
    """
    directory = _directory(models_dir, model)
    labels, there = read_labels(directory), versions(models_dir, model)
    width = max(len("version"), len(f"{model}/{there[-1]}"))
    lines = [f"{'version':<{width}}  test accuracy  labels"]
    for version in reversed(there):
        mine = ", ".join(name for name, labelled in sorted(labels.items()) if labelled == version)
        lines.append(f"{f'{model}/{version}':<{width}}  {_accuracy(directory / str(version)):>13}  {mine}".rstrip())
    gone = [name for name in sorted(labels) if labels[name] not in there]
    lines += [f"{name} is version {labels[name]}, which is not there" for name in gone]
    serving = read_object(directory / SERVING)
    return lines + [f"{name}: {serving[name]}" for name in sorted(serving)]


def read_labels(directory: Path) -> dict[str, int]:
    """The labels of the model in `directory`; empty when it has none.

    Raises `PromotionError` when there is a file that is something else: it is not for us to overwrite.
    """
    labels = read_object(directory / LABELS)
    if not all(type(version) is int and version > 0 for version in labels.values()):
        raise PromotionError(f'{directory / LABELS} does not map labels to versions, as {{"stable": 2}} does')
    return labels


def _check(request: Request) -> None:
    if request.label is None and (request.version is not None or request.remove):
        raise PromotionError("--version and --remove need a --label")
    if request.label is not None and (request.version is None) is not request.remove:
        raise PromotionError("--label needs either --version, to put it there, or --remove")
    if request.label is not None and not _LABEL.fullmatch(request.label):
        raise PromotionError(
            f"{request.label!r} is no label: letters, digits and any of _.- behind the first, up to 64"
        )
    for name, share in request.shares.items():
        if not 0 <= share <= 1:
            raise PromotionError(f"--{name.replace('_', '-')} must be between 0 and 1, not {share:g}")


def _directory(models_dir: Path, model: str) -> Path:
    if not versions(models_dir, model) or "/" in model or model.startswith("."):
        raise PromotionError(f"there is no model {model!r} in {models_dir}")
    return models_dir / model


def _whole_version(models_dir: Path, model: str, version: int | str) -> int:
    there = versions(models_dir, model)
    wanted = there[-1] if version == LATEST else int(version)
    if wanted not in there:
        raise PromotionError(f"{model} has no version {wanted}; versions: {', '.join(map(str, there))}")
    try:
        card = verify(models_dir / model / str(wanted))
    except PublishError as error:
        raise PromotionError(str(error)) from error
    if (card.get("name"), card.get("version")) != (model, wanted):
        stated = f"{card.get('name')}/{card.get('version')}"
        raise PromotionError(f"{models_dir / model / str(wanted)} has the card of {stated}")
    return wanted


def _relabel(model: str, labels: dict[str, Any], label: str, version: int | None) -> str:
    before = labels.get(label)
    if version is None:
        if before is None:
            return f"{model}: no version is labelled {label}; nothing changed"
        del labels[label]
    elif before == version:
        return f"{model}: {label} is version {version} already; nothing changed"
    else:
        labels[label] = version
    return f"{model}: {label} was {_named(before)}, is {_named(version)} now"


def _named(version: int | None) -> str:
    return "no version" if version is None else f"version {version}"


def _set_share(model: str, serving: dict[str, Any], name: str, share: float) -> str:
    before = serving.get(name)
    if before == share:
        return f"{model}: {name} is {share} already; nothing changed"
    serving[name] = share
    return f"{model}: {name} was {'not set' if before is None else before}, is {share} now"


def _accuracy(version_dir: Path) -> str:
    try:
        accuracy: float = read_card(version_dir)["metrics"]["test"]["accuracy"]
    except PublishError:
        return "no card"
    except (KeyError, TypeError):
        return "unknown"
    return f"{accuracy:.2%}"
