"""The keys file and the command that writes it."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from service.api_keys import KEY_PREFIX, ApiKey, append, digest, main, new_key, parse_keys, read_keys, table
from service.settings import SettingsError

ROOT = Path(__file__).resolve().parents[3]
SCANNER = ApiKey("scanner", digest(b"one"), ("predict",), 50, 100)
OPS = ApiKey("ops@example.org", digest(b"two"), ("predict", "admin"))


def written(**changes: str) -> str:
    """A table of a file; a change of `""` leaves the line out."""
    fields = {"name": '"scanner"', "sha256": f'"{"0" * 64}"', "scopes": '["predict"]', **changes}
    return "[[key]]\n" + "".join(f"{name} = {value}\n" for name, value in fields.items() if value)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(table(SCANNER) + "# a remark\n" + table(OPS))
    assert read_keys(path) == (SCANNER, OPS)


def test_a_digest_is_the_sha256_of_the_key() -> None:
    assert digest("Schlüssel".encode()) == hashlib.sha256("Schlüssel".encode()).hexdigest()


def test_keys_are_long_random_and_plain() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(re.fullmatch(rf"{KEY_PREFIX}[A-Za-z0-9_-]{{43}}", key) for key in keys)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "Object missing required field `key`"),
        ("key = []", "Expected `array` of length >= 1 - at `$.key`"),
        ("[[key]", "Expected ']]' at the end of an array declaration"),
        ("[key]\nname = 1", "Expected `array`, got `object` - at `$.key`"),
        (written(name=""), "Object missing required field `name` - at `$.key[0]`"),
        (written(name='""'), "Expected `str` matching regex"),
        (written(name=r'"two\nlines"'), "Expected `str` matching regex"),
        (written(sha256='"1234"'), "Expected `str` matching regex"),
        (written(sha256=f'"{"A" * 64}"'), "Expected `str` matching regex"),
        (written(sha256=""), "Object missing required field `sha256` - at `$.key[0]`"),
        (written(key='"in the clear"'), "Object contains unknown field `key` - at `$.key[0]`"),
        (written(scopes="[]"), "Expected `array` of length >= 1 - at `$.key[0].scopes`"),
        (written(scopes='["root"]'), "Invalid enum value 'root' - at `$.key[0].scopes[0]`"),
        (written(requests_per_second="0"), "Expected `float` > 0.0 - at `$.key[0].requests_per_second`"),
        (written(requests_per_second="inf"), "Expected `float` <= 1000000.0 - at `$.key[0].requests_per_second`"),
        (written(requests_per_second="nan"), "Expected `float` > 0.0 - at `$.key[0].requests_per_second`"),
        (written(requests_per_second="5", burst="0.5"), "Expected `float` >= 1.0 - at `$.key[0].burst`"),
        (written(burst="5"), "key 'scanner' has a burst without requests_per_second"),
        (written() + written(sha256=f'"{"1" * 64}"'), "two keys have the name 'scanner'"),
        (written() + written(name='"other"'), f"two keys have the sha256 '{'0' * 64}'"),
        (written() + "[[keys]]\n", "Object contains unknown field `keys`"),
    ],
)
def test_a_file_that_cannot_be_used(text: str, fault: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=re.escape(fault)):
        parse_keys(text)
    path = tmp_path / "keys.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=re.escape(fault)) as caught:
        read_keys(path)
    assert str(caught.value).startswith(f"DIGITS_API_KEYS_FILE: {path}: ")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read_keys(tmp_path / "absent")
    assert str(caught.value) == f"DIGITS_API_KEYS_FILE: {tmp_path}/absent cannot be read: No such file or directory"
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="DIGITS_API_KEYS_FILE: .*binary: 'utf-8' codec"):
        read_keys(tmp_path / "binary")


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    append(path, SCANNER)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == table(SCANNER)


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_key_is_added_and_all_else_stays(end: str, tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text("# ours\n" + table(SCANNER).rstrip() + end)
    path.chmod(0o640)
    append(path, OPS)
    assert path.read_text() == "# ours\n" + table(SCANNER) + "\n" + table(OPS)
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_key_that_would_spoil_the_file_is_not_added(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    append(path, SCANNER)
    with pytest.raises(SettingsError, match=f"{path}: two keys have the name 'scanner'"):
        append(path, ApiKey("scanner", digest(b"three"), ("predict",)))
    assert path.read_text() == table(SCANNER)


def test_several_may_be_added_at_once(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    threads = [
        threading.Thread(target=append, args=(path, ApiKey(f"key-{i}", digest(b"%d" % i), ("predict",))))
        for i in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {key.name for key in read_keys(path)} == {f"key-{i}" for i in range(8)}


def test_the_command_prints_a_key_and_its_table(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["new", "--name", "scanner", "--scope", "predict", "--scope", "admin", "--rate", "2.5", "--burst", "10"]
    assert main([*arguments, "--scope", "predict"]) == 0
    said = capsys.readouterr()
    secret, _, toml = said.out.partition("\n\n")
    assert parse_keys(toml) == (ApiKey("scanner", digest(secret.encode()), ("predict", "admin"), 2.5, 10),)
    assert secret not in toml + said.err


def test_the_command_adds_to_a_file_and_prints_nothing_but_the_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "keys.toml"
    secrets = []
    for name in ("one", "two"):
        assert main(["new", "--name", name, "--scope", "predict", "--file", str(path)]) == 0
        secrets.append(capsys.readouterr().out.strip())
    assert [key.sha256 for key in read_keys(path)] == [digest(secret.encode()) for secret in secrets]
    assert not any(secret in path.read_text() for secret in secrets)


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["--name", "two words"], "error: Expected `str` matching regex"),
        (["--name", "a", "--rate", "0"], "error: Expected `float` > 0.0 - at `$.requests_per_second`"),
        (["--name", "a", "--burst", "5"], "error: key 'a' has a burst without requests_per_second"),
        (["--name", "a", "--file", "/nowhere/keys.toml"], "error: /nowhere/keys.toml cannot be written: No such file"),
    ],
)
def test_a_command_that_cannot_be_done(arguments: list[str], fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "--scope", "predict", *arguments]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(fault)
    assert said.out == ""


@pytest.mark.parametrize("arguments", [[], ["new"], ["new", "--name", "a"], ["new", "--name", "a", "--scope", "root"]])
def test_a_command_that_makes_no_sense(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: python -m service.api_keys" in capsys.readouterr().err


def test_the_file_in_the_documentation_is_one() -> None:
    document = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    shown = document.partition("```toml\n")[2].partition("```")[0]
    scanner, operations = parse_keys(shown)
    assert (scanner.name, scanner.scopes, scanner.requests_per_second) == ("scanner", ("predict",), 50)
    assert (operations.name, operations.scopes) == ("operations", ("admin",))
    assert shown == f"{table(scanner)}\n{table(operations)}"


def test_it_is_a_command(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    command = [sys.executable, "-m", "service.api_keys", "new", "--name", "a", "--scope", "admin", "--file", str(path)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env={**os.environ, "LANG": "C"})
    assert read_keys(path) == (ApiKey("a", digest(ran.stdout.strip().encode()), ("admin",)),)
