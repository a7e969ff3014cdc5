"""The whole run: ours for reference, each peer's best layout, then rounds in which all take turns, in another order each time."""

from __future__ import annotations

import contextlib
import json
import math
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import load, server
from benchmarks.bare import BareError
from benchmarks.chaos import publish_copy
from benchmarks.load import LoadError
from benchmarks.peers import environments, limits
from benchmarks.peers.environments import InstallError
from benchmarks.peers.limits import Limits
from benchmarks.peers.payloads import Bodies, Probabilities, WrongAnswerError, probabilities_of
from benchmarks.peers.registry import Layout, Peer, Start
from benchmarks.peers.serving import Serving, serving
from benchmarks.peers.turn import LOADS, OPEN_SHARES, OURS, Length, Load, Turn, measure
from benchmarks.server import ServerError, free_port

NEW_VERSION_SECONDS = 60.0
_POLL_SECONDS = 0.005


@dataclass(frozen=True)
class Plan:
    """What to run. `layouts`: given for a peer, it is not tried out. `settings`: of our service, by environment variable.
    `litert`: the peers' applications run the model in LiteRT, as our engine does, and not in TensorFlow.
    """

    models_dir: Path
    peers: tuple[Peer, ...]
    model: str = "cnn"
    rounds: int = 3
    length: Length = field(default_factory=lambda: Length(3.0, 3.0))
    trial_seconds: float = 2.0
    trial_connections: tuple[int, ...] = (8, 32, 128)
    loads: tuple[Load, ...] = LOADS
    shares: tuple[float, ...] = OPEN_SHARES
    layouts: Mapping[str, Layout] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    litert: bool = False
    minutes: float = 35.0


@dataclass
class Contest:
    """What was found.

    `limits`: of each round, None where they could not be measured. `trials`: requests/s by peer, layout and connections.
    `absent`: who takes no part, and why.
    """

    rounds: list[list[Turn]] = field(default_factory=list)
    limits: list[Limits | None] = field(default_factory=list)
    layouts: dict[str, Layout] = field(default_factory=dict)
    trials: dict[str, dict[str, dict[int, float]]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    cut_short: bool = False


@dataclass(frozen=True)
class Course:
    """What a run works with: the plan, where the bodies lie, the copy of the model that ours serves, whom to tell.

    `say` hears what is being done; `done` how many seconds of the estimate are behind.
    """

    plan: Plan
    bodies: Mapping[str, Bodies]
    models_dir: Path
    say: Callable[[str], None]
    done: Callable[[float], None]

    @property
    def model_dir(self) -> Path:
        """Of the version that all serve."""
        versions = [path for path in (self.models_dir / self.plan.model).iterdir() if path.name.isdigit()]
        return min(versions, key=lambda path: int(path.name))


_START_SECONDS = 12.0
_LIMITS_SECONDS = 32.0


def trial_estimate(plan: Plan) -> float:
    """Seconds that trying one layout out takes."""
    return _START_SECONDS + 1 + len(plan.trial_connections) * plan.trial_seconds


def turn_estimate(plan: Plan) -> float:
    """Seconds that a turn takes, roughly."""
    closed = len(plan.loads) * (plan.length.closed_seconds + 0.5)
    return _START_SECONDS + 1 + closed + len(plan.shares) * (plan.length.open_seconds + 1)


def limits_estimate(plan: Plan) -> float:
    """Seconds that a round's limits take."""
    return _LIMITS_SECONDS + 5 * plan.length.closed_seconds


def estimate(plan: Plan) -> float:
    """Seconds for everything but installing."""
    tried = sum(len(peer.layouts) for peer in plan.peers if peer.name not in plan.layouts)
    trials = tried * trial_estimate(plan)
    return trials + plan.rounds * (limits_estimate(plan) + (1 + len(plan.peers)) * turn_estimate(plan))


def run(course: Course, contest: Contest) -> None:
    """Into `contest`, so that what was measured is there even when this is interrupted. Blocks.

    :raise ServerError: our own service does not start or answer; a peer's failure is noted instead.
    """
    plan = course.plan
    ends = time.monotonic() + 60 * plan.minutes
    present = [peer for peer in plan.peers if _is_installed(peer, course, contest)]
    course.say("asking ours for the right answers")
    with ours(course) as running:
        expected = {kind: probabilities_of(running.answer(body)) for kind, body in running.bodies.items()}
    for peer in present:
        if peer.name in plan.layouts:
            contest.layouts[peer.name] = plan.layouts[peer.name]
        else:
            _try_layouts(peer, course, contest, expected)
    for number in range(1, plan.rounds + 1):
        turns: list[Turn] = []
        contest.rounds.append(turns)
        # Whoever goes first may find the machine in another state; so nobody always does.
        order: list[Peer | None] = [None, *(peer for peer in present if peer.name in contest.layouts)]
        random.Random(number).shuffle(order)
        for whose in order:
            if time.monotonic() > ends:
                contest.cut_short = True
                return
            turns.append(_turn(whose, course, contest, expected, number))
            course.done(turn_estimate(plan))
        contest.limits.append(_limits(course, contest, number))
        course.done(limits_estimate(plan))


@contextlib.contextmanager
def ours(course: Course) -> Iterator[Serving]:
    """Our service as `make serve` starts it, with the copied model alone."""
    environment = {"DIGITS_MODELS_DIR": str(course.models_dir), "DIGITS_DEFAULT_MODEL": course.plan.model}
    started = time.monotonic()
    with server.running({**environment, **course.plan.settings}) as found:
        running = Serving(OURS, found.port, "/predict", found.pid, 0.0, course.bodies["ours"])
        running.answer(running.bodies["png"])
        seconds = time.monotonic() - started
        yield Serving(OURS, found.port, "/predict", found.pid, seconds, course.bodies["ours"], found.ready_seconds)


@contextlib.contextmanager
def theirs(peer: Peer, layout: Layout, course: Course) -> Iterator[Serving]:
    """A peer with its application.

    :raise ServerError: it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="peer-", ignore_cleanup_errors=True) as folder:
        start = Start(environments.python_of(peer.name), free_port(), layout, Path(folder))
        environment = {**peer.environment_for(start, course.model_dir), "PEER_LITERT": str(int(course.plan.litert))}
        command = peer.command(start)
        with serving(peer.name, command, environment, start.port, peer.path, course.bodies[peer.speaks]) as running:
            yield running


def _saying(course: Course, who: str) -> Callable[[str], None]:
    return lambda what: course.say(f"{who}: {what}")


def _limits(course: Course, contest: Contest, number: int) -> Limits | None:
    seconds = course.plan.length.closed_seconds
    say = _saying(course, f"round {number}")
    try:
        return limits.measure(course.model_dir, course.bodies["ours"], seconds, say)
    except (BareError, ServerError, LoadError) as error:
        contest.absent[f"limits of round {number}"] = str(error)
        return None


def _is_installed(peer: Peer, course: Course, contest: Contest) -> bool:
    try:
        environments.install(peer.name, course.say)
    except InstallError as error:
        contest.absent[peer.name] = f"cannot be installed: {error}"
        return False
    return True


def _try_layouts(peer: Peer, course: Course, contest: Contest, expected: Mapping[str, Probabilities]) -> None:
    """The layout with the largest product of requests/s over the trial's connections wins."""
    plan = course.plan
    found: dict[Layout, float] = {}
    problems = []
    for layout in peer.layouts:
        course.say(f"{peer.title}, tried with {layout}")
        try:
            with theirs(peer, layout, course) as running:
                running.check("png", expected)
                body = running.bodies["png"]
                load.run(running.port, body, 8, 1, running.path)
                rates = {
                    count: load.run(running.port, body, count, plan.trial_seconds, running.path).requests_per_second
                    for count in plan.trial_connections
                }
            contest.trials.setdefault(peer.name, {})[str(layout)] = rates
            found[layout] = math.prod(rates.values())
        except (ServerError, LoadError, WrongAnswerError) as error:
            problems.append(f"{layout}: {error}")
        course.done(trial_estimate(plan))
    if found:
        contest.layouts[peer.name] = max(found, key=lambda layout: found[layout])
    else:
        contest.absent[peer.name] = "does not run: " + "; ".join(problems)


def _turn(
    peer: Peer | None, course: Course, contest: Contest, expected: Mapping[str, Probabilities], number: int
) -> Turn:
    plan = course.plan
    name = peer.name if peer else OURS
    say = _saying(course, f"round {number} of {plan.rounds}, {peer.title if peer else 'ours'}")
    say("starting")
    layout = contest.layouts[peer.name] if peer else None
    turn = Turn(name, str(layout) if layout else "as it is")
    try:
        with theirs(peer, layout, course) if peer and layout else ours(course) as running:
            turn.first_answer_seconds = running.first_answer_seconds
            turn.ready_seconds = running.ready_seconds
            measure(turn, running, plan.loads, plan.shares, plan.length, expected, say, seed=number)
            if peer is None:
                say("a new version")
                turn.new_version_seconds = _new_version(running, course)
    except (ServerError, LoadError, WrongAnswerError) as error:
        if peer is None and not turn.loads:
            raise
        turn.failures["start" if not turn.loads else "end"] = str(error)
    return turn


def _new_version(running: Serving, course: Course) -> float:
    """Seconds from a version's being there to the first answer from it; it is taken away again afterwards.

    :raise WrongAnswerError: none came.
    """
    newest = course.model_dir
    version = int(newest.name) + 1
    publish_copy(newest, version)
    published = time.monotonic()
    try:
        while json.loads(running.answer(running.bodies["png"]))["version"] != version:
            if time.monotonic() - published > NEW_VERSION_SECONDS:
                raise WrongAnswerError(f"version {version} did not answer within {NEW_VERSION_SECONDS:.0f} s")
            time.sleep(_POLL_SECONDS)
        return time.monotonic() - published
    finally:
        shutil.rmtree(newest.parent / str(version))
