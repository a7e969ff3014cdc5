"""A user's own data: IDX files, an npz file, or a folder with one subfolder per class.

    path → kind → reader → Parts → test part set aside, if there is none → checks → Dataset

The readers give arrays and class names and know nothing of each other; what holds for all of them is checked once.
"""

from training.data.own.loading import load_own
from training.data.own.reading import Reading

__all__ = ["Reading", "load_own"]
