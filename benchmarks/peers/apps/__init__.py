"""The peers' applications: each runs in the virtual environment of its own peer, and knows nothing of the others.

    body → pictures.py (our decoder) → uint8 (N,28,28,1) → the peer's batching → model.py → pictures.py → JSON

All take the same bodies and give the same answer; what differs is the peer. `PEER_PORT`, `PEER_WORKERS`, `PEER_THREADS`,
`PEER_WAIT_MS` and `PEER_MODEL_DIR` say how to run.
"""
