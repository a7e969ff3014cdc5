"""The learning rate over a run, by name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.config import SCHEDULES, TrainingConfig
from training.optimizers import make_optimizer
from training.schedule import OneCycle, learning_rate

CONFIG = TrainingConfig(model="cnn", learning_rate=2.0)


def rates(schedule: str, steps: int = 100) -> np.ndarray:
    made = learning_rate(replace(CONFIG, schedule=schedule), steps)
    return np.array([float(made(step)) if callable(made) else made for step in range(steps + 1)])


def test_one_cycle() -> None:
    schedule = OneCycle(peak=2.0, total_steps=1000, warmup_share=0.2)
    found = np.array([float(schedule(step)) for step in range(0, 1001, 10)])
    assert found[0] == pytest.approx(2.0 / 50)
    assert found.argmax() == 20
    assert found.max() == pytest.approx(2.0)
    assert found[60] == pytest.approx(1.0, rel=1e-3)  # half of the descent
    assert found[-1] == pytest.approx(2.0 / 1000)
    assert (np.diff(found[:21]) >= 0).all()
    assert (np.diff(found[20:]) <= 0).all()
    assert OneCycle(**schedule.get_config())(300).numpy() == schedule(300).numpy()


def test_constant() -> None:
    assert set(rates("constant").tolist()) == {2.0}


def test_cosine() -> None:
    found = rates("cosine")
    assert found[[0, 50, 100]] == pytest.approx([2.0, 1.0, 0.0], abs=1e-6)
    assert found[25] == pytest.approx(1 + np.cos(np.pi / 4))


def test_step() -> None:
    found = rates("step")
    assert found[[0, 49, 50, 74, 75, 99]] == pytest.approx([2.0, 2.0, 0.2, 0.2, 0.02, 0.02])


def test_exponential() -> None:
    found = rates("exponential")
    assert found[[0, 50, 100]] == pytest.approx([2.0, 0.2, 0.02], rel=1e-4)
    assert found[1:] / found[:-1] == pytest.approx(np.full(100, 0.01 ** (1 / 100)), rel=1e-4)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_shortest_runs_have_a_rate(schedule: str, steps: int) -> None:
    assert np.isfinite(rates(schedule, steps)).all()
    assert rates(schedule, steps)[0] > 0


def test_the_moving_average_is_there_when_asked_for() -> None:
    assert make_optimizer(replace(CONFIG, averaging_share=0.1), 100).ema_momentum == pytest.approx(0.9)
    assert not make_optimizer(replace(CONFIG, averaging_share=0.0), 100).use_ema


def test_nesterov() -> None:
    config = replace(CONFIG, optimizer="momentum", nesterov=True)
    made = make_optimizer(config, 10)
    assert (made.momentum, made.nesterov) == (0.9, True)
    assert not make_optimizer(replace(config, nesterov=False), 10).nesterov
    assert make_optimizer(replace(CONFIG, optimizer="sgd"), 10).momentum == 0
