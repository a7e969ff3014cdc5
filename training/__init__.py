"""The offline half: data in, versioned SavedModels out.

    data → make → augment → fit → fold → calibrate → export → score → card → publish

One command walks the whole way (`python -m training train`) and leaves one new directory,
`models/<name>/<version>/`: a SavedModel that scales its own input and calibrates its own output, and beside it, in
`assets.extra/card.json`, all that is worth knowing about it. That directory is all that the online half ever sees:
`training` and `service` do not import each other.

The environment is read in `training.settings` alone. TensorFlow is imported late, so that `--help` and a wrong
argument answer at once, and `training.publish`, `training.metrics` and `training.calibrate` never need it.
"""
