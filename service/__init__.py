"""The online half: bytes in, predictions out. Knows nothing of `training`; the two meet in `models/` alone."""
