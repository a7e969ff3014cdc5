"""The Open Inference Protocol (v2) as KServe specifies it, with the extensions of NVIDIA's Triton that fit this service.

    body ── message.py ──▶ InferenceRequest ── inputs.py ──▶ arrays ── endpoint.py, the engine ──▶ arrays
         ── answer.py, classification.py ──▶ body
    catalogue ── metadata.py, repository.py ──▶ documents          metrics ── statistics.py ──▶ a document

Source: the specification at github.com/kserve/open-inference-protocol and the extensions described in docs/protocol of
github.com/triton-inference-server/server. No Flask, no TensorFlow; the routes are in `service.routes.oip`.
"""
