"""Heavy work: few pieces at a time, behind the loop's back."""

from __future__ import annotations

import asyncio
import os
import sys
import threading

import pytest

from service.heavy import HeavyWork


def test_as_many_at_once_as_there_are_threads_and_no_more() -> None:
    meeting = threading.Barrier(2)
    running, most = [0], [0]
    lock = threading.Lock()

    def piece(number: int) -> int:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        meeting.wait(20)  # only passes when two run side by side
        with lock:
            running[0] -= 1
        return number

    async def run() -> list[int]:
        heavy = HeavyWork(2)
        return await asyncio.gather(*(heavy.do(piece, number) for number in range(6)))

    assert asyncio.run(run()) == list(range(6))
    assert most[0] == 2


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread has no priority of its own")
def test_its_threads_stand_back_and_the_loop_does_not() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    mine = niceness()
    assert asyncio.run(HeavyWork(1).do(niceness)) == max(mine, 5)
    assert niceness() == mine


def test_a_failure_reaches_the_one_who_asked() -> None:
    with pytest.raises(ZeroDivisionError):
        asyncio.run(HeavyWork(1).do(lambda: 1 // 0))


def test_a_thread_that_may_wait_gets_the_result_of_one_of_the_heavy_threads() -> None:
    heavy = HeavyWork(1)
    name = heavy.wait_for(lambda suffix: threading.current_thread().name + suffix, "!")
    assert name.startswith("heavy")
    assert name.endswith("!")
    with pytest.raises(ZeroDivisionError):
        heavy.wait_for(lambda: 1 // 0)
