"""From `--vary key=value,value` to axes: which keys there are, and of which type their values are."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

from architectures import preset_keys
from training.config import TrainingConfig
from training.errors import ConfigurationError
from training.recipes import AUGMENTATION_NAMES
from training.sweep.grid import Axis, Value

if TYPE_CHECKING:
    from collections.abc import Sequence

MODEL = "model"
WIDTHS = "widths"
AUGMENT = "augment"
FAMILY = "mlp-"

# Short words for the keys of `conv-pool-n`.
ALIASES = {
    "filters": "numFilters",
    "kernel": "filterSize",
    "stride": "convStride",
    "padding": "convPadding",
    "pool": "poolK",
    "pool_stride": "poolStride",
    "layers": "convPoolLayers",
    "units": "FCLayerSize",
}

# The same data and the same validation part for all of them, or their scores could not be compared; and what has no
# say in the weights.
_FIXED = frozenset({"model", "dataset", "validation_size", "name", "report_every"})


@dataclass(frozen=True)
class Choices:
    """What can be varied: keys of the architecture, and fields of the recipe with their types."""

    architecture: tuple[str, ...]
    recipe: dict[str, Any]

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, as they may be given, short words included."""
        return (*self.architecture, *self.recipe)


def choices_for(models: Sequence[str]) -> Choices:
    """What can be varied of these presets. Raises `ConfigurationError` when there is no such preset."""
    known = list(dict.fromkeys(key for model in models for key in preset_keys(model)))
    short = [alias for alias, key in ALIASES.items() if key in known]
    widths = [WIDTHS] if any(model.startswith(FAMILY) for model in models) else []
    return Choices((MODEL, *widths, *short, *known), recipe_fields())


def recipe_fields() -> dict[str, Any]:
    """What one word of a recipe's command line can state, with its type."""
    hints = get_type_hints(TrainingConfig)
    plain = {name: hint for name, hint in hints.items() if name not in _FIXED and _is_plain(hint)}
    return plain | {AUGMENT: Literal[AUGMENTATION_NAMES]}


def parse_axes(settings: Sequence[str], model: str) -> tuple[Axis, ...]:
    """`["kernel=3,5", "optimizer=adam,sgd"]` as axes. `model` is the preset unless it is varied itself.

    Raises `ConfigurationError` for an unknown key, naming close ones, for a key or a value given twice, and for a value
    that is not of its field's type.
    """
    if not settings:
        raise ConfigurationError("A sweep needs something to vary: --vary key=value,value.")
    split = [_split(setting) for setting in settings]
    models = next((values for key, values in split if key == MODEL), [model])
    choices = choices_for(models)
    axes: list[Axis] = []
    for key, texts in split:
        if key not in choices.names:
            raise ConfigurationError(f"--vary {key}: {_no_such_key(key, choices)}")
        if any(ALIASES.get(axis.key, axis.key) == ALIASES.get(key, key) for axis in axes):
            raise ConfigurationError(f"--vary gives {key!r} twice.")
        # A field of the recipe has a type; a key of an architecture takes a number where there is one.
        hint = choices.recipe.get(key, int | float | str) if key not in (MODEL, WIDTHS) else str
        values = tuple(_value(key, text, hint) for text in texts)
        if len(set(values)) < len(values):
            raise ConfigurationError(f"--vary {key} has a value twice: {', '.join(texts)}.")
        axes.append(Axis(key, values))
    return tuple(axes)


def _split(setting: str) -> tuple[str, list[str]]:
    key, _, values = setting.partition("=")
    texts = [text.strip() for text in values.split(",")]
    if not key or not all(texts):
        raise ConfigurationError(f"--vary takes key=value,value, not {setting!r}.")
    return key.strip().removeprefix("--").replace("-", "_"), texts


def _no_such_key(key: str, choices: Choices) -> str:
    close = get_close_matches(key.lower(), [name.lower() for name in choices.names], n=3, cutoff=0.5)
    meant = [name for name in choices.names if name.lower() in close]
    hint = f"; did you mean {' or '.join(meant)}?" if meant else "."
    return (
        f"there is no such key{hint} Of the architecture: {', '.join(choices.architecture)}. "
        f"Of the recipe: {', '.join(choices.recipe)}."
    )


def _value(key: str, text: str, hint: Any) -> Value:
    for kind in _kinds(hint):
        if (value := _as(text, kind)) is not _WRONG:
            return value
    raise ConfigurationError(f"--vary {key}: {text!r} is not {_described(hint)}.")


_WRONG: Any = object()


def _as(text: str, kind: Any) -> Any:
    """The text as that kind of value, or `_WRONG`."""
    if get_origin(kind) is Literal:
        return next((choice for choice in get_args(kind) if str(choice) == text), _WRONG)
    if kind is NoneType:
        return None if text.lower() == "none" else _WRONG
    if kind is bool:
        return {"true": True, "false": False}.get(text.lower(), _WRONG)
    try:
        return kind(text)
    except ValueError:
        return _WRONG


def _is_plain(hint: Any) -> bool:
    return all(kind in (bool, int, float, str, NoneType) or get_origin(kind) is Literal for kind in _kinds(hint))


def _kinds(hint: Any) -> list[Any]:
    """The types of which a value may be, the narrowest first, so that 3 is an integer and not a text."""
    kinds = list(get_args(hint)) if get_origin(hint) in (Union, UnionType) else [hint]
    return sorted(
        kinds, key=lambda kind: (NoneType, bool, int, float).index(kind) if kind in (NoneType, bool, int, float) else 9
    )


def _described(hint: Any) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a number", NoneType: "none", str: "a text"}
    return " or ".join(
        f"one of {', '.join(map(str, get_args(kind)))}" if get_origin(kind) is Literal else names[kind]
        for kind in _kinds(hint)
    )
