"""A sweep: what each of several choices brings, on validation pictures alone.

    --vary → axes → grid (or N of it at random) → plan: what fits, what it costs → a trial for each → table, picture

Nothing here imports TensorFlow until the first trial, so that a plan costs no wait.
"""
