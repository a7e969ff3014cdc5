"""How an application is told to run, by `PEER_…` in its environment; without TensorFlow, so that a process that only speaks HTTP stays small."""

from __future__ import annotations

import os
from pathlib import Path

PORT = int(os.environ["PEER_PORT"])
WORKERS = int(os.environ["PEER_WORKERS"])
THREADS = int(os.environ["PEER_THREADS"])
"""TensorFlow's intra-op threads in each worker."""
WAIT_MS = int(os.environ["PEER_WAIT_MS"])
"""How long a batch is gathered for."""
MODEL_DIR = Path(os.environ["PEER_MODEL_DIR"])
BATCH_REQUESTS_MAX = 128
"""Requests that one call of the model may hold: as many as there are connections in the largest load."""
LITERT = os.environ.get("PEER_LITERT") == "1"
"""Whether the model runs in LiteRT, as in our engine, and not as TensorFlow's documentation says."""
