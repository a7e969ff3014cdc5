"""A request's id: the caller's own if it is a sane one, or a new one; echoed in the answer and in the log."""

from __future__ import annotations

import random
import re

HEADER = "X-Request-ID"
_SANE = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")


def request_id(given: str | None) -> str:
    """`given`, if it is 1 to 128 harmless characters; else 16 random hexadecimal digits."""
    if given and _SANE.fullmatch(given):
        return given
    # It is no secret, and the system's own random numbers take three times as long. A forked worker has its own seed.
    return f"{random.getrandbits(64):016x}"
