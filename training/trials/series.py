"""Many trials, one after the other or several at once: what has finished is kept, and what is kept is not run again."""

from __future__ import annotations

import os
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING

from rich.console import Console

from training.errors import TrainingError
from training.provenance import git_commit, libraries
from training.trials.pace import Pace, duration
from training.trials.result import Outcome, TrialResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from training.trials.store import Store
    from training.trials.trial import Pictures, Trial


def run_series(
    trials: Sequence[Trial],
    pictures: Pictures,
    store: Store,
    console: Console,
    *,
    jobs: int = 1,
    fresh: bool = False,
) -> list[Outcome]:
    """What came of each trial, in their order.

    Takes as long as the trials together, `jobs` of them side by side in processes of their own. Each outcome is in `store`
    before the next trial begins, so an interrupt costs what is under way; `fresh` runs even what is there. Raises
    `ConfigurationError` when the store cannot be written, and `TrainingError` when one of those processes dies.
    """
    store.require_place()
    identities = [trial.identity(pictures) for trial in trials]
    costs = [trial.cost(pictures) for trial in trials]
    outcomes: dict[int, Outcome] = {}
    pace = Pace(jobs)
    for at, identity in enumerate(identities):
        if not fresh and (kept := store.get(identity)) is not None:
            outcomes[at] = kept
            _count_in(pace, costs[at], kept)
    if outcomes:
        _say(console, f"{len(outcomes)} of {len(trials)} have finished before; they are in {store.directory}")
    waiting = [at for at in range(len(trials)) if at not in outcomes]
    if waiting:
        _say(console, f"{len(waiting)} to fit" + (f", {jobs} side by side" if jobs > 1 else ""))
    made_by = {"libraries": libraries(), "git_commit": git_commit()} if waiting else {}
    try:
        for at, outcome in _outcomes(trials, waiting, pictures, console, jobs):
            outcomes[at] = outcome
            store.put(identities[at], outcome, made_by)
            _count_in(pace, costs[at], outcome)
            cost_left = sum(costs[other] for other in waiting if other not in outcomes)
            _say(console, _line(trials[at], outcome, len(outcomes), len(trials), pace.seconds_left(cost_left)))
    except KeyboardInterrupt:
        _say(
            console,
            f"\n{len(outcomes)} of {len(trials)} are kept in {store.directory}; the same command goes on from there",
        )
        raise
    return [outcomes[at] for at in range(len(trials))]


def _outcomes(
    trials: Sequence[Trial], waiting: Sequence[int], pictures: Pictures, console: Console, jobs: int
) -> Iterator[tuple[int, Outcome]]:
    if not waiting:
        return
    if jobs > 1:
        yield from _side_by_side(trials, waiting, pictures, jobs)
        return
    from training.trials.run import run_trial

    # A bar is for a terminal; in a log the line for each trial is enough.
    inner = console if console.is_terminal else Console(quiet=True)
    for at in waiting:
        if console.is_terminal:
            _say(console, trials[at].title)
        yield at, run_trial(trials[at], pictures, inner)


def _side_by_side(
    trials: Sequence[Trial], waiting: Sequence[int], pictures: Pictures, jobs: int
) -> Iterator[tuple[int, Outcome]]:
    from joblib import Parallel, delayed
    from joblib.externals.loky import get_reusable_executor

    from training.trials.worker import work

    threads = max(1, (os.cpu_count() or 1) // jobs)
    # It hands large arrays over as files in memory, and notices when a process dies.
    pool = Parallel(n_jobs=jobs, return_as="generator_unordered", pre_dispatch="all")
    try:
        yield from pool(delayed(work)(at, trials[at], pictures, threads) for at in waiting)
    except BrokenProcessPool:
        raise TrainingError(
            "A process ended in the middle of its fit, perhaps for want of memory: try fewer --jobs. What has finished "
            "is kept; the same command goes on from there."
        ) from None
    finally:
        # It would keep its processes for later, and after Ctrl-C let them come to the end of their fits.
        get_reusable_executor().shutdown(wait=True, kill_workers=True)


def _count_in(pace: Pace, cost: float, outcome: Outcome) -> None:
    if isinstance(outcome, TrialResult):
        pace.add(cost, outcome.seconds)


def _line(trial: Trial, outcome: Outcome, done: int, of: int, seconds_left: float | None) -> str:
    if isinstance(outcome, TrialResult):
        what = f"loss {outcome.loss:.4f}  accuracy {outcome.accuracy:.2%}  {duration(outcome.seconds)}"
    else:
        what = f"no result: {outcome.reason}"
    left = f"  left: {duration(seconds_left)}" if done < of and seconds_left is not None else ""
    return f"{done}/{of}  {trial.title}  {what}{left}"


def _say(console: Console, line: str) -> None:
    console.print(line, highlight=False, markup=False, soft_wrap=True)
