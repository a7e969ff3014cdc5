"""TensorFlow Serving's REST API, `/v1/models/…`: what its clients send, and the bytes that it answers.

    addresses.py   paths                                   request.py    instances, inputs → arrays
    status.py      model status and metadata               examples.py   examples → arrays
    answer.py      arrays → predictions, outputs, results  job.py        arrays → the engine → arrays
    endpoint.py    the ways from one to the other

Names, types and order of what is answered are TensorFlow Serving's own, and so is the white space: some clients are
shell scripts. What differs, and why, is in docs/tfserving.md. No Flask, no TensorFlow.
"""
