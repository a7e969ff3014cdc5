"""The running service against its own description: `schemathesis` asks what `/openapi.json` allows and forbids.

All of its checks, in the phases coverage (every boundary of every schema) and fuzzing; the exceptions, each with its
reason, are in `schemathesis.toml`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.service_process import MODEL, started
from tests.reference import Reference

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
EXAMPLES = "3"  # an operation; the coverage phase adds some fifty
PATIENCE_SECONDS = 1500

pytestmark = [pytest.mark.slow, pytest.mark.timeout(PATIENCE_SECONDS + 60)]


def test_every_answer_is_as_described(reference: Reference, tmp_path: Path) -> None:
    models_dir = tmp_path / "models"
    shutil.copytree(reference.models_dir, models_dir)
    for name in (MODEL, "other"):
        (models_dir / name / "labels.json").write_text(json.dumps({"stable": 1}))
    with started(models_dir) as service:
        service.wait_until_ready()
        ran = subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")),
                f"--config-file={HERE / 'schemathesis.toml'}",
                "run",
                f"{service.url}/openapi.json",
                "--phases=examples,coverage,fuzzing",
                f"--max-examples={EXAMPLES}",
                "--generation-deterministic",  # the same requests in every run
                "--continue-on-failure",
                "--no-shrink",
                "--no-color",
                "--warnings=off",
            ],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.e2e.schemathesis_hooks"},
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert "Tested: " in ran.stdout
        # An operation that is asked for nothing real would pass, too.
        for route in (
            "/predict",
            "/models/<name>/nearest",
            "/models/<name>/explain",
            "/convolve",
            "/v2/models/<name>/infer",
        ):
            assert service.metric("digits_requests_total", route=route, status="200") > 0, route
        assert not service.events("internal_error")
