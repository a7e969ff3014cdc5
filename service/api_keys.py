"""API keys: the file that holds them, and the command that makes them.

    [[key]]
    name = "scanner"
    sha256 = "…"                 # of the key; the key itself is nowhere but with its holder
    scopes = ["predict"]         # "predict", "admin" or both
    requests_per_second = 50     # optional
    burst = 100                  # optional: how many at once after a pause; one second's worth if left out

    python -m service.api_keys new --name scanner --scope predict --rate 50 --file keys.toml

A plain hash is enough, as keys are 256 random bits and no passwords: there is no list of likely ones to try.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import secrets
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, get_args

import msgspec

from service.settings import PREFIX, SettingsError

Scope = Literal["predict", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
KEY_PREFIX = "digits_"
"""So that whoever finds one, a program that looks for secrets above all, knows what it opens."""
RATE_LIMIT = 1e6
"""More requests a second than any service here answers: infinity and slips of the keyboard are refused."""
_RANDOM_BYTES = 32


class ApiKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of a key."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")]
    """Stands in the log."""
    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
    scopes: Annotated[tuple[Scope, ...], msgspec.Meta(min_length=1)]
    requests_per_second: Annotated[float, msgspec.Meta(gt=0, le=RATE_LIMIT)] | None = None
    """Over all workers together; None for no limit."""
    burst: Annotated[float, msgspec.Meta(ge=1, le=RATE_LIMIT)] | None = None


class _File(msgspec.Struct, forbid_unknown_fields=True):
    key: Annotated[tuple[ApiKey, ...], msgspec.Meta(min_length=1)]


def read_keys(path: Path) -> tuple[ApiKey, ...]:
    """The keys in a file; at least one.

    :raise SettingsError: it cannot be read, is not TOML, or holds something else; names the setting and what is wrong.
    """
    try:
        return parse_keys(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{PREFIX}API_KEYS_FILE: {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise SettingsError(f"{PREFIX}API_KEYS_FILE: {path}: {error}") from None


def parse_keys(text: str) -> tuple[ApiKey, ...]:
    """The keys in a file's text.

    :raise ValueError: it is not TOML, holds no key or something else, or two keys have one name or one hash.
    """
    keys = msgspec.convert(tomllib.loads(text), _File).key
    for field in ("name", "sha256"):
        values = [getattr(key, field) for key in keys]
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise ValueError(f"two keys have the {field} {twice[0]!r}")
    for key in keys:
        if key.burst is not None and key.requests_per_second is None:
            raise ValueError(f"key {key.name!r} has a burst without requests_per_second")
    return keys


def digest(key: bytes) -> str:
    """The SHA-256 of a key, in hexadecimal."""
    return hashlib.sha256(key).hexdigest()


def new_key() -> str:
    """A key that nobody has: 256 random bits, in characters that need no quoting."""
    return KEY_PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def table(key: ApiKey) -> str:
    """The key as it stands in the file."""
    scopes = ", ".join(f'"{scope}"' for scope in key.scopes)
    lines = ["[[key]]", f'name = "{key.name}"', f'sha256 = "{key.sha256}"', f"scopes = [{scopes}]"]
    if key.requests_per_second is not None:
        lines.append(f"requests_per_second = {key.requests_per_second:g}")
    if key.burst is not None:
        lines.append(f"burst = {key.burst:g}")
    return "\n".join(lines) + "\n"


def append(path: Path, key: ApiKey) -> None:
    """Add a key to a file, which is made, for its owner alone, if there is none.

    :raise SettingsError: the file cannot be written, or with the key it would not be what `read_keys` reads.
    """
    try:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "r+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            there = file.read()
            added = ("" if not there else "\n" if there.endswith("\n") else "\n\n") + table(key)
            parse_keys(there + added)
            # In one piece: a service may be reading, and keeps its keys when it sees half a table.
            os.write(file.fileno(), added.encode())
            os.fsync(file.fileno())
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}") from None
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Make a key; exit status 0, or 2 when it cannot be done as asked."""
    options = _parser().parse_args(arguments)
    secret = new_key()
    try:
        key = msgspec.convert(
            {
                "name": options.name,
                "sha256": digest(secret.encode()),
                "scopes": list(dict.fromkeys(options.scope)),
                "requests_per_second": options.rate,
                "burst": options.burst,
            },
            ApiKey,
        )
        parse_keys(table(key))
        if options.file is not None:
            append(options.file, key)
    except (SettingsError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    sys.stdout.write(f"{secret}\n")
    if options.file is None:
        sys.stdout.write(f"\n{table(key)}")
        sys.stderr.write("The first line is the key, shown this once; the rest belongs into the keys file.\n")
    else:
        sys.stderr.write(f"This is the key, shown this once; its hash stands in {options.file}.\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m service.api_keys", description="Make API keys.")
    commands = parser.add_subparsers(dest="command", required=True)
    new = commands.add_parser(
        "new", help="make a key", description="Print a new key, and what the service has to know."
    )
    new.add_argument("--name", required=True, help="whose it is; stands in the log")
    new.add_argument("--scope", required=True, action="append", choices=SCOPES, help="what it opens; may be repeated")
    new.add_argument("--rate", type=float, help="requests a second it may make, over all workers (default: no limit)")
    new.add_argument("--burst", type=float, help="how many at once after a pause (default: one second's worth)")
    new.add_argument("--file", type=Path, help="the keys file to add it to, instead of printing what to add")
    return parser


if __name__ == "__main__":
    sys.exit(main())
