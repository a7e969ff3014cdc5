"""`labels.json` and `serving.json`, as they are found, changed, spoiled and taken away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from service.catalogue import Offer
from service.engine.offers import LABELS, SERVING, Defaults, ModelFiles
from service.engine.policy import Policy

DEFAULTS = Defaults("latest:1", canary_share=0.25, shadow_share=0.5)


Logged = list[structlog.typing.EventDict]


@pytest.fixture
def logged() -> Iterator[Logged]:
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.fixture
def files(tmp_path: Path) -> ModelFiles:
    return ModelFiles(tmp_path, DEFAULTS)


def complaints(logged: Logged) -> int:
    return sum(line["event"] == "model_file_refused" for line in logged)


def test_without_files_the_settings_hold(files: ModelFiles) -> None:
    assert files.read() == (Policy(latest=1), Offer({}, 0.25, 0.5))


def test_labels_are_read_again_each_time(files: ModelFiles, tmp_path: Path) -> None:
    for labels in ('{"stable": 3, "canary": 4}', '{"stable": 4}', "{}"):
        (tmp_path / LABELS).write_text(labels)
        assert files.read()[1].labels == eval(labels)  # noqa: S307  (what JSON and Python write alike)
    (tmp_path / LABELS).write_text('{"any name – at all": 1}')
    assert files.read()[1].labels == {"any name – at all": 1}
    (tmp_path / LABELS).unlink()
    assert files.read()[1].labels == {}


@pytest.mark.parametrize(
    ("content", "policy", "shares"),
    [
        ("{}", Policy(latest=1), (0.25, 0.5)),
        ('{"version_policy": "latest:2"}', Policy(latest=2), (0.25, 0.5)),
        ('{"canary_share": 0.1}', Policy(latest=1), (0.1, 0.5)),
        ('{"canary_share": 0, "shadow_share": 1}', Policy(latest=1), (0, 1)),
        ('{"version_policy": "specific:1,3", "shadow_share": 0.0}', Policy(specific=frozenset({1, 3})), (0.25, 0.0)),
    ],
)
def test_a_models_own_settings_win(
    content: str, policy: Policy, shares: tuple[float, float], files: ModelFiles, tmp_path: Path
) -> None:
    (tmp_path / SERVING).write_text(content)
    assert files.read() == (policy, Offer({}, *shares))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"null",
        b"3",
        b'{"stable": "3"}',
        b'{"stable": 0}',
        b'{"stable": -1}',
        b'{"stable": 1.5}',
        b'{"stable": true}',
        b'{"stable": null}',
        b'{"": 1}',
        b'{"stable": {"version": 1}}',
        b"[" * 100_000,
    ],
)
def test_labels_that_are_none_are_said_once_and_the_last_good_ones_kept(
    content: bytes, files: ModelFiles, tmp_path: Path, logged: Logged
) -> None:
    (tmp_path / LABELS).write_text('{"stable": 3}')
    files.read()
    (tmp_path / LABELS).write_bytes(content)
    for _ in range(3):
        assert files.read()[1].labels == {"stable": 3}
    assert complaints(logged) == 1
    (tmp_path / LABELS).write_text('{"stable": 4}')
    assert files.read()[1].labels == {"stable": 4}


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"version_policy": "newest"}',
        '{"version_policy": ""}',
        '{"version_policy": 1}',
        '{"canary_share": 1.1}',
        '{"canary_share": -0.1}',
        '{"shadow_share": "all"}',
        '{"canary_share": NaN}',
        '{"canary": 0.1}',
        '{"canary_share": 0.9, "note": "?"}',
    ],
)
def test_a_models_own_settings_are_taken_as_a_whole_or_not_at_all(
    content: str, files: ModelFiles, tmp_path: Path, logged: Logged
) -> None:
    (tmp_path / SERVING).write_text('{"version_policy": "latest:3", "canary_share": 0.5}')
    good = files.read()
    (tmp_path / SERVING).write_text(content)
    assert files.read() == files.read() == good
    assert complaints(logged) == 1


def test_each_spoiled_content_is_said(files: ModelFiles, tmp_path: Path, logged: Logged) -> None:
    for content in ("{", "[", "{"):
        (tmp_path / LABELS).write_text(content)
        assert files.read()[1].labels == {}
    assert complaints(logged) == 3


def test_a_directory_in_place_of_a_file_is_said_once(files: ModelFiles, tmp_path: Path, logged: Logged) -> None:
    (tmp_path / LABELS).mkdir()
    assert files.read() == files.read() == (Policy(latest=1), Offer({}, 0.25, 0.5))
    assert complaints(logged) == 1
