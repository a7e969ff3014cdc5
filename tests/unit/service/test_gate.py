"""Who is let through, who is not and what they are told; with a clock that is moved by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs
from structlog.typing import EventDict

from service import settings as service_settings
from service.api_keys import ApiKey, Scope, digest, table
from service.errors import ForbiddenError, NotReadyError, RateLimitedError, ServiceError, UnauthorizedError
from service.gate import LOOK_SECONDS, Gate, TokenBucket, check
from service.settings import SettingsError

HERE, ELSEWHERE = "127.0.0.1", "203.0.113.9"
PREDICTS = ApiKey("scanner", digest(b"predict-key"), ("predict",))
ADMINISTERS = ApiKey("ops", digest(b"admin-key"), ("admin",))
LIMITED = ApiKey("limited", digest(b"limited-key"), ("predict", "admin"), 2.0, 4.0)
UNKNOWN = "this API key is not known"

MakeGate = Callable[..., Gate]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys_file(tmp_path: Path) -> Path:
    path = tmp_path / "keys.toml"
    write(path, PREDICTS, ADMINISTERS, LIMITED)
    return path


@pytest.fixture
def make_gate(keys_file: Path, clock: Clock) -> MakeGate:
    def make(workers: int = 1) -> Gate:
        return Gate(service_settings.load(api_keys_file=keys_file, workers=workers), clock)

    return make


@pytest.fixture
def gate(make_gate: MakeGate) -> Gate:
    return make_gate()


@pytest.fixture
def logged() -> Iterator[list[EventDict]]:
    with capture_logs() as entries:
        yield entries


def write(path: Path, *keys: ApiKey) -> None:
    path.write_text("".join(map(table, keys)))
    path.chmod(0o600)


def bearer(key: str) -> dict[bytes, bytes]:
    return {b"authorization": f"Bearer {key}".encode()}


def refused(gate: Gate, headers: dict[bytes, bytes], scope: Scope = "predict", host: str | None = HERE) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        gate.admit(scope, headers, host)
    return caught.value


def events(logged: list[EventDict]) -> list[str]:
    return [entry["event"] for entry in logged]


def test_without_a_file_anyone_predicts() -> None:
    gate = Gate(service_settings.load())
    assert gate.is_open
    assert gate.admit("predict", {}, ELSEWHERE) is None
    assert gate.admit("predict", bearer("whatever"), None) is None


def test_without_a_file_this_machine_administers_and_nobody_else() -> None:
    gate = Gate(service_settings.load())
    assert gate.admit("admin", {b"host": b"localhost:8000"}, HERE) is None
    for headers, host in (({}, ELSEWHERE), ({}, None), ({b"x-forwarded-for": b"127.0.0.1"}, HERE)):
        error = refused(gate, headers, "admin", host)
        assert isinstance(error, ForbiddenError)
        assert "name a file of keys in DIGITS_API_KEYS_FILE" in error.message


@pytest.mark.parametrize(
    "headers",
    [
        {b"authorization": b"Bearer predict-key"},
        {b"authorization": b"bearer   predict-key "},
        {b"x-api-key": b"predict-key"},
        {b"x-api-key": b" predict-key "},
        {b"x-api-key": b"predict-key", b"authorization": b"Basic dXNlcjpwYXNz"},
        {b"x-api-key": b"predict-key", b"authorization": b"Bearer a proxy's own"},
        {b"x-api-key": b"", b"authorization": b"Bearer predict-key"},
    ],
)
def test_a_key_opens(gate: Gate, headers: dict[bytes, bytes]) -> None:
    assert not gate.is_open
    assert gate.admit("predict", headers, ELSEWHERE) == "scanner"


@pytest.mark.parametrize(
    "headers",
    [{}, {b"authorization": b""}, {b"authorization": b"Bearer"}, {b"authorization": b"Bearer "}, {b"x-api-key": b" "},
     {b"authorization": b"Basic cHJlZGljdC1rZXk="}, {b"authorization": b"predict-key"}],
)  # fmt: skip
@pytest.mark.parametrize("scope", ["predict", "admin"])
def test_no_key(gate: Gate, headers: dict[bytes, bytes], scope: Scope) -> None:
    error = refused(gate, headers, scope)
    assert (type(error), error.message) == (
        UnauthorizedError,
        "an API key is needed, as `Authorization: Bearer …` or `X-API-Key: …`",
    )


@pytest.mark.parametrize(
    "presented",
    ["predict-ke", "predict-key2", "PREDICT-KEY", digest(b"predict-key"), "scanner", "\xff\x00", "x" * 9999],
)
def test_an_unknown_key(gate: Gate, presented: str) -> None:
    error = refused(gate, {b"x-api-key": presented.encode("latin-1")})
    assert (type(error), error.message) == (UnauthorizedError, UNKNOWN)


@pytest.mark.parametrize(
    ("key", "scope", "message"),
    [
        ("predict-key", "admin", "the API key 'scanner' may not administer"),
        ("admin-key", "predict", "the API key 'ops' may not predict"),
    ],
)
def test_a_key_for_something_else(gate: Gate, key: str, scope: Scope, message: str) -> None:
    error = refused(gate, bearer(key), scope)
    assert (type(error), error.message) == (ForbiddenError, message)


def test_with_keys_being_on_this_machine_opens_nothing(gate: Gate) -> None:
    assert isinstance(refused(gate, {b"host": b"localhost"}, "admin", HERE), UnauthorizedError)


def test_every_key_is_compared_whichever_fits(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def noting(one: str, other: str) -> bool:
        compared.append(one)
        return one == other

    monkeypatch.setattr("service.gate.hmac.compare_digest", noting)
    gate.admit("predict", bearer("predict-key"), HERE)
    gate.admit("admin", bearer("limited-key"), HERE)
    refused(gate, bearer("unknown"))
    assert compared == [PREDICTS.sha256, ADMINISTERS.sha256, LIMITED.sha256] * 3


def test_a_key_at_its_rate(gate: Gate, clock: Clock) -> None:
    for _ in range(4):
        assert gate.admit("predict", bearer("limited-key"), HERE) == "limited"
    error = refused(gate, bearer("limited-key"))
    assert (type(error), error.message) == (RateLimitedError, "the API key 'limited' may be used 2 times a second")
    assert error.retry_after_seconds == 1
    assert gate.admit("predict", bearer("predict-key"), HERE) == "scanner"
    clock.now += 0.5
    assert gate.admit("admin", bearer("limited-key"), HERE) == "limited"
    assert isinstance(refused(gate, bearer("limited-key")), RateLimitedError)


def test_what_is_refused_costs_no_token(gate: Gate, keys_file: Path, clock: Clock) -> None:
    write(keys_file, ApiKey("limited", digest(b"limited-key"), ("predict",), 1.0))
    clock.now += LOOK_SECONDS
    for _ in range(3):
        assert isinstance(refused(gate, bearer("limited-key"), "admin"), ForbiddenError)
    assert gate.admit("predict", bearer("limited-key"), HERE) == "limited"


def test_workers_share_a_keys_rate(make_gate: MakeGate, clock: Clock) -> None:
    gates = [make_gate(workers=2) for _ in range(2)]
    admitted = 0
    for gate in gates:
        for _ in range(2):
            assert gate.admit("predict", bearer("limited-key"), HERE) == "limited"
            admitted += 1
        assert refused(gate, bearer("limited-key")).retry_after_seconds == 1
    assert admitted == LIMITED.burst
    clock.now += 1
    for gate in gates:
        gate.admit("predict", bearer("limited-key"), HERE)
        refused(gate, bearer("limited-key"))


def test_of_many_workers_each_lets_one_through(make_gate: MakeGate) -> None:
    gate = make_gate(workers=64)
    assert gate.admit("predict", bearer("limited-key"), HERE) == "limited"
    assert refused(gate, bearer("limited-key")).retry_after_seconds == 32


def test_a_new_key_is_found_and_an_old_one_gone(gate: Gate, keys_file: Path, clock: Clock) -> None:
    write(keys_file, ADMINISTERS, ApiKey("new", digest(b"new-key"), ("predict",)))
    assert gate.admit("predict", bearer("predict-key"), HERE) == "scanner"  # it has not looked again yet
    clock.now += LOOK_SECONDS
    assert gate.admit("predict", bearer("new-key"), HERE) == "new"
    assert refused(gate, bearer("predict-key")).message == UNKNOWN


def test_a_file_that_is_replaced_is_read_again(gate: Gate, keys_file: Path, clock: Clock, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    write(other, ApiKey("renamed", digest(b"predict-key"), ("predict",)))
    other.replace(keys_file)
    clock.now += LOOK_SECONDS
    assert gate.admit("predict", bearer("predict-key"), HERE) == "renamed"


def test_reading_again_fills_no_bucket(gate: Gate, keys_file: Path, clock: Clock) -> None:
    for _ in range(4):
        gate.admit("predict", bearer("limited-key"), HERE)
    write(keys_file, LIMITED)
    clock.now += LOOK_SECONDS  # in which two tokens come
    for _ in range(2):
        gate.admit("predict", bearer("limited-key"), HERE)
    assert isinstance(refused(gate, bearer("limited-key")), RateLimitedError)


@pytest.mark.parametrize("broken", ["[[key]", "", None])
def test_a_file_that_breaks_changes_nothing_and_is_logged_once(
    gate: Gate, keys_file: Path, clock: Clock, broken: str | None, logged: list[EventDict]
) -> None:
    if broken is None:
        keys_file.unlink()
    else:
        keys_file.write_text(broken)
    for _ in range(3):
        clock.now += LOOK_SECONDS
        assert gate.admit("predict", bearer("predict-key"), HERE) == "scanner"
    assert events(logged) == ["api_keys_refused"]
    assert logged[0]["log_level"] == "error"
    assert str(keys_file) in logged[0]["reason"]
    write(keys_file, ADMINISTERS)
    clock.now += LOOK_SECONDS
    assert refused(gate, bearer("predict-key")).message == UNKNOWN


def test_a_gate_that_never_had_keys_stays_shut_until_it_has(
    make_gate: MakeGate, keys_file: Path, clock: Clock, logged: list[EventDict]
) -> None:
    keys_file.write_text("broken")
    gate = make_gate()
    assert events(logged) == ["api_keys_refused"]
    error = refused(gate, bearer("predict-key"))
    assert (type(error), error.message) == (NotReadyError, "the service cannot read its API keys")
    assert error.retry_after_seconds == 1
    assert not gate.is_open
    write(keys_file, PREDICTS)
    clock.now += LOOK_SECONDS
    assert gate.admit("predict", bearer("predict-key"), HERE) == "scanner"


def test_the_file_is_looked_at_once_a_second_at_most(gate: Gate, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    look = Path.stat

    def counted(self: Path, *, follow_symlinks: bool = True) -> object:
        nonlocal looks
        looks += 1
        return look(self, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", counted)
    for _ in range(40):
        clock.now += LOOK_SECONDS / 8
        gate.admit("predict", bearer("predict-key"), HERE)
    assert looks == 5


@pytest.mark.parametrize(("mode", "exposed"), [(0o600, False), (0o640, False), (0o644, True), (0o620, True)])
def test_a_file_that_others_may_read_or_change_is_warned_of(
    make_gate: MakeGate, keys_file: Path, mode: int, exposed: bool, logged: list[EventDict]
) -> None:
    keys_file.chmod(mode)
    make_gate()
    assert events(logged) == (["api_keys_exposed"] if exposed else []) + ["api_keys_read"]
    if exposed:
        assert (logged[0]["log_level"], logged[0]["mode"]) == ("warning", f"{mode:04o}")


def test_no_log_line_holds_a_hash(make_gate: MakeGate, logged: list[EventDict]) -> None:
    make_gate()
    assert PREDICTS.sha256 not in str(logged)
    assert "keys=3" in " ".join(f"{name}={value}" for name, value in logged[-1].items())


def test_a_start_with_a_file_that_cannot_be_used_is_stopped(keys_file: Path) -> None:
    check(service_settings.load())
    settings = service_settings.load(api_keys_file=keys_file)
    check(settings)
    keys_file.write_text("[[key]]\n")
    with pytest.raises(SettingsError, match="DIGITS_API_KEYS_FILE: .* missing required field `name`"):
        check(settings)


@given(
    st.floats(0.01, 1000),
    st.floats(0.01, 1000),
    st.lists(st.floats(0, 100), min_size=1, max_size=60),
)
def test_a_bucket_never_gives_more_than_its_size_and_its_rate(rate: float, size: float, pauses: list[float]) -> None:
    bucket = TokenBucket(rate, size, 0.0)
    now, taken = 0.0, 0
    for pause in pauses:
        now += pause
        wait = bucket.take(now)
        taken += wait == 0
        assert wait >= 0
        assert math.isfinite(wait)
    assert taken <= max(1.0, size) + rate * now + 1e-6


@given(st.floats(0.01, 1000), st.integers(1, 50))
def test_whoever_waits_as_told_is_served(rate: float, size: int) -> None:
    bucket = TokenBucket(rate, size, 0.0)
    for _ in range(size):
        assert bucket.take(0.0) == 0
    wait = bucket.take(0.0)
    assert wait == pytest.approx(1 / rate)
    assert bucket.take(wait * (1 + 1e-9)) == 0
