"""Who may ask for what: API keys for prediction and administration, each key at its own rate.

    no keys file   anyone predicts; only programs on this machine administer
    a keys file    both need a key with the scope

The file is read again when it changes. One that cannot be used then changes nothing: the keys that were good stay good.
"""

from __future__ import annotations

import hmac
import math
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from service import logs
from service.api_keys import ApiKey, Scope, digest, read_keys
from service.errors import ForbiddenError, NotReadyError, RateLimitedError, UnauthorizedError
from service.loopback import is_local
from service.settings import PREFIX, Settings, SettingsError

log = logs.get(__name__)

LOOK_SECONDS = 1.0
"""How often the keys file is looked at, at most."""
_OTHERS_MAY = 0o026
"""Read or write for everyone, write for the group."""
_DOES = {"predict": "predict", "admin": "administer"}


class Gate:
    """One per worker. Safe to use from several threads; reads a small file now and then, and never waits otherwise."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        """A keys file that cannot be read closes the gate until it can be; to stop a start instead, ask `check` first."""
        self._workers = settings.worker_count
        self._clock = clock
        self._file = None if settings.api_keys_file is None else _KeysFile(settings.api_keys_file)
        self._buckets: dict[ApiKey, TokenBucket | None] = {}
        self._next_look = -math.inf
        self._lock = threading.Lock()
        self.is_open = self._file is None
        """Whether prediction needs no key, so that `admit` need not be asked about it."""
        if self._file is not None:
            self._look(self._file)

    def admit(self, scope: Scope, headers: Mapping[bytes, bytes], client_host: str | None) -> str | None:
        """Let a request pass: the name of its key, or None where none is needed.

        `headers` by name in lower case. `client_host`: the caller's address, None if it has none (a Unix socket).

        :raise UnauthorizedError: it has no key, or one that is not known.
        :raise ForbiddenError: its key does not open this; or it would administer without keys from elsewhere.
        :raise RateLimitedError: its key has been used too often; says when to come again.
        :raise NotReadyError: the keys cannot be read, and never could be.
        """
        if self._file is None:
            if scope == "admin" and not is_local(headers, client_host):
                raise ForbiddenError(
                    "without API keys, administration answers programs on the service's own machine only; "
                    f"name a file of keys in {PREFIX}API_KEYS_FILE to open it to others"
                )
            return None
        presented = _presented(headers)
        if not presented:
            raise UnauthorizedError("an API key is needed, as `Authorization: Bearer …` or `X-API-Key: …`")
        with self._lock:
            self._look(self._file)
            if not self._buckets:
                raise NotReadyError("the service cannot read its API keys", retry_after_seconds=1)
            key = self._find(digest(presented))
            if key is None:
                raise UnauthorizedError("this API key is not known")
            if scope not in key.scopes:
                raise ForbiddenError(f"the API key {key.name!r} may not {_DOES[scope]}")
            bucket = self._buckets[key]
            wait_seconds = 0.0 if bucket is None else bucket.take(self._clock())
        if wait_seconds:
            raise RateLimitedError(
                f"the API key {key.name!r} may be used {key.requests_per_second:g} times a second",
                retry_after_seconds=math.ceil(wait_seconds),
            )
        return key.name

    def _find(self, presented_digest: str) -> ApiKey | None:
        """Takes the same time whichever key it is, or none."""
        found = None
        for key in self._buckets:
            if hmac.compare_digest(key.sha256, presented_digest):
                found = key
        return found

    def _look(self, file: _KeysFile) -> None:
        now = self._clock()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_SECONDS
        keys = file.changed()
        if keys is not None:
            # A key that stays as it was keeps its bucket: touching the file fills none.
            self._buckets = {key: self._buckets.get(key) or self._bucket(key, now) for key in keys}

    def _bucket(self, key: ApiKey, now: float) -> TokenBucket | None:
        if key.requests_per_second is None:
            return None
        burst = key.requests_per_second if key.burst is None else key.burst
        return TokenBucket(key.requests_per_second / self._workers, burst / self._workers, now)


class TokenBucket:
    """Fills at a rate, up to a size; a request takes one token. The clock is the caller's."""

    def __init__(self, tokens_per_second: float, size: float, now: float) -> None:
        """Begins full. A size below one is one: else nothing could ever be taken."""
        self._tokens_per_second = tokens_per_second
        self._size = max(1.0, size)
        self._tokens = self._size
        self._at = now

    def take(self, now: float) -> float:
        """Take a token: 0 if there was one, else nothing is taken, and the seconds until there will be one."""
        self._tokens = min(self._size, self._tokens + (now - self._at) * self._tokens_per_second)
        self._at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self._tokens_per_second


def check(settings: Settings) -> None:
    """To be asked at the start, when a person is there to mend what is wrong.

    :raise SettingsError: the keys file cannot be used.
    """
    if settings.api_keys_file is not None:
        read_keys(settings.api_keys_file)


class _KeysFile:
    """A keys file, and which state of it was read last."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, ...] | None = ()

    def changed(self) -> tuple[ApiKey, ...] | None:
        """Its keys, if it has changed and is good; a bad one is logged, once."""
        seen = self._state()
        if seen == self._seen:
            return None
        self._seen = seen  # taken before reading: what is written meanwhile is seen the next time
        try:
            keys = read_keys(self._path)
        except SettingsError as error:
            log.error("api_keys_refused", reason=str(error))
            return None
        if seen is not None and seen[0] & _OTHERS_MAY:
            log.warning("api_keys_exposed", path=str(self._path), mode=f"{seen[0] & 0o777:04o}", better="0600")
        log.info("api_keys_read", path=str(self._path), keys=len(keys))
        return keys

    def _state(self) -> tuple[int, ...] | None:
        """What differs after any change; None if it is not there."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mode, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _presented(headers: Mapping[bytes, bytes]) -> bytes:
    """The key in a request, `b""` if there is none. Ours goes first: `Authorization` may be a proxy's own."""
    ours = headers.get(b"x-api-key", b"").strip()
    if ours:
        return ours
    scheme, _, token = headers.get(b"authorization", b"").strip().partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else b""
