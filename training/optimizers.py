"""How steps are taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

from training.schedule import learning_rate

if TYPE_CHECKING:
    from training.config import TrainingConfig

MOMENTUM = 0.9


def make_optimizer(config: TrainingConfig, total_steps: int) -> Any:
    """The Keras optimizer that `config` names, for a run of so many steps; it keeps the moving average of the weights.

    Weight decay is decoupled in all of them, with which Adam is AdamW: Loshchilov and Hutter, "Decoupled Weight Decay
    Regularization" (2017).
    """
    common: dict[str, Any] = {
        "learning_rate": learning_rate(config, total_steps),
        "weight_decay": config.weight_decay or None,
    }
    if config.averaging_share:
        horizon = config.averaging_share * total_steps
        common |= {"use_ema": True, "ema_momentum": max(0.0, 1.0 - 1.0 / horizon)}
    match config.optimizer:
        case "adamw":
            return keras.optimizers.AdamW(**common | {"weight_decay": config.weight_decay})
        case "adam":
            return keras.optimizers.Adam(**common)
        case "sgd":
            return keras.optimizers.SGD(**common)
        case "momentum":
            return keras.optimizers.SGD(momentum=MOMENTUM, nesterov=config.nesterov, **common)
        case _:
            return keras.optimizers.RMSprop(**common)
