"""What reloading costs for good."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.engine.conftest import put_version
from tests.engine.peer import Engine
from tests.processes import eventually_equal
from tests.reference import Reference

RELOADS, SETTLED = 50, 5


def resident_bytes(pid: int) -> int:
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024


@pytest.mark.slow
def test_reloads_in_a_row_leave_memory_as_it_was(reference: Reference, tmp_path: Path) -> None:
    models_dir, source = tmp_path / "models", reference.models_dir / "toy" / "1"
    settings = {"version_policy": "latest:1", "models_poll_seconds": "0.02", "engine_heartbeat_seconds": "0.02"}
    put_version(source, models_dir, "toy", 1)
    levels_bytes = []
    with Engine.started(models_dir, **settings) as engine, engine.connect() as peer:
        for version in range(2, RELOADS + 2):
            put_version(source, models_dir, "toy", version)
            shutil.rmtree(models_dir / "toy" / str(version - 1))
            eventually_equal(lambda: peer.states("toy"), {version: "available"})
            # An order is obeyed after what was queued before it: the old version has been closed then.
            assert peer.control("load", "toy").error == ""
            levels_bytes.append(resident_bytes(engine.family.pid))
        assert len(peer.ask("toy", RELOADS + 1, reference.images).energy) == len(reference.images)
    print([round(level / 2**20, 1) for level in levels_bytes])  # noqa: T201  (for whoever runs it with -s)
    assert levels_bytes[-1] <= 1.1 * levels_bytes[SETTLED - 1]
