"""Calls of other signatures, between batches of predictions."""

from __future__ import annotations

import pytest

from service.engine.batcher import QueueFullError
from service.engine.runs import BATCHES_BEFORE, Call, Runs


def call(ident: int, target: str = "cnn", deadline_seconds: float = 100.0, peer: bytes = b"w") -> Call[str]:
    return Call(peer, ident, target, "saliency", {}, (), 1, 0.0, deadline_seconds)


def ident(found: Call[str] | None) -> int | None:
    return found.id if found else None


def test_a_call_goes_at_once_when_no_batch_waits() -> None:
    runs: Runs[str] = Runs(4)
    assert runs.next_call(batch_waits=False) is None
    runs.add(call(1))
    runs.add(call(2))
    assert [ident(runs.next_call(batch_waits=False)) for _ in range(3)] == [1, 2, None]


def test_a_call_waits_for_so_many_batches_and_no_longer() -> None:
    runs: Runs[str] = Runs(4)
    runs.batch_has_gone()  # before it came
    runs.add(call(1))
    for _ in range(BATCHES_BEFORE):
        assert runs.next_call(batch_waits=True) is None
        runs.batch_has_gone()
    assert ident(runs.next_call(batch_waits=True)) == 1


def test_calls_that_are_due_let_a_batch_go_between_them() -> None:
    runs: Runs[str] = Runs(4)
    for number in (1, 2, 3):
        runs.add(call(number))
    for _ in range(BATCHES_BEFORE):
        runs.batch_has_gone()
    order = []
    for _ in range(6):
        found = ident(runs.next_call(batch_waits=True))
        order.append(found)
        if found is None:
            runs.batch_has_gone()
    assert order == [1, None, 2, None, 3, None]


def test_the_queue_is_bounded() -> None:
    runs: Runs[str] = Runs(2)
    runs.add(call(1))
    runs.add(call(2))
    with pytest.raises(QueueFullError):
        runs.add(call(3))
    assert len(runs) == 2
    runs.next_call(batch_waits=False)
    runs.add(call(3))


def test_expired_calls_are_dropped_and_handed_back() -> None:
    runs: Runs[str] = Runs(4)
    for number, deadline_seconds in ((1, 5.0), (2, 5.1), (3, 4.0)):
        runs.add(call(number, deadline_seconds=deadline_seconds))
    assert runs.drop_expired(3.9) == []
    assert [c.id for c in runs.drop_expired(5.0)] == [1, 3]
    assert ident(runs.next_call(batch_waits=False)) == 2
    assert not runs


def test_a_call_that_nobody_wants_any_more_is_taken_out() -> None:
    runs: Runs[str] = Runs(4)
    runs.add(call(1))
    runs.add(call(1, peer=b"another"))
    assert runs.cancel(b"w", 2) is None
    cancelled = runs.cancel(b"w", 1)
    assert cancelled is not None
    assert cancelled.peer == b"w"
    assert runs.cancel(b"w", 1) is None
    assert len(runs) == 1


def test_what_is_waited_for() -> None:
    runs: Runs[str] = Runs(4)
    runs.add(call(1, "cnn"))
    assert runs.waits_for("cnn")
    assert not runs.waits_for("mlp")
    runs.next_call(batch_waits=False)
    assert not runs.waits_for("cnn")


def test_calls_held_back_go_when_their_target_is_released() -> None:
    runs: Runs[str] = Runs(4)
    assert [runs.hold(call(1, "cnn")), runs.hold(call(2, "cnn")), runs.hold(call(3, "mlp"))] == [True, False, True]
    assert not runs
    assert runs.holds
    assert runs.next_call(batch_waits=False) is None
    assert runs.waits_for("cnn")
    assert [found.id for found in runs.release("cnn")] == [1, 2]
    assert not runs.waits_for("cnn")
    assert runs.waits_for("mlp")
    assert runs.release("cnn") == []


def test_calls_held_back_are_bounded_cancelled_and_dropped_like_the_others() -> None:
    runs: Runs[str] = Runs(3)
    runs.add(call(1))
    runs.hold(call(2, "mlp", deadline_seconds=5.0))
    runs.hold(call(3, "mlp"))
    with pytest.raises(QueueFullError):
        runs.hold(call(4))
    with pytest.raises(QueueFullError):
        runs.add(call(4))
    assert len(runs) == 3
    assert ident(runs.cancel(b"w", 3)) == 3
    assert [found.id for found in runs.drop_expired(5.0)] == [2]
    assert len(runs) == 1
    assert not runs.holds
