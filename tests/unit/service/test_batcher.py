"""Waiting work, driven by hand: the time is whatever a test says."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from service.engine.batcher import Batch, Batcher, QueueFullError, Work
from service.engine.repository import Key

A: Key = ("a", 1)
B: Key = ("b", 1)
C: Key = ("b", 2)


def work(
    name: str, pictures: int, key: Key = A, deadline_seconds: float = 100.0, bulk: bool | None = None
) -> Work[Key, str]:
    """Bulk from 4 pictures on, where nothing else is said."""
    return Work(name, key, pictures, 0.0, deadline_seconds, pictures > 3 if bulk is None else bulk)


def batcher(*works: Work[Key, str], max_batch_size: int = 8, queue_limit: int = 1000) -> Batcher[Key, str]:
    made: Batcher[Key, str] = Batcher(max_batch_size, queue_limit)
    for each in works:
        made.add(each)
    return made


def shown(batch: Batch[Key, str] | None) -> list[str]:
    """`["x[0:3]", …]`"""
    assert batch is not None
    assert batch.pictures == sum(part.stop - part.start for part in batch.slices)
    return [f"{part.work.owner}[{part.start}:{part.stop}]" for part in batch.slices]


def all_of(waiting: Batcher[Key, str]) -> list[list[str]]:
    batches = []
    while (batch := waiting.next_batch(0.0)) is not None:
        batches.append(shown(batch))
    return batches


def test_nothing_waits() -> None:
    assert batcher().next_batch(0.0) is None


def test_a_lone_request_goes_at_once_and_alone() -> None:
    waiting = batcher(work("x", 1))
    assert shown(waiting.next_batch(0.0)) == ["x[0:1]"]
    assert waiting.next_batch(0.0) is None


def test_what_waits_goes_together_in_order_of_arrival() -> None:
    assert all_of(batcher(work("x", 1), work("y", 3), work("z", 2))) == [["x[0:1]", "y[0:3]", "z[0:2]"]]


def test_a_batch_is_full_before_another_begins() -> None:
    waiting = batcher(*(work(name, 3) for name in "uvwx"))
    assert all_of(waiting) == [["u[0:3]", "v[0:3]", "w[0:2]"], ["w[2:3]", "x[0:3]"]]


def test_bulk_is_cut_into_slices() -> None:
    waiting = batcher(work("x", 20))
    assert all_of(waiting) == [["x[0:8]"], ["x[8:16]"], ["x[16:20]"]]


def test_small_work_goes_before_bulk_and_bulk_fills_up() -> None:
    waiting = batcher(work("bulk", 10), work("x", 1), work("y", 2))
    assert shown(waiting.next_batch(0.0)) == ["x[0:1]", "y[0:2]", "bulk[0:5]"]


def test_bulk_does_not_starve() -> None:
    waiting = batcher(work("bulk", 16))
    served = []
    for turn in range(6):
        for number in range(4):  # more small work than a batch holds, again and again
            waiting.add(work(f"{turn}.{number}", 3))
        served.append(any(part.startswith("bulk") for part in shown(waiting.next_batch(0.0))))
    assert served[:4] == [False, True, False, True]


def test_small_work_does_not_starve() -> None:
    waiting = batcher()
    for turn in range(6):
        waiting.add(work(f"bulk{turn}", 100))
        waiting.add(work(f"x{turn}", 1))
        first, second = shown(waiting.next_batch(0.0)), shown(waiting.next_batch(0.0))
        assert f"x{turn}[0:1]" in (first + second)


def test_small_work_alone_leaves_bulk_no_debt() -> None:
    waiting = batcher(work("x", 1))
    waiting.next_batch(0.0)
    waiting.add(work("bulk", 10))
    waiting.add(work("y", 1))
    # Small work went first the last time, so now it is the bulk's turn; then small again.
    assert shown(waiting.next_batch(0.0)) == ["bulk[0:8]"]
    assert shown(waiting.next_batch(0.0)) == ["y[0:1]", "bulk[8:10]"]


@pytest.mark.parametrize(("bulk", "first"), [(False, "x[0:8]"), (True, "y[0:1]")])
def test_bulk_is_what_is_called_so_whatever_its_length(bulk: bool, first: str) -> None:
    waiting = batcher(work("x", 8, bulk=bulk), work("y", 1))
    assert shown(waiting.next_batch(0.0))[0] == first


def test_a_gathered_message_longer_than_a_batch_keeps_its_place_among_small_work() -> None:
    waiting = batcher(work("bulk", 8), work("gathered", 10, bulk=False), work("x", 1))
    assert all_of(waiting)[:2] == [["gathered[0:8]"], ["bulk[0:8]"]]
    assert batcher(work("gathered", 10, bulk=False)).next_batch(0.0) is not None


def test_the_queue_is_bounded() -> None:
    waiting = batcher(work("x", 6), queue_limit=10)
    with pytest.raises(QueueFullError):
        waiting.add(work("y", 5))
    assert waiting.waiting_pictures == 6
    waiting.add(work("z", 4))
    assert waiting.waiting_pictures == 10
    waiting.next_batch(0.0)
    assert waiting.waiting_pictures == 2
    waiting.add(work("y", 8))


def test_models_take_turns() -> None:
    waiting = batcher(*(work(f"{key[0]}{key[1]}", 8, key) for key in (A, A, A, B, C, C)))
    turns = [batch[0].partition("[")[0] for batch in all_of(waiting)]
    assert turns == ["a1", "b1", "b2", "a1", "b2", "a1"]


def test_a_batch_holds_one_model() -> None:
    assert all_of(batcher(work("x", 1, A), work("y", 1, B), work("z", 1, A))) == [["x[0:1]", "z[0:1]"], ["y[0:1]"]]


def test_a_model_that_comes_late_waits_one_turn_only() -> None:
    waiting = batcher(work("x", 100, A))
    waiting.next_batch(0.0)
    waiting.add(work("y", 1, B))
    assert "y[0:1]" in shown(waiting.next_batch(0.0)) + shown(waiting.next_batch(0.0))


def test_expired_work_is_dropped_and_handed_back() -> None:
    late, also_late = work("late", 2, deadline_seconds=5.0), work("bulk", 50, B, deadline_seconds=4.0)
    waiting = batcher(late, work("x", 1, deadline_seconds=5.1), also_late)
    assert waiting.drop_expired(3.9) == []
    assert waiting.waiting_pictures == 53
    assert waiting.drop_expired(5.0) == [late, also_late]
    assert waiting.waiting_pictures == 1
    assert waiting.drop_expired(5.0) == []
    assert all_of(waiting) == [["x[0:1]"]]


def test_work_that_has_begun_is_finished() -> None:
    waiting = batcher(work("x", 20, deadline_seconds=1.0))
    waiting.next_batch(0.0)
    assert waiting.drop_expired(2.0) == []
    assert all_of(waiting) == [["x[8:16]"], ["x[16:20]"]]


def test_when_it_was_first_taken() -> None:
    item = work("x", 20)
    waiting = batcher(item)
    for now_seconds in (7.0, 8.0, 9.0):
        waiting.next_batch(now_seconds)
    assert item.first_taken_seconds == 7.0
    assert item.taken == 20


def test_what_is_cancelled_goes_no_further() -> None:
    half, whole, done = work("half", 20), work("whole", 2), work("done", 1)
    waiting = batcher(half)
    waiting.next_batch(0.0)
    waiting.add(whole)
    waiting.cancel(half)
    assert waiting.waiting_pictures == 2
    waiting.cancel(whole)
    assert waiting.waiting_pictures == 0
    waiting.cancel(whole)
    waiting.cancel(done)
    waiting.cancel(work("of a model never seen", 1, C))
    assert waiting.waiting_pictures == 0
    assert waiting.next_batch(0.0) is None


def test_what_waits_is_told() -> None:
    half, small = work("half", 20), work("small", 2, B)
    waiting = batcher(half, small)
    waiting.next_batch(0.0)
    assert set(waiting.waiting()) == {half, small}
    assert waiting.waits_for(A)
    assert waiting.waits_for(B)
    waiting.next_batch(0.0)
    assert set(waiting.waiting()) == {half}
    assert not waiting.waits_for(B)
    assert not waiting.waits_for(C)


def test_a_key_that_is_forgotten_may_come_again() -> None:
    waiting = batcher(work("x", 1))
    waiting.next_batch(0.0)
    waiting.forget(A)
    waiting.forget(C)
    waiting.add(work("y", 1))
    assert all_of(waiting) == [["y[0:1]"]]


sizes = st.lists(st.tuples(st.sampled_from([A, B]), st.integers(1, 30), st.booleans()), max_size=30)


@given(sizes, st.integers(1, 12))
def test_every_picture_is_handed_out_once_and_in_order(
    given_work: list[tuple[Key, int, bool]], max_batch_size: int
) -> None:
    works = [work(str(i), pictures, key, bulk=bulk) for i, (key, pictures, bulk) in enumerate(given_work)]
    waiting = batcher(*works, max_batch_size=max_batch_size)
    left = sum(each.pictures for each in works)
    handed_out: dict[str, list[int]] = {each.owner: [] for each in works}
    finished: dict[tuple[Key, bool], list[int]] = {}
    while (batch := waiting.next_batch(0.0)) is not None:
        assert 1 <= batch.pictures <= max_batch_size
        left -= batch.pictures
        assert waiting.waiting_pictures == left
        for part in batch.slices:
            assert part.work.key == batch.key
            handed_out[part.work.owner] += range(part.start, part.stop)
            if part.stop == part.work.pictures:
                kind = (part.work.key, part.work.bulk)
                finished.setdefault(kind, []).append(int(part.work.owner))
    assert left == 0
    assert handed_out == {each.owner: list(range(each.pictures)) for each in works}
    assert all(order == sorted(order) for order in finished.values())


class AnyOrder(RuleBasedStateMachine):
    """Whatever is done to it, in whatever order, the count of waiting pictures is right and nothing is handed out twice."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: Batcher[Key, int] = Batcher(8, 60)
        self.left: dict[Work[Key, int], int] = {}
        self.now_seconds = 0.0
        self.number = 0

    @rule(
        key=st.sampled_from([A, B]), pictures=st.integers(1, 25), budget_seconds=st.integers(1, 5), bulk=st.booleans()
    )
    def add(self, key: Key, pictures: int, budget_seconds: int, bulk: bool) -> None:
        self.number += 1
        new = Work(self.number, key, pictures, self.now_seconds, self.now_seconds + budget_seconds, bulk)
        full = sum(self.left.values()) + pictures > 60
        if full:
            with pytest.raises(QueueFullError):
                self.waiting.add(new)
        else:
            self.waiting.add(new)
            self.left[new] = pictures

    @rule()
    def take(self) -> None:
        batch = self.waiting.next_batch(self.now_seconds)
        assert (batch is None) == (not self.left)
        for part in batch.slices if batch else ():
            assert part.start == part.work.pictures - self.left[part.work]
            self.left[part.work] -= part.stop - part.start
            assert self.left[part.work] >= 0
            if not self.left[part.work]:
                del self.left[part.work]

    @rule(seconds=st.integers(1, 3))
    def let_time_pass(self, seconds: int) -> None:
        self.now_seconds += seconds
        expired = {w for w in self.left if w.deadline_seconds <= self.now_seconds and self.left[w] == w.pictures}
        assert set(self.waiting.drop_expired(self.now_seconds)) == expired
        for each in expired:
            del self.left[each]

    @precondition(lambda self: self.left)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        chosen = data.draw(st.sampled_from(sorted(self.left, key=lambda w: w.owner)))
        self.waiting.cancel(chosen)
        del self.left[chosen]

    @invariant()
    def the_count_is_right(self) -> None:
        assert self.waiting.waiting_pictures == sum(self.left.values()) <= 60
        assert set(self.waiting.waiting()) == set(self.left)
        assert all(self.waiting.waits_for(key) == any(w.key == key for w in self.left) for key in (A, B))


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=40, stateful_step_count=30)
