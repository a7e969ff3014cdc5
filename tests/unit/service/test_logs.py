"""Logs as another process writes them: to configure them here would take pytest's own away."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

SPEAKS = """
import logging, sys, warnings
from service import logs, settings
logs.configure(settings.load(log_format=sys.argv[1], log_level=sys.argv[2]), "http")
log = logs.get("service.test")
log.debug("too_quiet", n=0)
log.info("model_available", model="cnn", seconds=1.5)
logging.getLogger("gunicorn.error").warning("from %s", "gunicorn")
warnings.warn("from Python")
secret = "what a request held"
try:
    1 / 0
except ZeroDivisionError:
    log.exception("internal_error", id="id-1")
"""


def said(*arguments: str) -> list[str]:
    """The lines on stderr; nothing else may be said."""
    ran = subprocess.run([sys.executable, "-c", SPEAKS, *arguments], capture_output=True, text=True, check=True)
    assert ran.stdout == ""
    return ran.stderr.splitlines()


def test_for_machines_every_line_is_an_object_whoever_speaks() -> None:
    lines: list[dict[str, Any]] = [json.loads(line) for line in said("json", "info")]
    assert [line["event"].partition("\n")[0].rpartition("UserWarning: ")[2] for line in lines] == [
        "model_available",
        "from gunicorn",
        "from Python",
        "internal_error",
    ]
    assert [line["level"] for line in lines] == ["info", "warning", "warning", "error"]
    assert all(line["process"] == "http" and line["timestamp"].endswith("Z") for line in lines)
    assert (lines[0]["model"], lines[0]["seconds"]) == ("cnn", 1.5)
    assert lines[-1]["id"] == "id-1"
    assert "ZeroDivisionError" in lines[-1]["exception"]


def test_without_a_terminal_the_lines_are_for_machines() -> None:
    assert [json.loads(line)["event"] for line in said("auto", "error")] == ["internal_error"]


def test_for_people_a_line_is_text_and_a_traceback_shows_no_values() -> None:
    text = "\n".join(said("console", "debug"))
    for part in ("too_quiet", "model_available", "model=cnn", "from gunicorn", "ZeroDivisionError: division by zero"):
        assert part in text
    assert "what a request held" not in text.replace('secret = "what a request held"', "")
    assert "\x1b" not in text
